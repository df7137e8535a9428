-- Sums of an hour are made again an hour later, for a day, and once more if nobody did meanwhile; windows take what is new with the next
-- full hour. Calls whose ids lie hours beside their start count in the hour of their start, others' and deleted ones in none.
BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL voice_analytics.tenant = 'hours';
INSERT INTO voice.agent (id, vertical, tenant_id) VALUES ('ha', 'salon', 'hours'), ('hb', 'dental', 'hours'), ('hx', 'salon', 'other');
SET LOCAL client_min_messages = error;   -- ids lie hours beside
INSERT INTO voice.call (id, agent_id, tenant_id, started_at, ended_at, status, deleted_at, cost)
SELECT voice_uuidv7(t.at + (n % 3 - 1) * interval '20 hours'), CASE WHEN n > 60 THEN 'hx' WHEN n % 3 = 0 THEN 'hb' ELSE 'ha' END, CASE WHEN n > 60 THEN 'other' ELSE 'hours' END,
       t.at, t.at + interval '5 minutes', 'completed', CASE WHEN n % 10 = 0 THEN now() END, 1
FROM generate_series(1, 90) n CROSS JOIN LATERAL (SELECT timestamptz '2026-03-04 10:01' + n % 50 * interval '1 minute') t(at);
RESET client_min_messages;
SELECT voice_add_alert('week', 'transfer_share', '>', 0.9, '7 days'), voice_add_alert('of b', 'transfer_share', '>', 0.9, '7 days', '{"agent_id": "hb"}'),
       voice_add_alert('money', 'cost', '>', 1000, '7 days'), voice_add_alert('volume', 'volume', '<', 0.1, '6 hours');
CREATE FUNCTION pg_temp.of(at timestamptz) RETURNS TABLE (name text, value numeric, calls bigint, by_hand numeric) LANGUAGE sql AS $$
    SELECT v.name, round(v.value::numeric, 6), v.calls,
           CASE v.name WHEN 'money' THEN (SELECT sum(c.cost) FROM voice.call c WHERE c.tenant_id = 'hours' AND c.deleted_at IS NULL)
                       WHEN 'volume' THEN NULL
                       ELSE (SELECT round(avg((c.status = 'transferred')::int), 6) FROM voice.call c
                             WHERE c.tenant_id = 'hours' AND c.deleted_at IS NULL AND (v.name = 'week' OR c.agent_id = 'hb')) END
    FROM voice._alert_values(at) v ORDER BY 1
$$;
SELECT count(*) AS waiting FROM pg_temp.of('2026-03-04 12:30') WHERE value IS NULL;
SELECT voice._sum_up_alert_hours('2026-03-04 12:30', '1 hour') > 300 AS summed;
SELECT * FROM pg_temp.of('2026-03-04 12:30');
UPDATE voice.call SET status = 'transferred', cost = 2 WHERE agent_id = 'ha';
-- Not within the hour; then one a minute; seen from the next full hour on.
SELECT voice._sum_up_alert_hours('2026-03-04 12:31', '1 hour') AS summed;
SELECT count(*) FROM pg_temp.of('2026-03-04 12:31') WHERE value IS DISTINCT FROM by_hand AND name <> 'volume';
SELECT voice._sum_up_alert_hours('2026-03-04 13:31', '1 hour') AS the_new_hour;
SELECT sum(voice._sum_up_alert_hours('2026-03-04 13:31', '1 hour')) AS again FROM generate_series(1, 60);
SELECT count(*) FROM pg_temp.of('2026-03-04 13:32') WHERE value IS DISTINCT FROM by_hand AND name <> 'volume';
SELECT voice._sum_up_alert_hours('2026-03-04 14:30', '1 hour') AS the_new_hour;
SELECT * FROM pg_temp.of('2026-03-04 14:30');
-- Nobody was there for two days: what was summed up too early is summed up once more, and then no more.
UPDATE voice.call SET status = 'completed', cost = 3 WHERE agent_id = 'hb';
SELECT voice._sum_up_alert_hours('2026-03-06 14:30', '1 hour') AS new_hours;
SELECT sum(voice._sum_up_alert_hours('2026-03-06 14:30', '1 hour')) > 20 AS again FROM generate_series(1, 100);
SELECT voice._sum_up_alert_hours('2026-03-06 15:30', '1 hour') AS the_new_hour;
SELECT * FROM pg_temp.of('2026-03-06 15:30');
SELECT count(*) FROM voice._alert_hour_done WHERE hour = '2026-03-04 10:00' AND metric <> 'volume' AND computed_at - hour < interval '25 hours';
-- Without an alert of more than an hour nothing is kept.
SELECT count(voice_remove_alert(name)) FROM voice_alerts();
SELECT voice._sum_up_alert_hours('2026-03-06 15:31', '1 hour');
SELECT (SELECT count(*) FROM voice._alert_hour) + (SELECT count(*) FROM voice._alert_window) AS left_over;
ROLLBACK;
