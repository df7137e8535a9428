-- A rate that is watched is raised and cleared once each, with a margin between; what a backtest says is what the evaluation did.
\set SHOW_CONTEXT never
\pset null '∅'
BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL voice_analytics.tenant = 'rates';
SET LOCAL session_replication_role = replica;
INSERT INTO voice.agent (id, vertical, tenant_id) VALUES ('ra', 'salon', 'rates'), ('rb', 'dental', 'rates'), ('other', 'salon', 'others');
-- A call a minute and agent from noon to 15:00, three minutes long, of both tenants. All of ra's from 12:30 to 13:10 are transferred.
CREATE FUNCTION pg_temp.calls(agent text, tenant text, since timestamptz, until timestamptz, bad_since timestamptz, bad_until timestamptz) RETURNS void LANGUAGE sql AS $$
    WITH c AS (
        INSERT INTO voice.call (id, tenant_id, agent_id, started_at, ended_at, duration_ms, status, cost, cost_currency)
        SELECT voice_uuidv7(t), tenant, agent, t, t + interval '3 minutes', 180000,
               CASE WHEN t >= bad_since AND t < bad_until THEN 'transferred' ELSE 'completed' END, 0.5, CASE agent WHEN 'ra' THEN ' usd' ELSE 'USD' END
        FROM generate_series(since, until - interval '1 second', interval '1 minute') t
        RETURNING id, started_at, ended_at, status = 'transferred' AS bad
    ), a AS (
        INSERT INTO voice.analytics (call_id, started_at, computed_at, tenant_id, agent_id, vertical, sentiment, lead_score, intent, model, prompt_version, summary, next_action)
        SELECT id, started_at, ended_at + interval '10 seconds', tenant, agent, 'salon', CASE WHEN bad THEN -0.8 ELSE 0.2 END, 10, 'info', 'test', 'p', '', '' FROM c
    ), r AS (
        INSERT INTO voice.result (call_id, started_at, computed_at, tenant_id, agent_id, vertical, analysis, version, model, prompt_version, success)
        SELECT id, started_at, ended_at + interval '10 seconds', tenant, agent, 'salon', 'care', v, 'test', 'p', CASE WHEN bad AND v = 2 THEN 'fail' ELSE 'pass' END
        FROM c CROSS JOIN generate_series(1, 2) v
    ), k AS (
        INSERT INTO voice.tool_call (call_id, tenant_id, name, error_text, invoked_at)
        SELECT id, tenant, 'book', CASE WHEN bad AND n = 1 THEN 'no' END, started_at + interval '90 seconds' FROM c CROSS JOIN generate_series(1, 2) n
    )
    INSERT INTO voice.turn (call_id, tenant_id, role, text, started_at, ended_at, e2e_latency_ms)
    SELECT id, tenant, 'assistant', 'x', started_at + n * interval '20 seconds', started_at + n * interval '20 seconds' + interval '5 seconds',
           CASE WHEN bad THEN 3000 ELSE 800 END FROM c CROSS JOIN generate_series(1, 3) n
$$;
SELECT pg_temp.calls('ra', 'rates', '2026-03-04 12:00', '2026-03-04 15:00', '2026-03-04 12:30', '2026-03-04 13:10'),
       pg_temp.calls('rb', 'rates', '2026-03-04 12:00', '2026-03-04 15:00', 'infinity', 'infinity'),
       pg_temp.calls('other', 'others', '2026-03-04 12:00', '2026-03-04 15:00', '-infinity', 'infinity');
-- The same hours of four weeks before, and nothing three weeks before; the last hour of today is missing for rb.
SELECT pg_temp.calls('ra', 'rates', '2026-02-25 12:00', '2026-02-25 16:00', 'infinity', 'infinity'),
       pg_temp.calls('rb', 'rates', '2026-02-25 12:00', '2026-02-25 16:00', 'infinity', 'infinity'),
       pg_temp.calls('ra', 'rates', '2026-02-18 12:00', '2026-02-18 16:00', 'infinity', 'infinity'),
       pg_temp.calls('rb', 'rates', '2026-02-18 12:00', '2026-02-18 16:00', 'infinity', 'infinity'),
       pg_temp.calls('ra', 'rates', '2026-02-04 12:00', '2026-02-04 16:00', 'infinity', 'infinity'),
       pg_temp.calls('rb', 'rates', '2026-02-04 12:00', '2026-02-04 16:00', 'infinity', 'infinity'),
       pg_temp.calls('ra', 'rates', '2026-03-04 15:00', '2026-03-04 15:20', 'infinity', 'infinity');
