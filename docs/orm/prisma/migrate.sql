-- Moves calls from the five tables of a Prisma schema ("Agent", "Call", "Turn", "ToolCall", "Analytics") into
-- voice_analytics, in the same database. README.md beside this file leads through it.
--
--   psql -f migrate.sql                      everything; run again, what came since
--   psql -v dry_run=1 -f migrate.sql         only says what is there and what would be mended
--   -v zone=America/New_York                 the time zone of the TIMESTAMP(3) columns; Prisma writes UTC
--   -v worker_zone=America/New_York          the same of "Analytics"."computedAt", if another program wrote it by now()
--   -v tenant=acme                           the tenant that the calls become those of
--
-- By a superuser, or a role that may read the old tables and CREATE in the database, and is admin by voice_grant().
-- Months are moved one after the other, each in transactions of 500 calls; stopped half-way, run it again. What is there
-- already is left out. from_prisma.call keeps which id became which.
\set ON_ERROR_STOP 1
\if :{?zone}
\else
    \set zone UTC
\endif
\if :{?worker_zone}
\else
    \set worker_zone UTC
\endif
\if :{?dry_run}
\else
    \set dry_run 0
\endif
\if :{?tenant}
\else
    SELECT current_setting('voice_analytics.tenant') AS tenant \gset
\endif

-- Once views.sql was run, the old tables stand in before_voice.
SELECT CASE WHEN to_regclass('before_voice."Call"') IS NULL THEN 'public' ELSE 'before_voice' END AS old,
       e.extnamespace::regnamespace::text AS extension
FROM pg_extension e WHERE e.extname = 'voice_analytics' \gset
SELECT pg_catalog.set_config('search_path', format('%I, %s, pg_catalog', :'old', :'extension'), false) AS search_path,
       pg_catalog.set_config('voice_analytics.tenant', :'tenant', false) AS tenant \gset
SET timezone = 'UTC';
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS from_prisma;
-- Which call became which: so that a run can be repeated, and for links from outside.
CREATE TABLE IF NOT EXISTS from_prisma.call (old text PRIMARY KEY, new uuid UNIQUE, month date NOT NULL);
CREATE INDEX IF NOT EXISTS call_waiting_idx ON from_prisma.call (month, old) WHERE new IS NULL;
SET client_min_messages = notice;

-- What would be refused, and what becomes of it. 'old' is the id of the call or agent that it belongs to.
CREATE OR REPLACE VIEW from_prisma.dirt AS
SELECT 'an agent has no vertical' AS what, g.id AS old, 'general' AS becomes FROM "Agent" g WHERE g.vertical = ''
UNION ALL
SELECT 'a call ends before it starts', c.id, 'it ends when it starts, or with its last turn' FROM "Call" c WHERE c."endedAt" < c."startedAt"
UNION ALL
SELECT 'a call is over, but has no end', c.id, 'it ends with its last turn, or after its duration'
FROM "Call" c WHERE c.status <> 'in_progress' AND c."endedAt" IS NULL
UNION ALL
SELECT 'a call has an end, but is in progress', c.id, 'it is completed' FROM "Call" c WHERE c.status = 'in_progress' AND c."endedAt" IS NOT NULL
UNION ALL
SELECT 'a call is in progress for more than a day', c.id, 'failed'
FROM "Call" c WHERE c.status = 'in_progress' AND c."endedAt" IS NULL AND c."startedAt" AT TIME ZONE :'zone' < now() - interval '1 day'
UNION ALL
SELECT 'a call has a negative duration', c.id, 'computed from start and end' FROM "Call" c WHERE c."durationMs" < 0
UNION ALL
SELECT 'a turn ends before it starts', t."callId", 'it ends when it starts' FROM "Turn" t WHERE t."endedAt" < t."startedAt"
UNION ALL
SELECT format('a turn has the role %L', t.role), t."callId",
       CASE WHEN lower(t.role) IN ('caller', 'customer', 'human', 'user') THEN 'user'
            WHEN lower(t.role) IN ('agent', 'ai', 'assistant', 'bot') THEN 'assistant' ELSE 'system' END
FROM "Turn" t WHERE t.role NOT IN ('user', 'assistant', 'system')
UNION ALL
SELECT 'a tool call has no name', t."callId", 'unnamed' FROM "ToolCall" t WHERE t.name = ''
UNION ALL
SELECT 'a tool call has a negative latency', t."callId", 'NULL' FROM "ToolCall" t WHERE t."latencyMs" < 0
UNION ALL
SELECT x.what, a."callId", 'the call is judged again'
FROM "Analytics" a CROSS JOIN LATERAL (VALUES
    ('a sentiment is not from -1 to 1', a.sentiment BETWEEN -1 AND 1),
    ('a lead score is not from 0 to 100', a."leadScore" BETWEEN 0 AND 100),
    (format('an intent is %L', a.intent), a.intent IN ('info', 'booking', 'complaint', 'sales', 'support', 'none')),
    ('entities are no object', jsonb_typeof(a.entities) = 'object')) x(what, holds)
