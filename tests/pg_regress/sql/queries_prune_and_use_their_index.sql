-- Every public query opens the months that count and no other, by an index: the plans that really ran, of the functions
-- and of the statements inside them, as auto_explain reports them to a session of its own.
SELECT current_database() AS home,
       EXISTS (SELECT FROM pg_ls_dir((SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR')) f WHERE f ~ '^auto_explain[.]') AS has_auto_explain
\gset
\if :has_auto_explain
\else
    \echo 'skipped: this server has no auto_explain'
    \quit
\endif
CREATE DATABASE regress_voice_plans;
\c regress_voice_plans
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION voice_analytics;
CREATE ROLE regress_voice_app NOLOGIN;
GRANT USAGE ON SCHEMA voice TO regress_voice_app;
GRANT SELECT, INSERT, UPDATE ON voice.agent, voice.call, voice.turn, voice.tool_call, voice.analytics TO regress_voice_app;
GRANT SELECT ON voice.analysis, voice.result, voice.daily, voice.daily_result TO regress_voice_app;
GRANT EXECUTE ON FUNCTION voice._zone(), voice._results(text, timestamptz, int, text, int), voice._counted_results(text), voice._result_sums(text, text) TO regress_voice_app;

-- 36 months, three ahead and the DEFAULT are 40 leaves. Of three tenants, 40 calls in a month, 500 in the newest two; as a
-- replica, which fires no triggers.
SELECT date_trunc('month', now()) AS this_month \gset
SET client_min_messages = warning;
SELECT count(*) > 0 AS created FROM voice_create_partitions(3, :'this_month'::timestamptz - interval '35 months');
RESET client_min_messages;
SELECT count(*) AS leaves FROM voice._partitions('call');
SET session_replication_role = replica;
INSERT INTO voice.agent (id, tenant_id, vertical)
SELECT 'a' || i, CASE WHEN i < 4 THEN '' WHEN i < 8 THEN 'other' ELSE 'small' END, 'trade' || i % 4 FROM generate_series(0, 8) i;
INSERT INTO voice.call (id, started_at, ended_at, status, tenant_id, agent_id, from_number, external_id)
SELECT voice_uuidv7(at), at, at + interval '1 minute', 'completed', a.tenant_id, a.id, '+1' || n % 50, 'e' || m || '-' || n
FROM generate_series(0, 35) m, generate_series(0, CASE WHEN m < 2 THEN 499 ELSE 39 END) n,
     LATERAL (SELECT :'this_month'::timestamptz - m * interval '1 month' + n * interval '1 hour') s(at),
     voice.agent a WHERE a.id = 'a' || n % 9;
INSERT INTO voice.turn (call_id, tenant_id, role, text, started_at)
SELECT c.id, c.tenant_id, 'user', CASE c.external_id WHEN 'e1-480' THEN 'appointment in zanzibar' ELSE 'appointment' END, c.started_at
FROM voice.call c, generate_series(1, 4);
INSERT INTO voice.tool_call (call_id, tenant_id, name, invoked_at) SELECT id, tenant_id, 'book', started_at FROM voice.call;
-- One call of each month is not analysed.
INSERT INTO voice.analytics (call_id, tenant_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version,
                             summary, next_action)
SELECT c.id, c.tenant_id, c.started_at, 0, row_number() OVER () % 101, c.agent_id, a.vertical, 'info', 'm', '1', '', ''
FROM voice.call c JOIN voice.agent a ON a.id = c.agent_id WHERE c.external_id NOT LIKE '%-7';
INSERT INTO voice.analysis (tenant_id, name, version, schema) SELECT t, a, 1, '{}' FROM unnest('{"",other,small}'::text[]) t, unnest('{booking,care}'::text[]) a;
INSERT INTO voice.result (call_id, tenant_id, started_at, agent_id, vertical, analysis, version, model, prompt_version, evidence)
SELECT c.call_id, c.tenant_id, c.started_at, c.agent_id, c.vertical, d.name, d.version, 'm', '1', '[{"claim": "values.x", "turn": 1}]'
FROM voice.analytics c JOIN voice.analysis d ON d.tenant_id = c.tenant_id;
INSERT INTO voice.search_document (call_id, tenant_id, document)
SELECT call_id, min(tenant_id), to_tsvector('simple', string_agg(text, ' ')) FROM voice.turn GROUP BY call_id;
RESET session_replication_role;
ANALYZE;

-- Asks in a session of its own: an application of one tenant, under row-level security. A leaf of forty rows is read
-- fastest as a whole, so that is forbidden: what is shown is that the index can be used, through all that stands in
-- its way.
CREATE TEMP TABLE said (n int GENERATED ALWAYS AS IDENTITY, line text);
CREATE FUNCTION plans(asked text, tenant text, OUT execution bigint, OUT plan jsonb) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    script CONSTANT text := format(E'SET ROLE regress_voice_app; SET enable_seqscan = off; SET voice_analytics.tenant = %L;\n%s\n',
                                   tenant, asked);
    command CONSTANT text := format(
        'printf %%s ''%s'' | PGOPTIONS="-c session_preload_libraries=auto_explain -c auto_explain.log_min_duration=0'
        ' -c auto_explain.log_nested_statements=on -c auto_explain.log_format=json -c auto_explain.log_analyze=on'
        ' -c auto_explain.log_timing=off -c client_min_messages=log" %s/psql -XqAt -o /dev/null -h %s -p %s -U %s -d %s 2>&1',
        replace(script, '''', '''\'''''), (SELECT setting FROM pg_config WHERE name = 'BINDIR'),
        split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), session_user, current_database());
BEGIN
    TRUNCATE said;
    -- A line is one value: neither of these two characters is in it.
    EXECUTE format('COPY said (line) FROM PROGRAM %L WITH (FORMAT csv, DELIMITER E''\x01'', QUOTE E''\x02'')', command);
    IF EXISTS (SELECT FROM said WHERE line ~ '^(ERROR|FATAL|psql)') THEN
        RAISE EXCEPTION '%', (SELECT string_agg(line, E'\n' ORDER BY n) FROM said WHERE line ~ '^(ERROR|FATAL|psql|DETAIL|HINT|LINE)');
    END IF;
    -- The plans of what a function asks come before the plan of what called it, which ends an execution.
    RETURN QUERY
    WITH line AS (
        SELECT s.n, s.line, count(*) FILTER (WHERE s.line LIKE 'LOG:%plan:') OVER (ORDER BY s.n) AS place FROM said s
    ), logged AS (
        SELECT l.place, string_agg(l.line, E'\n' ORDER BY l.n)::jsonb AS plan
        FROM line l WHERE l.line NOT LIKE 'LOG:%' GROUP BY l.place
    )
    SELECT 1 + count(*) FILTER (WHERE strpos(asked, l.plan ->> 'Query Text') > 0)
                        OVER (ORDER BY l.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), l.plan
    FROM logged l;
END
$$;

-- For each table: how the leaves that hold rows were read, how many leaves were read, and how many were opened for it.
-- A plan for all values holds all leaves: `later` is how many of them, of all its tables, went before they were opened.
-- A call is found by its id through either of the two indexes that begin with it.
CREATE FUNCTION shape(asked text, tenant text DEFAULT '')
RETURNS TABLE (executions text, "table" text, how text, read bigint, opened bigint, later bigint) LANGUAGE sql AS $$
    WITH node AS (
        SELECT p.execution, n, coalesce(c.oid, i.indrelid) AS leaf, x.oid AS index
        FROM plans(asked, tenant) p
        CROSS JOIN jsonb_path_query(p.plan, 'strict $.** ? (exists(@."Node Type"))') n
        LEFT JOIN pg_class c ON c.relname = n ->> 'Relation Name' AND c.relnamespace = 'voice'::regnamespace
        LEFT JOIN pg_class x ON x.relname = n ->> 'Index Name' AND x.relnamespace = 'voice'::regnamespace
        LEFT JOIN pg_index i ON i.indexrelid = x.oid
    ), removed AS (
        SELECT execution, sum((n ->> 'Subplans Removed')::int) AS subplans FROM node GROUP BY 1
    ), of_table AS (
        SELECT n.execution, family.relname,
               string_agg(DISTINCT CASE WHEN parent.relname IN ('call_pkey', 'call_id_tenant_id_key') THEN 'by id'
                                        ELSE coalesce(parent.relname, n.n ->> 'Node Type') END, ', ')
                   FILTER (WHERE n.n ->> 'Actual Loops' <> '0' AND n.n ->> 'Node Type' <> 'Bitmap Heap Scan' AND leaf.reltuples > 0) AS how,
               count(DISTINCT n.leaf) FILTER (WHERE n.n ->> 'Actual Loops' <> '0') AS read,
               count(DISTINCT n.leaf) AS opened
        FROM node n
        JOIN pg_class leaf ON leaf.oid = n.leaf
        JOIN pg_inherits h ON h.inhrelid = n.leaf
        JOIN pg_class family ON family.oid = h.inhparent
        LEFT JOIN pg_inherits hi ON hi.inhrelid = n.index
        LEFT JOIN pg_class parent ON parent.oid = hi.inhparent
        GROUP BY 1, 2
    )
    SELECT string_agg(t.execution::text, ' ' ORDER BY t.execution), t.relname, t.how, t.read, t.opened, r.subplans
    FROM of_table t JOIN removed r USING (execution)
    GROUP BY 2, 3, 4, 5, 6 ORDER BY min(t.execution), 2
$$;

-- From the month before this one on: that month, this one, three ahead and the DEFAULT are six.
SELECT (:'this_month'::timestamptz - interval '20 days') AS since,
       voice_uuid_at(:'this_month'::timestamptz - interval '21 days') AS first_id,
       id AS call, agent_id AS agent, from_number AS number
FROM voice.call WHERE external_id = 'e1-480' \gset
SELECT * FROM shape(repeat(format(E'SELECT * FROM voice_top_leads(''trade1'', %L);\n', :'since'), 5));
SELECT * FROM shape(repeat(format(E'SELECT * FROM voice_top_leads(NULL, %L);\n', :'since'), 5));
SELECT * FROM shape(format('SELECT * FROM voice_sentiment_trend(%L);', :'since'));
SELECT * FROM shape(format('SELECT * FROM voice_sentiment_trend(%L, %L);', :'since', :'agent'));
SELECT * FROM shape(format('SELECT * FROM voice_tool_stats(%L);', :'since'));
SELECT * FROM shape(repeat(format(E'SELECT voice_transcript(%L);\n', :'call'), 5));
SELECT * FROM shape(repeat(format(E'SELECT voice_transcript(%L, tools => true);\n', :'call'), 5));
SELECT * FROM shape(format('SELECT * FROM voice_results(''booking'', %L);', :'since'));
SELECT * FROM shape(format('SELECT * FROM voice_results(''booking'', %L, vertical => ''trade1'', version => 1);', :'since'));
SELECT * FROM shape(format('SELECT * FROM voice_scorecard(%L);', :'since'));
SELECT * FROM shape(format('SELECT * FROM voice_evidence(%L);', :'call'));
-- A word of one call, and one of nearly all.
SELECT * FROM shape(format('SELECT * FROM voice_search(''zanzibar'', %L);', :'since'));
SELECT * FROM shape(format('SELECT * FROM voice_search(''appointment'', %L);', :'since'));
SELECT * FROM shape(format('SELECT * FROM voice_search(''appointment'', %L);', :'since'), 'small');
-- Of all times: the text index of every month, and for the common word the newest months after the first few documents.
SELECT * FROM shape('SELECT * FROM voice_search(''zanzibar'');');
SELECT * FROM shape('SELECT * FROM voice_search(''appointment'');');
-- Plain SQL, with the id as a value and as a parameter of a plan for all ids.
SELECT * FROM shape(format('SELECT role, text FROM voice.turn WHERE call_id = %L ORDER BY started_at, id;', :'call'));
SELECT * FROM shape(format('SET plan_cache_mode = force_generic_plan;
    PREPARE turns(uuid) AS SELECT role, text FROM voice.turn WHERE call_id = $1 ORDER BY started_at, id; EXECUTE turns(%L);', :'call'));
SELECT * FROM shape(format('UPDATE voice.call SET ended_at = now(), status = ''failed'' WHERE id = %L;', :'call'));
SELECT * FROM shape(format('SET plan_cache_mode = force_generic_plan;
    PREPARE ending(uuid) AS UPDATE voice.call SET ended_at = now(), status = ''failed'' WHERE id = $1; EXECUTE ending(%L);', :'call'));
SELECT * FROM shape(format('SELECT id FROM voice.call WHERE agent_id = %L AND started_at >= %L AND id >= %L ORDER BY started_at DESC;',
                           :'agent', :'since', :'first_id'));
-- Whoever rings may have rung in any month, and so may a provider's id be of any: one that is not there as a rule.
SELECT * FROM shape(format('SELECT id FROM voice.call WHERE from_number = %L;', :'number'));
SELECT * FROM shape(repeat(E'SELECT voice_import_call(''{"id": "e1-480", "turns": []}'');\n', 5));
SELECT * FROM shape('SELECT voice_start_call(''a0'', NULL, NULL, external_id => ''e1-480'');');
-- All months for calls without analytics, but each by itself: no join reads more than one leaf of each table.
SELECT count(*) AS joins, max(leaves) AS leaves_of_a_join
FROM plans('SET enable_partitionwise_join = on; SET enable_seqscan = on;
    SELECT id FROM voice.call c WHERE c.status <> ''in_progress'' AND c.deleted_at IS NULL
    AND NOT EXISTS (SELECT FROM voice.analytics a WHERE a.call_id = c.id);', '') p
CROSS JOIN jsonb_path_query(p.plan, 'strict $.** ? (@."Join Type" == "Anti")') j
CROSS JOIN LATERAL (SELECT count(DISTINCT l) FROM jsonb_path_query(j, 'strict $.**."Relation Name"') l) n(leaves);
\c :home
DROP DATABASE regress_voice_plans;
DROP ROLE regress_voice_app;
