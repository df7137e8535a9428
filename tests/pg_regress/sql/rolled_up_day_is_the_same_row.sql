-- A day rolled up again is the same row; what comes late is seen without anybody saying so; what is deleted does not count.
BEGIN;
SELECT count(*) > 0 AS made FROM voice._create_months('{2002-02-01,2002-03-01}');
INSERT INTO voice.agent (id, tenant_id, vertical) VALUES ('a', '', 'salon'), ('b', 'acme', 'salon');
SET voice_analytics.tenant = 'acme';
SELECT voice_start_call('b', '1', '2', started_at => '2002-02-28 23:59:59.999+00') AS feb \gset
RESET voice_analytics.tenant;
SELECT voice_start_call('a', '1', '2', started_at => '2002-03-01 00:00+00') AS one \gset
SELECT voice_start_call('a', '1', '2', started_at => '2002-03-01 10:00+00') AS two \gset
SELECT voice_start_call('a', '1', '2', started_at => '2002-03-01 11:00+00') AS three \gset
SELECT voice_end_call(:'one', ended_at => '2002-03-01 00:01:30+00'), voice_end_call(:'two', 'failed', '2002-03-01 10:00:30+00');
SELECT count(voice_add_turn(:'one', 'assistant', 'x', e2e_latency_ms => n * 100)) FROM generate_series(1, 5) n;
SELECT count(voice_add_tool_call(:'one', 'book', '{}', latency_ms => 10)), count(voice_add_tool_call(:'two', 'book', '{}', error_text => 'no'));
INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action)
VALUES (:'one', '2002-03-01 00:00+00', 0.5, 90, 'a', 'salon', 'sales', 'm', 'p', '', '');
SELECT day FROM voice._due_days() WHERE day < '2003-01-01';
SELECT voice_rollup('2002-03-01'), voice_rollup('2002-02-28');
\x on
SELECT tenant_id, day, agent_id, calls, in_progress, completed, failed, minutes, analyzed, avg_sentiment, avg_lead_score, hot_leads,
       tool_calls, tool_errors, tool_p50_ms, turns_measured, e2e_p50_ms, e2e_p95_ms FROM voice.daily ORDER BY day;
\x off
CREATE TEMP TABLE before AS SELECT to_jsonb(d) - 'computed_at' AS was FROM voice.daily d;
SELECT voice_rollup('2002-03-01'), voice_rollup('2002-02-28');
SELECT count(*) AS changed FROM (SELECT to_jsonb(d) - 'computed_at' FROM voice.daily d EXCEPT SELECT was FROM before) x;
SELECT day FROM voice._due_days() WHERE day < '2003-01-01';
-- Late analytics, a deletion, another time zone. (What tells that a month was written to are its counters, which move when
-- a transaction commits; this one does not.)
INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action)
VALUES (:'two', '2002-03-01 10:00+00', -0.5, 10, 'a', 'salon', 'none', 'm', 'p', '', '');
DELETE FROM voice._rolled_month;
SELECT d FROM voice._roll_up_due() d WHERE d < '2003-01-01';
SELECT agent_id, calls, analyzed, avg_sentiment, sentiment_sum, lead_score_sum FROM voice.daily ORDER BY day;
UPDATE voice.call SET deleted_at = now() WHERE id = :'one';
DELETE FROM voice._rolled_month;
SELECT d FROM voice._roll_up_due() d WHERE d < '2003-01-01';
SELECT agent_id, calls, in_progress, analyzed, hot_leads FROM voice.daily ORDER BY day;
SET voice_analytics.timezone = 'Asia/Tokyo';
SELECT d FROM voice._roll_up_due() d WHERE d < '2003-01-01';
SELECT day, agent_id, calls FROM voice.daily ORDER BY day, agent_id;
RESET voice_analytics.timezone;
-- Of its own tenant only.
SET LOCAL voice_analytics.tenant = 'acme';
GRANT USAGE ON SCHEMA voice TO pg_read_all_data;
SET LOCAL ROLE pg_read_all_data;
SELECT tenant_id, agent_id FROM voice.daily;
ROLLBACK;
SET client_min_messages = warning;
SELECT voice_rollup((now() + interval '3 days')::date) AS not_begun;
