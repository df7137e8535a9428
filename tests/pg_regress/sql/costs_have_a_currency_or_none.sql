-- What calls and analyses cost, by currency; what has no price is counted and is in no sum. Right values: 1,000,000 prompt tokens, half
-- of them cached, and 100,000 completion tokens of gpt-4o-mini are 0.5 * 0.15 + 0.5 * 0.075 + 0.1 * 0.6 = 0.1725 USD.
\set SHOW_CONTEXT never
\pset null NULL
BEGIN;
SET LOCAL timezone = 'UTC';
SELECT count(*) >= 12 AS a_dozen, count(*) FILTER (WHERE source IS NULL) AS without_source FROM voice_list_prices();
-- One's own price goes before the list's, also of the same day.
INSERT INTO voice.model_price (model, prompt, completion) VALUES ('GPT-4.1', 42, 8);
SELECT * FROM voice._model_price('gpt-4.1', '2026-06-02');
DELETE FROM voice.model_price;
SELECT * FROM voice._model_price('gpt-4.1', '2026-06-02');
-- The longest pattern that fits, first of the whole name; a date at its end aside; from a day on.
INSERT INTO voice.model_price (model, currency, prompt, completion, valid_from) VALUES
    ('mine-%', 'EUR', 1, 2, '2026-01-01'), ('mine-large%', 'EUR', 10, 20, '2026-01-01'), ('mine-large%', 'EUR', 5, 10, '2026-03-01'),
    ('gpt-4o-mini-2024-07-18', 'USD', 7, 7, '2026-06-01');
SELECT m.model, m.day, p.currency, p.prompt, p.cached_prompt, p.completion
FROM (VALUES ('gpt-4o-mini', '2026-06-02'::date), ('gpt-4o-mini-2024-07-18', '2026-05-31'), ('gpt-4o-mini-2024-07-18', '2026-06-01'),
             ('GPT-4.1-Mini-2025-04-14', '2026-06-02'), ('claude-haiku-4-5-20251001', '2026-06-02'), ('gpt-4o-audio-preview', '2026-06-02'),
             ('mine-small', '2025-12-31'), ('mine-small', '2026-01-01'), ('mine-large-2', '2026-02-28'), ('mine-large-2', '2026-03-01'), ('yours', '2026-06-02')) m(model, day)
LEFT JOIN LATERAL voice._model_price(m.model, m.day) p ON true;
DELETE FROM voice.model_price WHERE model IN ('gpt-4o-mini-2024-07-18', 'mine-large%');
-- One's own goes before the list's, however old or general it is; of one's own the longest, with a date at the end of the name or without.
SAVEPOINT own;
INSERT INTO voice.model_price (model, valid_from, prompt, completion) VALUES ('gpt-4.1', '2024-06-01', 7, 7), ('gpt-%', '2024-06-01', 9, 9), ('gpt-4o-mini', '2025-01-01', 0.12, 0.48);
SELECT m.model, p.prompt FROM unnest('{gpt-4.1,gpt-4.1-mini,gpt-4o-mini,gpt-4o-mini-2024-07-18}'::text[]) m(model) CROSS JOIN LATERAL voice._model_price(m.model, '2026-06-02') p;
ROLLBACK TO own;
-- What no LIKE can use, and what is no money, is refused where it is written.
INSERT INTO voice.model_price (model, prompt, completion) VALUES (E'%\\', 1, 1);
ROLLBACK TO own;
INSERT INTO voice.agent (id, vertical) VALUES ('c', 'salon');
SAVEPOINT own;
INSERT INTO voice.call (agent_id, cost, cost_currency) VALUES ('c', 'NaN', 'USD');
ROLLBACK TO own;
INSERT INTO voice.call (agent_id, cost, cost_currency) VALUES ('c', '1e400', 'USD');
ROLLBACK TO own;
DELETE FROM voice.agent WHERE id = 'c';
-- Two agents, two days that are over and are rolled up, and today.
INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon'), ('b', 'dental'), ('idle', 'salon');
INSERT INTO voice.agent (id, vertical, tenant_id) VALUES ('o', 'salon', 'other');
CREATE FUNCTION pg_temp.day(back int) RETURNS date LANGUAGE sql AS $$ SELECT (now() AT TIME ZONE 'UTC')::date - back $$;
INSERT INTO voice.call (id, agent_id, tenant_id, started_at, duration_ms, status, cost, cost_currency)
SELECT voice_uuidv7(at), agent, tenant, at, minutes * 60000, status, cost, currency
FROM (VALUES (2, 'a', '', 10, 'completed', 0.50, 'usd'), (2, 'a', '', 5, 'completed', NULL, NULL), (2, 'b', '', 4, 'failed', 0.20, 'EUR'),
             (1, 'a', '', 1, 'completed', 0.10, 'USD'), (1, 'a', '', 1, 'completed', 0.10, NULL), (0, 'b', '', 2, 'completed', 0.30, ' Usd'),
             (0, 'b', '', NULL, 'in_progress', NULL, NULL), (2, 'o', 'other', 7, 'completed', 1, 'USD')) c(back, agent, tenant, minutes, status, cost, currency)
