-- What is no alert is refused, with the way out; who hears of one, and who does not.
\set SHOW_CONTEXT never
\pset null '∅'
BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
CREATE FUNCTION pg_temp.refused(statement text, OUT state text, OUT message text, OUT detail text, OUT has_hint boolean)
LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE statement;
    message := 'accepted';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    detail := regexp_replace(detail, '\d{4}-\d\d-\d\d [0-9:.+]+', '…', 'g');
    has_hint := hint <> '';
END $$;
CREATE ROLE regress_alert_reader NOLOGIN;
CREATE ROLE regress_alert_analyst NOLOGIN;
CREATE ROLE regress_alert_writer NOLOGIN;
CREATE ROLE regress_alert_operator NOLOGIN;
CREATE ROLE regress_alert_admin NOLOGIN;
SELECT voice_grant('regress_alert_' || a, a) FROM unnest('{reader,analyst,writer,operator,admin}'::text[]) a;
SET LOCAL voice_analytics.tenant = 'watched';
INSERT INTO voice.agent (id, vertical, tenant_id) VALUES ('wa', 'salon', 'watched'), ('elsewhere', 'salon', 'unwatched');
SELECT voice_add_alert('Transfers', 'transfer_share', '>', 0.5);
\pset format unaligned
\pset tuples_only on
SELECT r.* FROM unnest(ARRAY[
    $$SELECT voice_add_alert('x', 'cost', '>', 1, '1 hour', '{"currency": "<b>"}')$$,
    $$SELECT voice_add_alert('x', 'happiness', '>', 0.5)$$,
    $$SELECT voice_add_alert('x', NULL, '>', 0.5)$$,
    $$SELECT voice_add_alert('x', 'transfer_share', '=', 0.5)$$,
    $$SELECT voice_add_alert('x', 'transfer_share', NULL, 0.5)$$,
    $$SELECT voice_add_alert('x', 'transfer_share', '>', 80)$$,
    $$SELECT voice_add_alert('x', 'transfer_share', '>', 'NaN')$$,
    $$SELECT voice_add_alert('x', 'e2e_p95_ms', '>', 'infinity')$$,
    $$SELECT voice_add_alert('x', 'e2e_p95_ms', '>', -1)$$,
    $$SELECT voice_add_alert('x', 'e2e_p95_ms', '>', NULL)$$,
    $$SELECT voice_add_alert('x', 'e2e_p95_ms', '>', 2000, '0')$$,
    $$SELECT voice_add_alert('x', 'e2e_p95_ms', '>', 2000, '-1 hour')$$,
    $$SELECT voice_add_alert('x', 'e2e_p95_ms', '>', 2000, '90 seconds')$$,
    $$SELECT voice_add_alert('x', 'e2e_p95_ms', '>', 2000, '10 years')$$,
    $$SELECT voice_add_alert('x', 'e2e_p95_ms', '>', 2000, NULL)$$,
    $$SELECT voice_add_alert('x', 'drift', '>', 0.2, '10 minutes')$$,
    $$SELECT voice_add_alert('x', 'transfer_share', '>', 0.5, min_calls => -1)$$,
    $$SELECT voice_add_alert('x', 'transfer_share', '>', 0.5, min_calls => NULL)$$,
    $$SELECT voice_add_alert('x', 'transfer_share', '>', 0.5, scope => '[]')$$,
    $$SELECT voice_add_alert('x', 'transfer_share', '>', 0.5, scope => NULL)$$,
    $$SELECT voice_add_alert('x', 'transfer_share', '>', 0.5, scope => '{"city": "Berlin"}')$$,
    $$SELECT voice_add_alert('x', 'transfer_share', '>', 0.5, scope => '{"vertical": 7}')$$,
    $$SELECT voice_add_alert('x', 'transfer_share', '>', 0.5, scope => '{"analysis": "care"}')$$,
    $$SELECT voice_add_alert('x', 'transfer_share', '>', 0.5, scope => '{"agent_id": "elsewhere"}')$$,
    $$SELECT voice_add_alert('x', 'success_rate', '<', 0.5, scope => '{"analysis": "care"}')$$,
    $$SELECT voice_add_alert('x', 'dead_jobs', '>', 0, scope => '{"vertical": "salon"}')$$,
    $$SELECT voice_add_alert('transfers', 'transfer_share', '>', 0.5)$$,
    $$SELECT voice_add_alert('Transfers', 'transfer_share', '>', 0.5)$$,
    $$SELECT voice_add_alert('', 'transfer_share', '>', 0.5)$$,
    $$SELECT voice_add_alert(NULL, 'transfer_share', '>', 0.5)$$,
    $$SELECT voice_add_alert(repeat('x', 101), 'transfer_share', '>', 0.5)$$,
    $$SELECT voice_add_alert(E'x\ny', 'transfer_share', '>', 0.5)$$,
    $$SELECT voice_remove_alert('transfers')$$,
    $$SELECT voice_silence_alert('nothing', now())$$,
    $$SELECT voice_alert_history('nothing', now() - interval '1 day')$$,
    $$SELECT voice_alert_history('Transfers', now())$$,
    $$SELECT voice_alert_history('Transfers', '-infinity')$$,
    $$SELECT voice_alert_history('Transfers', now() - interval '10 years')$$,
    $$SELECT voice_alert_history('Transfers', NULL)$$
]) WITH ORDINALITY u(statement, n) CROSS JOIN LATERAL pg_temp.refused(u.statement) r ORDER BY n;
\pset format aligned
\pset tuples_only off
-- Thirty calls of now, all of them transferred.
INSERT INTO voice.call (agent_id, started_at, ended_at, status, tenant_id)
SELECT 'wa', now() - interval '10 minutes', now() - interval '5 minutes', 'transferred', 'watched' FROM generate_series(1, 30);
SELECT count(*) AS hooks FROM voice_add_webhook('http://localhost:8080/alerts', events => '{alert.raised,alert.cleared}');
SELECT count(*) AS hooks FROM voice_add_webhook('http://localhost:8080/raised', events => '{alert.raised}');
SET LOCAL voice_analytics.tenant = 'unwatched';
SELECT count(*) AS hooks FROM voice_add_webhook('http://localhost:8080/others', events => '{alert.raised,alert.cleared}');
SET LOCAL voice_analytics.tenant = 'watched';
CREATE FUNCTION pg_temp.told(OUT event text, OUT url text, OUT alert text) RETURNS SETOF record LANGUAGE sql AS $$
    WITH j AS (DELETE FROM voice.job j WHERE j.kind = 'deliver' RETURNING j.*)
    SELECT j.event, w.url, e.alert FROM j JOIN voice.webhook w ON w.id = j.webhook_id JOIN voice.alert_event e ON e.id = j.call_id ORDER BY 1, 2