WHERE x.holds IS NOT TRUE;
COMMENT ON VIEW from_prisma.dirt IS 'what of the old tables breaks a rule of the new ones, and what becomes of it';

-- Each call as voice_imports('voice', …) takes it.
CREATE OR REPLACE VIEW from_prisma.payload AS
SELECT c.id AS old, jsonb_strip_nulls(jsonb_build_object(
    'external_id', c.id, 'agent', jsonb_build_object('id', c."agentId"), 'status', s.status,
    'from', nullif(c."fromNumber", ''), 'to', nullif(c."toNumber", ''), 'recording_url', c."recordingUrl",
    'started_at', c."startedAt" AT TIME ZONE :'zone',
    'ended_at', greatest(c."startedAt", coalesce(CASE WHEN c."endedAt" >= c."startedAt" THEN c."endedAt" END, t.ends,
                                                 c."startedAt" + greatest(c."durationMs", 0) * interval '1 ms')) AT TIME ZONE :'zone',
    'duration_ms', CASE WHEN c."durationMs" >= 0 THEN c."durationMs" END))
    -- What may hold nulls of its own.
    || jsonb_build_object('meta', c.meta, 'turns', coalesce(t.turns, '[]'), 'tool_calls', coalesce(k.tool_calls, '[]'), 'scores', a.scores) AS call
FROM "Call" c
CROSS JOIN LATERAL (
    SELECT CASE WHEN c.status <> 'in_progress' THEN c.status::text WHEN c."endedAt" IS NOT NULL THEN 'completed' ELSE 'failed' END AS status) s
CROSS JOIN LATERAL (
    SELECT max(greatest(t."startedAt", t."endedAt")) AS ends,
           jsonb_agg(jsonb_build_object(
               'role', CASE WHEN lower(t.role) IN ('caller', 'customer', 'human', 'user') THEN 'user'
                            WHEN lower(t.role) IN ('agent', 'ai', 'assistant', 'bot') THEN 'assistant' ELSE 'system' END,
               'text', t.text, 'audio_url', t."audioUrl", 'started_at', t."startedAt" AT TIME ZONE :'zone',
               'ended_at', greatest(t."startedAt", t."endedAt") AT TIME ZONE :'zone') ORDER BY t."startedAt", t.id) AS turns
    FROM "Turn" t WHERE t."callId" = c.id) t
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
               'name', coalesce(nullif(k.name, ''), 'unnamed'), 'args', k.args, 'result', k.result, 'error_text', k."errorText",
               'latency_ms', CASE WHEN k."latencyMs" >= 0 THEN k."latencyMs" END, 'invoked_at', k."invokedAt" AT TIME ZONE :'zone')
               ORDER BY k."invokedAt", k.id) AS tool_calls
    FROM "ToolCall" k WHERE k."callId" = c.id) k
LEFT JOIN LATERAL (
    SELECT jsonb_build_object('sentiment', a.sentiment, 'lead_score', a."leadScore", 'intent', a.intent, 'entities', a.entities,
                              'model', 'prisma', 'computed_at', a."computedAt" AT TIME ZONE :'worker_zone') AS scores
    FROM "Analytics" a
    WHERE a."callId" = c.id AND a.sentiment BETWEEN -1 AND 1 AND a."leadScore" BETWEEN 0 AND 100
      AND a.intent IN ('info', 'booking', 'complaint', 'sales', 'support', 'none') AND jsonb_typeof(a.entities) = 'object') a ON true;
COMMENT ON VIEW from_prisma.payload IS 'the calls of the old tables as voice_imports() takes them';

\echo 'What will be mended:'
SELECT what, becomes, count(*), min(old) AS for_example FROM from_prisma.dirt GROUP BY what, becomes ORDER BY count(*) DESC, what;

\if :dry_run
    \echo 'Nothing was moved (dry_run).'
    \quit
\endif

-- Without an index on "callId" each transaction would read all turns.
DO $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT c.oid::regclass AS name, c.relname FROM pg_class c
        WHERE c.oid IN ('"Turn"'::regclass, '"ToolCall"'::regclass)
          AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                          WHERE i.indrelid = c.oid AND a.attname = 'callId')
    LOOP
        RAISE NOTICE 'making an index on %("callId")', item.name;
        EXECUTE format('CREATE INDEX %I ON %s ("callId")', item.relname || '_callId_from_prisma', item.name);
    END LOOP;
