-- What many calls of today are like is summed up by the maintenance process; the report then has more of their turns, and the same of the
-- rest, and whoever may not read calls has it too. Sums that are old are not taken.
BEGIN;
SET LOCAL timezone = 'UTC';
INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon'), ('b', 'dental');
INSERT INTO voice.agent (id, vertical, tenant_id) VALUES ('few', 'salon', 'few');
CREATE TEMP TABLE made AS
SELECT voice_uuidv7(now() + n * interval '1 ms') AS id, n, CASE WHEN n > 600 THEN 'few' WHEN n % 3 = 0 THEN 'b' ELSE 'a' END AS agent, CASE WHEN n > 600 THEN 'few' ELSE '' END AS tenant FROM generate_series(1, 650) n;
INSERT INTO voice.call (id, agent_id, tenant_id, started_at, ended_at, duration_ms, status, end_reason)
SELECT id, agent, tenant, now(), now(), 1000, 'completed', CASE WHEN n % 2 = 0 THEN 'hung_up' ELSE 'gone to +1 212 555 0142' END FROM made;
INSERT INTO voice.turn (call_id, tenant_id, role, text, started_at, ended_at, e2e_latency_ms) SELECT id, tenant, 'assistant', 'Hello.', now(), now(), n FROM made;
INSERT INTO voice.tool_call (call_id, tenant_id, name, latency_ms, invoked_at) SELECT id, tenant, 'book', 100, now() FROM made WHERE n % 2 = 0;
CREATE FUNCTION pg_temp.today() RETURNS TABLE (turns jsonb, p50_is_near boolean, hours bigint, tools jsonb, end_reasons jsonb) LANGUAGE sql AS $$
    SELECT l->'turns', (l->>'p50')::float8 BETWEEN 0.975 * wanted AND 1.025 * wanted, (SELECT sum((h->>2)::int) FROM jsonb_array_elements(r->'hours') h), r->'tools'->0->'calls', r->'end_reasons'
    FROM (SELECT voice_report_data()) d(r)
    LEFT JOIN LATERAL (SELECT l FROM jsonb_array_elements(r->'latencies') l WHERE l->>'stage' = 'end_to_end' AND l->'day' = 'null' AND l->'before' = 'false') e(l) ON true
    -- The nearest rank among the newest 200, or 500, of 600.
    LEFT JOIN LATERAL (SELECT CASE (l->>'turns')::int WHEN 200 THEN 500 ELSE 350 END) w(wanted) ON true
$$;
SELECT * FROM pg_temp.today();
SELECT voice._roll_up_open_days();
SELECT tenant_id, agent_id, hours->>extract(hour FROM now())::int::text AS calls, longest_silence_ms FROM voice.daily_detail WHERE day = current_date ORDER BY 1, 2;
SELECT * FROM pg_temp.today();
-- Of one agent from its calls.
SELECT (SELECT sum((h->>2)::int) FROM jsonb_array_elements(r->'hours') h) AS hours FROM voice_report_data(agent_id => 'b') r;
-- An operator reads no call, and has today's sums.
CREATE ROLE today_operator; SELECT voice_grant('today_operator', 'operator');
SET LOCAL ROLE today_operator;
SELECT turns, hours, tools FROM pg_temp.today();
RESET ROLE;
UPDATE voice.daily_detail SET computed_at = now() - interval '6 minutes';
SELECT turns, hours FROM pg_temp.today();
-- The day's own roll-up takes their place.
SELECT voice._roll_up_open_days();
SELECT voice_rollup(current_date);
SELECT agent_id, (SELECT sum(value::int) FROM jsonb_each_text(latencies->'end_to_end')) AS turns FROM voice.daily_detail WHERE day = current_date AND tenant_id = '' ORDER BY 1;
ROLLBACK;
