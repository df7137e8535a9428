-- What voice_report_data() says of days is what their calls say, before and after they are rolled up, and each access has its part.
\set SHOW_CONTEXT never
BEGIN;
SET LOCAL timezone = 'UTC';
INSERT INTO voice.agent (id, name, vertical) VALUES ('a', 'Ada', 'salon'), ('b', '', 'dental');
INSERT INTO voice.agent (id, vertical, tenant_id) VALUES ('other', 'salon', 'other');
INSERT INTO voice.analysis (name, version, schema) VALUES ('care', 1, '{"type": "object", "properties": {}}');
-- A call at noon so many days ago (today: now), with three turns, the last after a silence, and a tool call.
CREATE FUNCTION pg_temp.add_call(agent text, days int, status text, minutes int, reason text, silence int, e2e int, tool_error text, sentiment float8, score int, intent text, success text)
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    at CONSTANT timestamptz := CASE days WHEN 0 THEN now() ELSE date_trunc('day', now()) - days * interval '1 day' + interval '12 hours' END;
    id CONSTANT uuid := voice_uuidv7(at);
BEGIN
    INSERT INTO voice.call (id, agent_id, started_at, ended_at, duration_ms, status, end_reason)
    VALUES (id, agent, at, at + minutes * interval '1 minute', minutes * 60000, status, reason);
    INSERT INTO voice.turn (call_id, role, text, started_at, ended_at, e2e_latency_ms, llm_ttft_ms) VALUES
        (id, 'assistant', 'Hello.', at, at + interval '2 s', e2e, NULL), (id, 'user', 'I want <b>that</b>.', at + interval '3 s', at + interval '5 s', NULL, NULL),
        (id, 'assistant', 'Yes.', at + interval '5 s' + silence * interval '1 s', NULL, 2 * e2e, 300);
    INSERT INTO voice.tool_call (call_id, name, latency_ms, error_text, invoked_at) VALUES (id, 'book', 100, tool_error, at);
    INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action, evidence, unsupported)
    VALUES (id, at, sentiment, score, agent, 'salon', intent, 'm', 'p', 'wants ' || intent, 'ring', '[{"claim": "lead_score", "turn": 2, "quote": "I want <b>that</b>.", "speaker": "user", "supported": true}]',
            CASE WHEN score = 0 THEN 2 ELSE 0 END);
    INSERT INTO voice.result (call_id, started_at, agent_id, vertical, analysis, version, model, prompt_version, success)
    VALUES (id, at, agent, 'salon', 'care', 1, 'm', 'p', add_call.success);
    RETURN id;
END
$$;
CREATE TEMP TABLE made AS
SELECT pg_temp.add_call('a', 8, 'completed', 4, 'hung_up', 1, 100, NULL, 0.5, 60, 'info', 'pass') AS call
UNION ALL SELECT pg_temp.add_call('a', 1, 'completed', 2, 'hung_up', 10, 1000, NULL, 1, 90, 'sales', 'pass')
UNION ALL SELECT pg_temp.add_call('a', 1, 'failed', 6, 'gone to +1 212 555 0142', 4, 500, 'no slot', -0.5, 0, 'complaint', 'fail')
UNION ALL SELECT pg_temp.add_call('b', 1, 'transferred', 1, NULL, 1, 500, NULL, 0, 50, 'sales', 'pass')
UNION ALL SELECT pg_temp.add_call('b', 0, 'completed', 0, 'hung_up', 2, 200, NULL, 0.25, 40, 'info', 'unknown');
CREATE TEMP TABLE report AS SELECT voice_report_data() AS data;
SELECT n - 1 AS day, d->'calls' AS calls, d->'completed' AS completed, d->'failed' AS failed, d->'transferred' AS transferred, (d->>'minutes')::float8 AS minutes, d->'sentiment' AS sentiment,
       d->'lead_score' AS lead_score, d->'hot_leads' AS hot, d->'passed' AS passed, d->'not_passed' AS not_passed, d->'before'->'calls' AS before