CROSS JOIN LATERAL (SELECT (pg_temp.day(c.back) + time '00:00:01') AT TIME ZONE 'UTC') t(at);
INSERT INTO voice.daily_usage (day, agent_id, model, analysis, requests, unmetered, prompt_tokens, cached_tokens, completion_tokens, tenant_id) VALUES
    (pg_temp.day(2), 'a', 'gpt-4o-mini-2024-07-18', 'fixed', 10, 0, 1000000, 500000, 100000, ''),
    (pg_temp.day(2), 'a', 'mine-small', 'fixed+booking', 4, 1, 2000000, 0, 0, ''),
    (pg_temp.day(1), 'a', 'yours', '(trial)', 3, 0, 500, 0, 500, ''),
    (pg_temp.day(0), 'b', 'gpt-4o-mini', '(notes)', 2, 0, 1000000, 0, 0, ''),
    (pg_temp.day(0), '', 'yours', 'fixed', 1, 0, 10, 0, 1, ''),
    (pg_temp.day(0), 'o', 'gpt-4o-mini', 'fixed', 1, 0, 2000000, 0, 0, 'other');
SELECT count(*) FROM voice._roll_up_due();
CREATE FUNCTION pg_temp.costs("by" text) RETURNS TABLE (key text, currency text, calls bigint, minutes double precision, with_cost bigint, call_cost numeric,
    a_minute numeric, requests bigint, prompt bigint, unpriced bigint, analysis_cost numeric, analysis_a_minute numeric) LANGUAGE sql AS $$
    SELECT CASE WHEN "by" = 'day' THEN (c.group_key::date - pg_temp.day(0))::text ELSE c.group_key END, c.currency, c.calls, c.minutes, c.calls_with_cost,
           c.call_cost, c.call_cost_per_minute, c.requests, c.prompt_tokens, c.unpriced_requests, c.analysis_cost, c.analysis_cost_per_minute
    FROM voice_cost(now() - interval '7 days', "by") c
$$;
SELECT * FROM pg_temp.costs('day');
SELECT * FROM pg_temp.costs('agent');
SELECT * FROM pg_temp.costs('vertical');
SELECT * FROM pg_temp.costs('tenant');
SELECT * FROM pg_temp.costs('model');
SELECT * FROM pg_temp.costs('analysis');
-- Days of any date style, and since whenever.
SET LOCAL datestyle = 'German';
SELECT count(*), min(group_key) = to_char(pg_temp.day(2), 'YYYY-MM-DD') AS iso FROM voice_cost('-infinity');
SELECT count(*) FROM voice_cost('infinity');
RESET datestyle;
-- A price that is put right holds for days past, and what a call cost is put right by the next roll-up.
UPDATE voice.model_price SET prompt = 2 WHERE model = 'mine-%';
SELECT analysis_cost FROM voice_cost(by => 'model') WHERE group_key = 'mine-small';
UPDATE voice.call SET cost = 0.7 WHERE cost = 0.5;
SELECT r - pg_temp.day(0) AS rolled_up_again FROM voice._roll_up_due() r;
SELECT call_cost FROM voice_cost(by => 'agent') WHERE group_key = 'a' AND currency = 'USD';
-- An analyst sees what is rolled up, an operator too; each its own tenant; and neither changes a price.
CREATE ROLE cost_analyst; CREATE ROLE cost_operator; CREATE ROLE cost_writer; CREATE ROLE cost_admin;
SELECT voice_grant('cost_analyst', 'analyst'), voice_grant('cost_operator', 'operator'), voice_grant('cost_writer', 'writer'), voice_grant('cost_admin', 'admin');
SET LOCAL ROLE cost_analyst;
SELECT key, currency, calls, call_cost, analysis_cost FROM pg_temp.costs('day');
SELECT key, currency, calls, analysis_cost FROM pg_temp.costs('tenant');
SAVEPOINT s;
UPDATE voice.model_price SET prompt = 0;
ROLLBACK TO s;
SET LOCAL ROLE cost_operator;
SET LOCAL voice_analytics.tenant = 'other';
SELECT key, currency, calls, call_cost, analysis_cost FROM pg_temp.costs('day');
SET LOCAL ROLE cost_writer;
SELECT * FROM voice_cost();
ROLLBACK TO s;
SET LOCAL ROLE cost_admin;
INSERT INTO voice.model_price (model, prompt, completion) VALUES ('local', 0, 0);
UPDATE voice.model_price SET source = 'us' WHERE model = 'local';
SELECT count(*) FROM voice.model_price WHERE source = 'us';
ROLLBACK TO s;
RESET ROLE;
SAVEPOINT t;
-- Each its own error.
SELECT voice_cost('2026-01-01 00:00+00', by => 'moon');
ROLLBACK TO t;
SELECT voice_cost(NULL);
ROLLBACK TO t;
INSERT INTO voice.model_price (model, currency, prompt, completion) VALUES ('x', 'dollar', 1, 1);
ROLLBACK TO t;
INSERT INTO voice.model_price (model, prompt, completion) VALUES ('x', 'NaN', 1);
ROLLBACK TO t;
-- Whoever is pinned changes no price.
SELECT voice_pin_tenant('cost_admin', 'red');
SET LOCAL ROLE cost_admin;
UPDATE voice.model_price SET prompt = 0;
INSERT INTO voice.model_price (model, prompt, completion) VALUES ('x', 1, 1);
ROLLBACK;
