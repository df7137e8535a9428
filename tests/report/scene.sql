-- What tests/report/browser.mjs looks at: two weeks of calls of two tenants, whose words are hostile; the older days are rolled up.
\set ON_ERROR_STOP on
SET voice_analytics.tenant = 'red';
SET client_min_messages = warning;
INSERT INTO voice.agent (id, name, vertical) VALUES
    ('red-a', '<script>alert(1)</script>"''><img src=x onerror=alert(1)>', 'salon'), ('red-b', repeat('ש', 10000), 'dental'), ('red-c', 'Ada', 'salon');
INSERT INTO voice.agent (id, name, vertical, tenant_id) VALUES ('blue-a', 'azure', 'salon', 'blue');
INSERT INTO voice.analysis (name, version, schema) VALUES ('care', 1, '{}');
CREATE TEMP TABLE made AS
SELECT voice_uuidv7(s.at) AS id, s.at, n, CASE WHEN n % 10 = 9 THEN 'blue-a' ELSE 'red-' || substr('abc', 1 + n % 3, 1) END AS agent, CASE WHEN n % 10 = 9 THEN 'blue' ELSE 'red' END AS tenant
FROM generate_series(1, 200) n
CROSS JOIN LATERAL (SELECT CASE WHEN n <= 8 THEN now() - interval '1 minute' ELSE date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '1 day' * (1 + n % 14) + interval '1 hour' * (n % 20) END AS at) s;
INSERT INTO voice.call (id, tenant_id, agent_id, started_at, ended_at, duration_ms, status, end_reason, from_number, cost, cost_currency)
SELECT id, tenant, agent, at, at + interval '1 second' * n, 1000 * n, CASE WHEN n % 8 = 0 THEN 'failed' WHEN n % 7 = 0 THEN 'transferred' ELSE 'completed' END,
       CASE WHEN n % 2 = 0 THEN 'caller_hung_up' ELSE 'call me on 212 555 0142' END, '+1212555' || (1000 + n), 0.013 * n, CASE WHEN n % 6 = 0 THEN 'EUR' ELSE 'USD' END FROM made;
INSERT INTO voice.turn (call_id, tenant_id, role, text, started_at, ended_at, e2e_latency_ms)
SELECT id, tenant, r.role, r.said, at + r.second * interval '1 s', at + (r.second + 1) * interval '1 s', r.ms
FROM made CROSS JOIN LATERAL (VALUES ('assistant', 'hello', 0, 400), ('user', 'crimson <script>alert(1)</script>', 2, NULL), ('assistant', 'bye', 9 + n % 50, 10 * n)) r(role, said, second, ms);
INSERT INTO voice.tool_call (call_id, tenant_id, name, latency_ms, error_text, invoked_at)
SELECT id, tenant, 'book"''><img src=x onerror=alert(1)>', 10 * n, CASE WHEN n % 4 = 0 THEN 'no' END, at FROM made;
INSERT INTO voice.analytics (call_id, tenant_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action, contact_number, entities, evidence, unsupported)
SELECT id, tenant, at, (n % 40 - 20) / 20.0, n % 101, agent, 'salon', CASE WHEN n % 2 = 0 THEN 'sales' ELSE 'info' END, 'm', 'p', 'wants </title></style><svg onload=alert(1)> ' || n, 'ring',
       '+1212555' || (1000 + n), jsonb_build_object('name', E'Noa \u202Etxt.exe <b>' || n), jsonb_build_array(jsonb_build_object('claim', 'lead_score', 'turn', 2, 'quote', 'crimson <script>alert(1)</script>', 'speaker', 'user', 'supported', true)), n % 3 FROM made;
INSERT INTO voice.result (call_id, tenant_id, started_at, agent_id, vertical, analysis, version, model, prompt_version, success)
SELECT id, tenant, at, agent, 'salon', 'care', 1, 'm', 'p', CASE WHEN n % 5 = 0 THEN 'fail' ELSE 'pass' END FROM made;
INSERT INTO voice.label (call_id, labeller, sentiment) SELECT id, 'anna', 0.5 FROM made WHERE n > 190 AND tenant = 'red';
INSERT INTO voice.daily_usage (day, agent_id, model, analysis, requests, prompt_tokens, completion_tokens)
SELECT (at AT TIME ZONE 'UTC')::date, agent, 'gpt-4o-mini', 'fixed', count(*), 1000000 * count(*), 1000 FROM made WHERE tenant = 'red' GROUP BY 1, 2;
INSERT INTO voice.backfill (name, queued, started_at) VALUES ('care', 40, now() - interval '10 minutes');
DELETE FROM voice.job;
INSERT INTO voice.job (tenant_id, kind, call_id, priority) SELECT tenant, 'analyze', id, 10 FROM made WHERE tenant = 'red' LIMIT 10;
SELECT count(voice_rollup((now() AT TIME ZONE 'UTC')::date - n)) FROM generate_series(2, 20) n \g /dev/null
CREATE ROLE red_admin LOGIN;
SELECT voice_grant('red_admin', 'reader'), voice_grant('red_admin', 'operator'), voice_pin_tenant('red_admin', 'red') \g /dev/null