FROM report, jsonb_array_elements(data->'days') WITH ORDINALITY e(d, n) WHERE d ? 'calls' OR d->'before' <> 'null';
SELECT a->>'agent_id' AS agent, a->>'name' AS name, a->'calls' AS calls, (a->>'minutes')::float8 AS minutes, a->'sentiment' AS sentiment, a->'passed' AS passed FROM report, jsonb_array_elements(data->'agents') a;
-- Nearest-rank percentiles of 400 500 500 1000 1000 1000 2000 and 200, within 2.5 %.
SELECT l->>'stage' AS stage, l->'before' AS before, l->'turns' AS turns, round((l->>'p50')::numeric) AS p50, round((l->>'p95')::numeric) AS p95
FROM report, jsonb_array_elements(data->'latencies') l WHERE l->'day' = 'null';
SELECT abs(voice._bucket_ms(voice._latency_bucket(ms)) / ms - 1) < 0.025 AS is_near, count(*) FROM generate_series(1, 60000) ms GROUP BY 1;
SELECT data->'intents' AS intents, data->'end_reasons' AS end_reasons FROM report;
SELECT t->'calls' AS calls, t->'errors' AS errors, round((t->>'p50_ms')::numeric) AS p50 FROM report, jsonb_array_elements(data->'tools') t;
SELECT sum((h->>2)::int) AS calls, count(*) FILTER (WHERE h->>1 = '12') > 0 AS at_noon FROM report, jsonb_array_elements(data->'hours') h;
SELECT c->>'why' AS why, c->'value' AS value, c->>'summary' AS summary, c->'evidence'->0->>'quote' AS quote, c->>'transcript' AS transcript
FROM report, jsonb_array_elements(data->'calls_to_look_at') WITH ORDINALITY e(c, n) ORDER BY n;
SELECT s->>'group_key' AS agent, s->'passed' AS passed, s->'failed' AS failed FROM report, jsonb_array_elements(data->'scorecards') s;
SELECT data->'left_out' AS left_out, data->'shift_days' AS shift_days, (data->>'today')::date - (data->>'first_day')::date AS days FROM report;
-- The same from roll-ups, the day that is not over still from its calls.
SELECT voice_rollup(current_date - 8), voice_rollup(current_date - 1);
SELECT agent_id, hours, intents, tools, end_reasons, longest_silence_ms FROM voice.daily_detail WHERE day = current_date - 1 ORDER BY 1;
SELECT key FROM report, jsonb_each(data) WHERE value IS DISTINCT FROM voice_report_data()->key AND key <> 'queue';
-- Of an agent, of a vertical, of all that is there.
SELECT (SELECT sum((d->>'calls')::int) FROM jsonb_array_elements(r->'days') d) AS calls, jsonb_array_length(r->'agents') AS agents, r->'intents' AS intents, jsonb_array_length(r->'calls_to_look_at') AS calls_to_look_at
FROM unnest(ARRAY[voice_report_data(agent_id => 'b'), voice_report_data(vertical => 'salon'), voice_report_data(now() - interval '20 days')]) r;
SELECT a->>'agent_id' AS agent, r->'shift_days' AS shift_days FROM voice_report_data(now() - interval '20 days', 'dental') r, jsonb_array_elements(r->'agents') a;
-- An erased call's figures stay until its day is rolled up again, its id does not.
SELECT count(*) FROM voice.daily_detail WHERE longest_silence_call = (SELECT call FROM made OFFSET 1 LIMIT 1);
SELECT count(*) > 0 AS erased FROM voice_erase_call((SELECT call FROM made OFFSET 1 LIMIT 1));
SELECT count(longest_silence_ms) AS silences, count(longest_silence_call) AS calls FROM voice.daily_detail WHERE day = current_date - 1;
-- A page, which has no markup of a caller's.
SELECT voice_report() LIKE '<!DOCTYPE html>%' AS is_page, voice_report() LIKE '%I want &lt;b&gt;that&lt;/b&gt;.%' AS is_escaped, voice_report() LIKE '%<b>that%' AS has_markup;
-- Errors.
SAVEPOINT s;
SELECT voice_report_data(NULL);
ROLLBACK TO s;
SELECT voice_report_data(agent_id => 'nobody');
ROLLBACK TO s;
SELECT voice_report_data(vertical => 'salon', agent_id => 'other');
ROLLBACK TO s;
SELECT voice._report_page('{"days": 1}');
ROLLBACK TO s;
-- What each access has.
CREATE FUNCTION pg_temp.parts() RETURNS TABLE (left_out jsonb, has text, calls bigint, words bigint, today jsonb) LANGUAGE sql AS $$
    SELECT r->'left_out', (SELECT string_agg(k, ' ' ORDER BY k) FROM jsonb_object_keys(r) k WHERE jsonb_typeof(r->k) IN ('array', 'object') AND k <> 'left_out'),
           (SELECT sum((d->>'calls')::int) FROM jsonb_array_elements(r->'days') d),
           (SELECT count(*) FROM jsonb_array_elements(r->'calls_to_look_at') c WHERE c ?| '{summary,transcript,evidence,contact_number}'), r->'days'->-1->'analyzed'
    FROM public.voice_report_data() r
$$;
CREATE ROLE regress_voice_reader; CREATE ROLE regress_voice_analyst; CREATE ROLE regress_voice_operator; CREATE ROLE regress_voice_writer;
SELECT count(voice_grant('regress_voice_' || a, a)) AS granted FROM unnest('{reader,analyst,operator,writer}'::text[]) a;
SET LOCAL ROLE regress_voice_reader;
SELECT * FROM pg_temp.parts();
SET LOCAL ROLE regress_voice_analyst;
SELECT * FROM pg_temp.parts();
SET LOCAL ROLE regress_voice_operator;
SELECT * FROM pg_temp.parts();
SAVEPOINT denied;
SET LOCAL ROLE regress_voice_writer;
SELECT * FROM pg_temp.parts();
ROLLBACK TO denied;
RESET ROLE;
SET LOCAL voice_analytics.tenant = 'other';
SELECT * FROM pg_temp.parts();
ROLLBACK;