END
$$;

SELECT count(*) AS new_partitions
FROM voice_create_partitions(since => (SELECT coalesce(min("startedAt") AT TIME ZONE :'zone', now()) FROM "Call"));

INSERT INTO voice.agent (id, name, vertical, prompt_hash, voice, created_at)
SELECT g.id, g.name, coalesce(nullif(g.vertical, ''), 'general'), nullif(g."promptHash", ''), nullif(g.voice, ''),
       g."createdAt" AT TIME ZONE :'zone'
FROM "Agent" g ON CONFLICT (id) DO NOTHING;

-- What is in progress comes with a later run.
INSERT INTO from_prisma.call (old, month)
SELECT c.id, date_trunc('month', c."startedAt")::date
FROM "Call" c
WHERE c.status <> 'in_progress' OR c."endedAt" IS NOT NULL OR c."startedAt" AT TIME ZONE :'zone' < now() - interval '1 day'
ON CONFLICT (old) DO NOTHING;
ANALYZE from_prisma.call;

CREATE OR REPLACE PROCEDURE from_prisma.move(batch int DEFAULT 500) LANGUAGE plpgsql AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    total CONSTANT bigint := (SELECT count(*) FROM from_prisma.call WHERE new IS NULL);
    moved bigint := 0;
    this date;
    last date;
    wanted text[];
    ids text[];
    calls jsonb[];
    made uuid[];
BEGIN
    LOOP
        -- Notices of single batches are of no use here; the setting ends with the transaction.
        PERFORM set_config('client_min_messages', 'warning', true);
        SELECT min(w.month) INTO this FROM from_prisma.call w WHERE w.new IS NULL;
        SELECT array_agg(w.old) INTO wanted
        FROM (SELECT c.old FROM from_prisma.call c WHERE c.month = this AND c.new IS NULL ORDER BY c.old LIMIT batch) w;
        EXIT WHEN wanted IS NULL;
        SELECT array_agg(p.old ORDER BY p.old), array_agg(p.call ORDER BY p.old) INTO ids, calls
        FROM from_prisma.payload p WHERE p.old = ANY (wanted);
        made := voice_imports('voice', coalesce(calls, '{}'));
        UPDATE from_prisma.call c SET new = x.new FROM unnest(ids, made) x(old, new) WHERE c.old = x.old;
        -- One that was deleted since it was listed.
        DELETE FROM from_prisma.call c WHERE c.old = ANY (wanted) AND c.new IS NULL;
        moved := moved + coalesce(cardinality(made), 0);
        COMMIT;
        last := this;
        SELECT min(w.month) INTO this FROM from_prisma.call w WHERE w.new IS NULL;
        IF this IS DISTINCT FROM last OR moved % (20 * batch) = 0 THEN
            RAISE NOTICE '% of % calls, up to %, % calls a second', moved, total, to_char(last, 'YYYY-MM'),
                round(moved / greatest(extract(epoch FROM clock_timestamp() - began), 0.001));
        END IF;
    END LOOP;
END
$$;
CALL from_prisma.move();
ANALYZE voice.call, voice.turn, voice.tool_call, voice.analytics;

\echo 'What came over (missing must be 0):'
SELECT x.what, x.old, x.new, x.old - x.new AS missing FROM (
    SELECT 1 AS n, 'calls' AS what, (SELECT count(*) FROM from_prisma.call i JOIN "Call" c ON c.id = i.old) AS old,
           (SELECT count(*) FROM voice.call c JOIN from_prisma.call i ON i.new = c.id) AS new
    UNION ALL
    SELECT 2, 'turns', (SELECT count(*) FROM "Turn" t JOIN from_prisma.call i ON i.old = t."callId"),
           (SELECT count(*) FROM voice.turn t JOIN from_prisma.call i ON i.new = t.call_id)
    UNION ALL
    SELECT 3, 'tool calls', (SELECT count(*) FROM "ToolCall" t JOIN from_prisma.call i ON i.old = t."callId"),
           (SELECT count(*) FROM voice.tool_call t JOIN from_prisma.call i ON i.new = t.call_id)
) x ORDER BY x.n;
SELECT (SELECT count(*) FROM voice.analytics a JOIN from_prisma.call i ON i.new = a.call_id WHERE a.model = 'prisma') AS scores_kept,
       (SELECT count(*) FROM voice.job j JOIN from_prisma.call i ON i.new = j.call_id WHERE j.kind = 'analyze') AS to_be_judged,
       (SELECT count(*) FROM "Call" c WHERE NOT EXISTS (SELECT FROM from_prisma.call i WHERE i.old = c.id)) AS still_in_progress;