$$;
-- In silence it is raised and nobody is told, until the silence ends.
SELECT voice_silence_alert('Transfers', now() + interval '1 hour');
SELECT voice._evaluate_alerts() AS events;
SELECT name, state, value, calls, silenced_until - now() AS silenced FROM voice_alerts();
SELECT * FROM pg_temp.told();
SELECT voice_silence_alert('Transfers', NULL);
SELECT voice._evaluate_alerts(voice._minute(now()) + interval '1 minute') AS events;
SELECT * FROM pg_temp.told();
SELECT voice._evaluate_alerts(voice._minute(now()) + interval '2 minutes') AS events;
SELECT * FROM pg_temp.told();
-- No call comes any more: after a window without enough of them it is over.
SELECT voice._evaluate_alerts(voice._minute(now()) + interval '61 minutes') AS events;
SELECT name, state, value, calls FROM voice_alerts();
SELECT voice._evaluate_alerts(voice._minute(now()) + interval '62 minutes') AS events;
SELECT * FROM pg_temp.told();
SELECT name, state, value, calls FROM voice_alerts();
SELECT event, reason, told_at IS NOT NULL AS told FROM voice.alert_event ORDER BY alert_event.at;
-- One that is raised and removed is cleared; its rows stay. One that nobody was told of is cleared in silence.
SELECT voice_add_alert('Seen', 'transfer_share', '>', 0.5), voice_add_alert('Unseen', 'transfer_share', '>', 0.5, '30 minutes');
SELECT voice_silence_alert('Unseen', 'infinity');
SELECT voice._evaluate_alerts() AS events;
SELECT * FROM pg_temp.told();
SELECT voice_remove_alert('Seen'), voice_remove_alert('Unseen');
SELECT * FROM pg_temp.told();
SELECT alert, event, reason, told_at IS NOT NULL AS told FROM voice.alert_event WHERE alert <> 'Transfers' ORDER BY alert, event DESC;
-- Walls: another tenant sees neither alert nor event, and its own are its own.
SET LOCAL voice_analytics.tenant = 'unwatched';
SET LOCAL ROLE regress_alert_admin;
SELECT voice_add_alert('transfers', 'transfer_share', '>', 0.5);
SELECT name FROM voice_alerts();
SELECT count(*) FROM voice.alert_event;
SAVEPOINT s;
SELECT voice_silence_alert('Transfers', 'infinity');
ROLLBACK TO s;
SELECT voice_remove_alert('Transfers');
ROLLBACK TO s;
SELECT * FROM voice_alert_history('Transfers', now() - interval '1 hour');
ROLLBACK TO s;
RESET ROLE;
SET LOCAL voice_analytics.tenant = 'watched';
-- Who may do what.
CREATE FUNCTION pg_temp.may(role text, statement text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE statement;
    RESET ROLE;
    RETURN true;
EXCEPTION WHEN insufficient_privilege THEN
    RESET ROLE;
    RETURN false;
END $$;
SELECT s.n, string_agg(a, ' ' ORDER BY a) FILTER (WHERE pg_temp.may('regress_alert_' || a, s.statement)) AS may
FROM (VALUES (1, 'SELECT * FROM voice_alerts()'), (2, $$SELECT * FROM voice_alert_history('Transfers', now() - interval '1 hour')$$),
             (3, $$SELECT voice_silence_alert('Transfers', NULL)$$), (4, $$SELECT voice_add_alert('a ' || current_user, 'volume', '<', 0.5)$$),
             (5, $$SELECT voice_remove_alert('a ' || current_user)$$), (6, 'SELECT * FROM voice.alert_event'),
             (7, 'UPDATE voice.alert SET threshold = 1'), (8, 'DELETE FROM voice.alert_event'), (9, 'SELECT voice._evaluate_alerts()'),
             (10, 'SELECT * FROM voice._alert_hour')) s(n, statement)
CROSS JOIN unnest('{reader,analyst,writer,operator,admin}'::text[]) a GROUP BY 1 ORDER BY 1;
ROLLBACK;
