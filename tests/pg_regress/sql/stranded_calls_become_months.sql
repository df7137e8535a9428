-- Calls of months that did not exist become months without being copied, with their keys; what lies on the other side of
-- existing months becomes its own.
BEGIN;
SELECT voice._create_months('{2001-06-01}') IS NOT NULL AS made LIMIT 1;
SELECT voice_import_call('{"id": "may", "vertical": "salon", "started_at": "2001-05-05T10:00:00Z", "turns": [{"role": "user", "text": "a"}], "tool_calls": [{"name": "book"}]}') AS may \gset
SELECT voice_import_call('{"id": "april", "vertical": "salon", "started_at": "2001-04-05T10:00:00Z", "turns": [{"role": "user", "text": "b"}]}') AS april \gset
SELECT voice_import_call('{"id": "july", "vertical": "salon", "started_at": "2001-07-05T10:00:00Z", "turns": [{"role": "user", "text": "c"}, {"role": "assistant", "text": "d"}]}') AS july \gset
SELECT relfilenode AS before FROM pg_class WHERE oid = 'voice.call_default'::regclass \gset
SELECT count(*) AS jobs FROM voice.job;
-- Nobody asked for these months: nothing happens.
SELECT count(*) FROM voice._swap_default_rows('{2001-08-01}');
SELECT l FROM voice._swap_default_rows('{2001-04-01,2001-05-01,2001-07-01}') l WHERE l ~ '^call';
SELECT relfilenode = :before AS not_copied FROM pg_class WHERE oid = 'voice.call_2001_04_to_2001_05'::regclass;
-- Names follow: nothing of the DEFAULT's is left on the month, nor of the making on the new DEFAULT.
SELECT i.indexrelid::regclass AS index FROM pg_index i
WHERE i.indrelid = ANY ('{voice.call_2001_04_to_2001_05,voice.call_default,voice.turn_default}'::regclass[]) ORDER BY i.indexrelid::regclass::text COLLATE "C";
SELECT count(*) AS misnamed FROM unnest(voice._partitioned_tables()) f CROSS JOIN LATERAL voice._partitions(f) l
JOIN pg_index i ON i.indrelid = l.partition JOIN pg_class c ON c.oid = l.partition JOIN pg_class x ON x.oid = i.indexrelid
WHERE NOT starts_with(x.relname, c.relname || '_');
SELECT c.external_id, c.tableoid::regclass AS call, t.tableoid::regclass AS turn, t.text, k.tableoid::regclass AS tool_call
FROM voice.call c JOIN voice.turn t ON t.call_id = c.id LEFT JOIN voice.tool_call k ON k.call_id = c.id ORDER BY c.id, t.id;
SELECT count(*) AS jobs_are_as_before FROM voice.job;
SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname ~ '^turn_2001_(04|07)' ORDER BY relname;
-- The new DEFAULT takes what comes, and the keys hold in each.
SELECT voice_import_call('{"id": "august", "vertical": "salon", "started_at": "2001-08-05T10:00:00Z", "turns": [{"role": "user", "text": "e"}]}') AS august \gset
SELECT tableoid::regclass FROM voice.call WHERE id = :'august';
DELETE FROM voice.call WHERE id = :'july';
SELECT count(*) AS turns_left FROM voice.turn;
SAVEPOINT s;
\set VERBOSITY terse
INSERT INTO voice.turn (call_id, role, text) VALUES (voice_uuidv7('2001-05-06 00:00+00'), 'user', 'nobody''s');
ROLLBACK TO s;
\set VERBOSITY default
-- Dropped, whole months go; detached ones stay, as tables of their own.
INSERT INTO voice.dead_job (id, call_id, attempts, kind) VALUES (1, :'may', 1, 'analyze');
SELECT l FROM voice_drop_partitions(now() - '2001-07-02 12:00+00', detach_only => true) l WHERE l ~ '^(call|turn)';
SELECT count(*) AS calls, (SELECT count(*) FROM voice.call_2001_04_to_2001_05) AS detached, (SELECT count(*) FROM voice.dead_job) AS dead FROM voice.call;
SELECT day, agent_id, calls FROM voice.daily ORDER BY day;
SELECT count(*) FROM voice_drop_partitions(now() - '2001-07-02 12:00+00');
ROLLBACK;

-- What was proved beforehand is not read again while everybody waits.
BEGIN;
SELECT voice_import_call('{"id": "may", "vertical": "salon", "started_at": "2001-05-05T10:00:00Z", "turns": [{"role": "user", "text": "a"}]}') AS may \gset
SELECT lower, upper FROM voice._ids_of('2001-05-01') \gset
SELECT voice._add_bound_checks(ARRAY[:'lower'::uuid], ARRAY[:'upper'::uuid], true);
SELECT count(voice._validate_bound_check(f)) FROM unnest(voice._partitioned_tables()) f;
SELECT array_agg(to_regclass('voice.' || f || '_default')::oid) AS leaves FROM unnest(voice._partitioned_tables()) f \gset
SELECT sum(seq_scan) AS scans, sum(idx_scan) AS probes FROM pg_stat_xact_all_tables WHERE relid = ANY (:'leaves') \gset
SELECT count(*) FROM voice._swap_default(:'lower', :'upper', '2001_05');
SELECT sum(seq_scan) - :scans AS scans, sum(idx_scan) - :probes AS probes FROM pg_stat_xact_all_tables WHERE relid = ANY (:'leaves');
SELECT tableoid::regclass FROM voice.call WHERE id = :'may';
ROLLBACK;