INSERT INTO voice.dead_job (id, died_at, call_id, attempts, kind, tenant_id)
SELECT n, '2026-03-04 13:30' , voice_uuidv7(), 5, 'analyze', CASE WHEN n = 1 THEN 'rates' ELSE 'others' END FROM generate_series(1, 9) n;
INSERT INTO voice.analysis (name, version, schema, tenant_id) VALUES ('care', 2, '{"type": "object", "properties": {}}', 'rates');
SET LOCAL session_replication_role = origin;
SELECT voice_add_alert('transfers', 'transfer_share', '>', 0.5, '30 minutes', '{"agent_id": "ra"}', 10),
       voice_add_alert('unhappy', 'negative_share', '>', 0.25, '30 minutes', min_calls => 10),
       voice_add_alert('success', 'success_rate', '<', 0.9, '20 minutes', '{"vertical": "salon", "analysis": "care"}', 10),
       voice_add_alert('tools', 'tool_failure_rate', '>=', 0.25, '10 minutes', '{"agent_id": "ra"}', 5),
       voice_add_alert('slow', 'e2e_p95_ms', '>', 2000, '15 minutes', min_calls => 10),
       voice_add_alert('quiet', 'volume', '<', 0.8, '30 minutes', min_calls => 20),
       voice_add_alert('quiet long', 'volume', '<', 0.95, '3 hours', min_calls => 20),
       voice_add_alert('money', 'cost', '>', 25, '30 minutes'),
       voice_add_alert('dead', 'dead_jobs', '>', 0, '1 hour'),
       voice_add_alert('never', 'transfer_share', '>', 0.1, '30 minutes', '{"agent_id": "rb"}'),
       voice_add_alert('too few', 'transfer_share', '>', 0.5, '30 minutes', '{"agent_id": "ra"}', 31),
       voice_add_alert('long', 'transfer_share', '>', 0.13, '3 hours', min_calls => 100);
-- A window of more than an hour waits for its hours.
SELECT voice._evaluate_alerts('2026-03-04 12:00') AS events;
SELECT name, state, value, calls FROM voice_alerts() WHERE name IN ('long', 'quiet long', 'dead');
SELECT voice._sum_up_alert_hours('2026-03-04 16:00', '1 hour') > 0 AS summed;
-- Each minute, as the maintenance process does it; the hours of long windows as they come.
SELECT sum(voice._evaluate_alerts(t)) AS events, sum(voice._sum_up_alert_hours(t + interval '1 minute', '1 hour')) > 0 AS summed
FROM generate_series(timestamptz '2026-03-04 12:01', '2026-03-04 16:00', interval '1 minute') t;
SELECT alert, event, to_char(at, 'HH24:MI') AS at, to_char(raised_at, 'HH24:MI') AS raised, round(value::numeric, 3) AS value, calls, reason
FROM voice.alert_event ORDER BY alert, alert_event.at, event;
-- Once more says nothing new.
SELECT voice._evaluate_alerts('2026-03-04 16:00') AS events;
-- The values of 12:46, by hand: of calls that began in the window and had ended, a turn that was over.
SELECT count(*) FILTER (WHERE status = 'transferred')::numeric / count(*) AS share, count(*) FROM voice.call
WHERE agent_id = 'ra' AND started_at >= '2026-03-04 12:16' AND ended_at < '2026-03-04 12:46';
SELECT voice._sum_up_alert_hours('2026-03-04 12:46', '1 hour') AS summed;
SELECT v.name, round(v.value::numeric, 4) AS value, v.calls FROM voice._alert_values('2026-03-04 12:46') v ORDER BY 1;
SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY e2e_latency_ms) FROM voice.turn t JOIN voice.call c ON c.id = t.call_id
WHERE c.tenant_id = 'rates' AND c.started_at >= '2026-03-04 12:31' AND t.ended_at < '2026-03-04 12:46' AND c.started_at < '2026-03-04 12:46';
-- The backtest says what the evaluation did.
CREATE TEMP TABLE backtest ON COMMIT DROP AS
SELECT a.name, h.event, h.at, round(h.value::numeric, 9) AS value, h.calls, h.reason
FROM voice_alerts() a CROSS JOIN LATERAL voice_alert_history(a.name, '2026-03-04 12:00', '2026-03-04 16:00') h;
SELECT count(*) FROM backtest;
TABLE backtest EXCEPT SELECT e.alert, e.event, e.at, round(e.value::numeric, 9), e.calls, e.reason FROM voice.alert_event e;
SELECT e.alert, e.event, e.at, round(e.value::numeric, 9), e.calls, e.reason FROM voice.alert_event e EXCEPT TABLE backtest;
-- Drift is measured once an hour, and its backtest finds what was measured.
SELECT voice_add_alert('moved', 'drift', '>', 0.02, '1 hour', min_calls => 100);
SELECT voice._measure_alert_drift('2026-03-04 14:30') AS measured, voice._measure_alert_drift('2026-03-04 14:59') AS again;
SELECT voice._evaluate_alerts('2026-03-04 14:30') AS events;
SELECT max(d.psi) = (SELECT a.value FROM voice_alerts() a WHERE a.name = 'moved') AS as_voice_drift_says, max(d.calls) AS calls
FROM voice_drift('2026-03-04 13:00', '2026-03-04 09:00', '2026-03-04 14:00') d WHERE d.week IS NULL AND d.model IS NULL;
SELECT alert, event, at FROM voice.alert_event WHERE alert = 'moved';
SELECT h.event, h.at FROM voice_alert_history('moved', '2026-03-04 14:30', '2026-03-04 14:40') h;
ROLLBACK;
