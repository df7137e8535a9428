-- A backfill of an analysis queues the calls that it applies to and that lack its newest version; a trial queues a sample, stores
-- beside what is stored, and says what differs.
\set SHOW_CONTEXT never
BEGIN;
SET LOCAL timezone = 'UTC';
-- No server is asked here: as if a model were set.
CREATE OR REPLACE FUNCTION voice._analyzer() RETURNS jsonb LANGUAGE sql
AS $$ SELECT '{"analyzer": "llm", "version": "v9", "rule_version": "rule", "prompt_chars": 4000, "max_chars": 60000}'::jsonb $$;
INSERT INTO voice.agent (id, vertical) VALUES ('a', 'Salon'), ('b', 'dental');
INSERT INTO voice.analysis (name, version, vertical, model, min_user_turns, schema, criteria) VALUES
    ('booking', 1, NULL, NULL, 1, '{"type": "object", "properties": {"service": {"type": "string"}}}', NULL),
    ('booking', 2, 'salon', NULL, 2, '{"type": "object", "properties": {"service": {"type": "string"}}}', '[{"name": "greeted"}]'),
    ('care', 1, NULL, 'big', 1, '{"type": "object", "properties": {"pain": {"type": "integer"}}}', NULL),
    ('gone', 1, NULL, NULL, 1, '{"type": "object", "properties": {}}', NULL);
UPDATE voice.analysis SET retired_at = now() WHERE name = 'gone';
-- Of 'b' none, of 'a' one with a single turn of the caller.
SELECT n, voice_import_call(jsonb_build_object('id', 't-' || n, 'agent', CASE WHEN n IN (5, 6) THEN 'b' ELSE 'a' END,
    'started_at', now() - n * interval '1 hour', 'duration_ms', 1000,
    'turns', jsonb_build_array('{"role": "user", "text": "hi"}'::jsonb, '{"role": "assistant", "text": "hello"}'::jsonb) ||
             CASE WHEN n <> 4 THEN '[{"role": "user", "text": "a cut please"}]'::jsonb ELSE '[]' END)) AS call
INTO TEMP calls FROM generate_series(1, 7) n;
DELETE FROM voice.job;
INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action, unsupported)
SELECT c.id, c.started_at, 0.5, 80, c.agent_id, 'x', 'sales', 'small', 'v9', 's', 'n', 1 FROM voice.call c;
-- Call 1 is judged by the newest version, of its words; 2 by it, of other words; 3 by the version before.
INSERT INTO voice.result (call_id, started_at, agent_id, vertical, analysis, version, model, prompt_version, transcript_hash, score, success, criteria, "values")
SELECT c.id, c.started_at, c.agent_id, 'Salon', 'booking', CASE n.n WHEN 3 THEN 1 ELSE 2 END, 'small', 'v9',
       CASE n.n WHEN 2 THEN '\x00' ELSE voice._transcript_hash(c.id) END, 50, 'pass', '{"greeted": {"verdict": "pass"}}', '{"service": "cut"}'
FROM calls n JOIN voice.call c ON c.id = n.call WHERE n.n < 4;
SELECT a.name, a.version FROM voice._applying_definitions('', 'a', ' SALON') a ORDER BY 1;
SELECT a.name, a.version FROM voice._applying_definitions('', 'b', 'dental') a ORDER BY 1;
SELECT voice_backfill(name => 'booking'), voice_backfill(name => 'booking', stale => true), voice_backfill(name => 'care', max_calls => 4);
SELECT n.n, j.kind, j.priority FROM voice.job j JOIN calls n ON n.call = j.call_id ORDER BY n.n;
DELETE FROM voice.job;
SELECT voice_backfill(name => 'booking', stale => true, dry_run => true);
SELECT voice_backfill(stale => true, dry_run => true);
SELECT count(*) FROM voice.job;
-- A trial of an analysis, and one of the fixed row.
SELECT voice_trial(3, name => 'booking', version => 1, model => 'big') AS one \gset
SELECT voice_trial(2) AS two \gset
SELECT name, version, model, sample, calls FROM voice.trial ORDER BY id;
SELECT event::bigint - :one AS trial, kind, priority, count(*) FROM voice.job GROUP BY 1, 2, 3 ORDER BY 1;
SELECT voice._store_trial(:one, call, CASE n WHEN 3 THEN NULL WHEN 2 THEN '{"version": 1, "values": {"service": "cut"}, "criteria": {"greeted": {"verdict": "pass"}}, "score": 60, "success": "pass"}'::jsonb
    ELSE '{"version": 1, "values": {"service": "wash"}, "criteria": {"greeted": {"verdict": "fail"}}, "score": 10, "success": "fail"}' END,
    2, 'big', 100, 10, n * 100, CASE n WHEN 3 THEN 'no JSON' END) FROM calls WHERE n < 4;
SELECT jsonb_pretty(voice_trial_report(:one) #- '{trial,created_at}' #- '{trial,id}' #- '{last_judged_at}' #- '{changed_calls}');
SELECT n.n FROM jsonb_array_elements_text(voice_trial_report(:one)->'changed_calls') c JOIN calls n ON n.call = c::uuid;
SELECT voice._store_trial(:two, call_id, '{"sentiment": 0.1, "lead_score": 85, "intent": "info"}', 0, 'small', 50, 5, 10, NULL) FROM voice.job WHERE event = :'two';
SELECT voice_trial_report(:two) #- '{trial,created_at}' #- '{trial,id}' #- '{last_judged_at}' #- '{changed_calls}' AS report;
SELECT count(*) AS results, sum(score) AS score, min(success) AS success FROM voice.result;
-- Each its own error.
SAVEPOINT s;
SELECT voice_backfill(name => 'gone');
ROLLBACK TO s;
SELECT voice_backfill(name => 'none');
ROLLBACK TO s;
SELECT voice_trial(0, '2026-01-01 00:00+00');
ROLLBACK TO s;
SELECT voice_trial(version => 1);
ROLLBACK TO s;
SELECT voice_trial(name => 'booking', version => 9);
ROLLBACK TO s;
SELECT voice_trial(since => '2026-01-01 00:00+00', vertical => 'moon', model => 'big') IS NOT NULL AS made;
ROLLBACK TO s;
SELECT voice_trial_report(-1);
ROLLBACK TO s;
CREATE OR REPLACE FUNCTION voice._analyzer() RETURNS jsonb LANGUAGE sql AS $$ SELECT '{"analyzer": "builtin"}'::jsonb $$;
SELECT voice_backfill(name => 'booking');
SELECT voice_trial();
ROLLBACK;
