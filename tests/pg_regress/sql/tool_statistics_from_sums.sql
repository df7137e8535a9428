-- Statistics of tools from sums by day count what the calls say: days that are over, the day that goes on, and what nobody has summed up.
BEGIN;
SET LOCAL timezone = 'UTC';
INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon'), ('b', 'dental');
INSERT INTO voice.agent (id, vertical, tenant_id) VALUES ('c', 'salon', 'other');
CREATE TEMP TABLE made AS
SELECT voice_uuidv7(at + n * interval '1 ms') AS id, at, n, CASE n % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' ELSE 'c' END AS agent,
       CASE WHEN n % 3 = 2 THEN 'other' ELSE '' END AS tenant
FROM generate_series(0, 3) d, generate_series(1, 300) n, LATERAL (SELECT date_trunc('day', now()) - d * interval '1 day') s(at);
INSERT INTO voice.call (id, agent_id, tenant_id, started_at, ended_at, duration_ms, status) SELECT id, agent, tenant, at, at, 1000, 'completed' FROM made;
INSERT INTO voice.tool_call (call_id, tenant_id, name, latency_ms, invoked_at, error_text)
SELECT id, tenant, 'book', n * 7, at + interval '1 minute', CASE WHEN n % 10 = 0 THEN 'taken' END FROM made
UNION ALL SELECT id, tenant, 'look up', 40, at + interval '2 minutes', NULL FROM made WHERE n % 2 = 0
UNION ALL SELECT id, tenant, 'wait', NULL, at + interval '3 minutes', NULL FROM made WHERE n % 50 = 0;
-- Beside the exact ones; a percentile of few is the nearest there is.
CREATE FUNCTION pg_temp.compared(since timestamptz) RETURNS TABLE (name text, calls bigint, errors bigint, same boolean, p50_is_near boolean, p95_is_near boolean) LANGUAGE sql AS $$
    SELECT a.name, a.calls, a.errors, ROW(a.calls, a.errors, a.error_rate) = ROW(e.calls, e.errors, e.error_rate), a.p50_ms BETWEEN 0.97 * e.p50_ms AND 1.03 * e.p50_ms,
           a.p95_ms BETWEEN 0.97 * e.p95_ms AND 1.03 * e.p95_ms
    FROM voice_tool_stats(since, approximate => true) a FULL JOIN voice_tool_stats(date_trunc('day', since)) e USING (name) ORDER BY a.calls DESC, 1
$$;
SELECT * FROM pg_temp.compared(now() - interval '2 days');
SELECT count(voice_rollup(current_date - d)) AS days FROM generate_series(1, 3) d;
SELECT * FROM pg_temp.compared(now() - interval '2 days');
SELECT * FROM pg_temp.compared('-infinity');
SELECT * FROM pg_temp.compared(now());
-- What was deleted after its day was summed up counts until the next time; today's at once.
UPDATE voice.call SET deleted_at = now() WHERE id IN (SELECT id FROM made WHERE n = 150);
SELECT name, calls FROM voice_tool_stats(now() - interval '2 days', true) WHERE name = 'book';
SELECT count(voice_rollup(current_date - d)) AS days FROM generate_series(1, 3) d;
SELECT * FROM pg_temp.compared(now() - interval '2 days');
-- A busy day that goes on is summed up every five minutes, and is then not read again.
INSERT INTO voice.call (id, agent_id, started_at, ended_at, duration_ms, status)
SELECT voice_uuidv7(now() + n * interval '1 ms'), 'a', now(), now(), 1000, 'completed' FROM generate_series(1, 500) n;
SELECT voice._roll_up_open_days();
INSERT INTO voice.tool_call (call_id, name, invoked_at, latency_ms) SELECT id, 'later', at, 5 FROM made WHERE at = date_trunc('day', now()) AND tenant = '' LIMIT 1;
SELECT name FROM voice_tool_stats(now(), true) ORDER BY 1;
UPDATE voice.daily_detail SET computed_at = now() - interval '6 minutes';
SELECT name FROM voice_tool_stats(now(), true) ORDER BY 1;
SELECT * FROM voice_tool_stats(now() + interval '2 days', true);
-- One's own.
SET LOCAL voice_analytics.tenant = 'other';
SELECT * FROM pg_temp.compared(now() - interval '2 days');
SET LOCAL voice_analytics.tenant = '';
CREATE ROLE sums_reader; CREATE ROLE sums_analyst;
SELECT voice_grant('sums_reader', 'reader'), voice_grant('sums_analyst', 'analyst');
SET LOCAL ROLE sums_reader;
SELECT name, calls FROM voice_tool_stats(now() - interval '2 days', true);
RESET ROLE;
SAVEPOINT asked;
SET LOCAL ROLE sums_analyst;
\set VERBOSITY terse
SELECT * FROM voice_tool_stats(now() - interval '2 days', true);
ROLLBACK TO asked;
\set VERBOSITY default
SELECT * FROM voice_tool_stats('2026-01-01', NULL);
ROLLBACK;
