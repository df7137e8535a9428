-- Every error has its SQLSTATE, the value in the DETAIL and the next step in the HINT, and leaves nothing behind.
CREATE FUNCTION pg_temp.refused(statement text, OUT state text, OUT message text, OUT detail text, OUT has_hint boolean)
LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE statement;
    message := 'accepted';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    detail := regexp_replace(detail, '[0-9a-f]{8}-[0-9a-f-]{27}', '…', 'g');
    detail := regexp_replace(detail, '^Failing row .*', 'Failing row …');
    message := regexp_replace(message, '_(\d{4}_\d\d|default)', '_…', 'g');
    detail := regexp_replace(detail, '_(\d{4}_\d\d|default)', '_…', 'g');
    has_hint := hint <> '';
END $$;
BEGIN;
INSERT INTO voice.agent (id) VALUES ('known');
SELECT voice_start_call('known', NULL, NULL, started_at => '2026-01-01 00:00+00') AS call \gset
\pset format unaligned
\pset tuples_only on
SELECT r.* FROM unnest(ARRAY[
    'SELECT voice_start_call(''nobody'', NULL, NULL)',
    'SELECT voice_start_call(NULL, NULL, NULL)',
    'SELECT voice_start_call(''known'', NULL, NULL, direction => ''sideways'')',
    'SELECT voice_start_call(''known'', NULL, NULL, started_at => ''infinity'')',
    'SELECT voice_start_call(''known'', NULL, NULL, started_at => ''1969-12-31 00:00+00'')',
    'SELECT voice_add_turn(''01900000-0000-7000-8000-000000000000'', ''user'', ''hi'')',
    'SELECT voice_add_turn(NULL, ''user'', ''hi'')',
    format('SELECT voice_add_turn(%L, ''caller'', ''hi'')', :'call'),
    format('SELECT voice_add_turn(%L, ''user'', ''hi'', ''2026-01-01 00:01+00'', ''2026-01-01 00:00+00'')', :'call'),
    format('SELECT voice_add_turn(%L, ''user'', ''hi'', e2e_latency_ms => -1)', :'call'),
    format('SELECT voice_add_chunk(%L, 0, 1, ''hi'')', :'call'),
    format('SELECT voice_add_chunk(%L, 0, 1, ''hi'', confidence => 1.5)', :'call'),
    format('SELECT voice_finish_turn(%L, 0)', :'call'),
    format('SELECT voice_add_tool_call(%L, '''', NULL)', :'call'),
    format('SELECT voice_add_tool_call(%L, ''book'', NULL, turn_id => 0)', :'call'),
    'SELECT voice_add_tool_call(''01900000-0000-7000-8000-000000000000'', ''book'', NULL)',
    'SELECT voice_end_call(''01900000-0000-7000-8000-000000000000'')',
    format('SELECT voice_end_call(%L, ''hung up'')', :'call'),
    format('SELECT voice_end_call(%L, ended_at => ''2025-12-31 00:00+00'')', :'call'),
    format('SELECT voice_reanalyze(%L)', :'call'),
    'SELECT voice_reanalyze(''01900000-0000-7000-8000-000000000000'')',
    'SELECT voice_top_leads(NULL, NULL)',
    'SELECT voice_top_leads(NULL, ''2026-01-01 00:00+00'', 101)',
    'SELECT voice_sentiment_trend(''2026-01-01 00:00+00'', bucket => ''year'')',
    'SELECT voice_search(NULL)',
    format('SELECT voice_transcript(%L, 0)', :'call'),
    'SELECT voice_requeue_dead(-1)',
    'SELECT voice_create_partitions(10000)',
    'SELECT voice_create_partitions(0, ''1969-01-01 00:00+00'')',
    'SELECT voice_drop_partitions(''0 days'')',
    'SELECT voice_drop_partitions(''-1 month'')',
    'SELECT voice_drop_partitions(NULL)',
    'SET voice_analytics.retention = ''0 months''',
    'SET voice_analytics.retention = ''-3 days''',
    'SET voice_analytics.retention = ''forever''',
    'SELECT voice_backfill(NULL)',
    'SELECT voice_backfill(max_calls => -1)',
    'SELECT voice_rollup(NULL)',
    'SELECT voice_rollup(''infinity'')',
    'SELECT voice_schedule()',
    'SELECT voice_unschedule()',
    'INSERT INTO voice.call (agent_id) VALUES (''nobody'')',
    'INSERT INTO voice.call (agent_id, status) VALUES (''known'', ''ringing'')',
    'INSERT INTO voice.call (agent_id, duration_ms) VALUES (''known'', -1)',
    'INSERT INTO voice.turn (call_id, role, text) VALUES (''01900000-0000-7000-8000-000000000000'', ''user'', ''hi'')',
    format('INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action) '
           'VALUES (%L, now(), ''NaN'', 50, ''known'', ''general'', ''info'', ''m'', ''p'', '''', '''')', :'call')
]) WITH ORDINALITY s(statement, n) CROSS JOIN LATERAL pg_temp.refused(s.statement) r ORDER BY n;
SELECT count(*) AS calls FROM voice.call;
ROLLBACK;
