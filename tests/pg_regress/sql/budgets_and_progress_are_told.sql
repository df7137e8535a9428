-- What a tenant may spend a day and has spent, what a dry run would cost, and how far what takes long is.
\set SHOW_CONTEXT never
\pset null NULL
BEGIN;
SET LOCAL timezone = 'UTC';
CREATE OR REPLACE FUNCTION voice._analyzer() RETURNS jsonb LANGUAGE sql
AS $$ SELECT '{"analyzer": "llm", "version": "v9", "rule_version": "rule", "prompt_chars": 4000, "max_chars": 60000}'::jsonb $$;
CREATE FUNCTION pg_temp.today() RETURNS date LANGUAGE sql AS $$ SELECT (now() AT TIME ZONE 'UTC')::date $$;
SELECT voice_limit_tenant('acme', budget_per_day => 0.30), voice_limit_tenant('euro', 5, budget_per_day => 2, budget_currency => 'EUR'), voice_limit_tenant('free', 3);
SELECT * FROM voice.tenant_limit ORDER BY tenant_id;
INSERT INTO voice.daily_usage (tenant_id, day, agent_id, model, analysis, requests, unmetered, prompt_tokens, completion_tokens) VALUES
    ('acme', pg_temp.today(), 'a', 'gpt-4o-mini', 'fixed', 10, 2, 1000000, 0), ('acme', pg_temp.today(), 'b', 'gpt-4o-mini', 'fixed', 1, 0, 0, 100000),
    ('acme', pg_temp.today(), 'b', 'yours', 'fixed', 1, 0, 5, 5), ('acme', pg_temp.today() - 1, 'b', 'gpt-4o-mini', 'fixed', 100, 0, 90000000, 0),
    ('euro', pg_temp.today(), 'c', 'gpt-4o-mini', 'fixed', 7, 0, 1000000, 0), ('free', pg_temp.today(), 'd', 'gpt-4o-mini', 'fixed', 7, 0, 1000000, 0);
SELECT tenant_id, budget_per_day, currency, spent, remaining, is_spent, requests, unpriced_requests, waiting,
       next_day_at = (pg_temp.today() + 1)::timestamp AS next_day FROM voice_budgets();
-- The tenant of the session is what it was.
SELECT current_setting('voice_analytics.tenant');
UPDATE voice.daily_usage SET prompt_tokens = prompt_tokens + 600000 WHERE tenant_id = 'acme' AND agent_id = 'a';
SELECT tenant_id, spent, remaining, is_spent FROM voice_budgets() WHERE tenant_id = 'acme';
SELECT voice_limit_tenant('acme', 4);
SELECT tenant_id FROM voice_budgets();
-- Whoever is not pinned sees all of them, whoever is its own.
CREATE ROLE budget_operator; CREATE ROLE budget_red;
SELECT voice_grant('budget_operator', 'operator'), voice_grant('budget_red', 'operator'), voice_limit_tenant('red', budget_per_day => 1), voice_pin_tenant('budget_red', 'red');
SET LOCAL ROLE budget_operator;
SELECT tenant_id, spent, requests FROM voice_budgets();
SET LOCAL ROLE budget_red;
SELECT tenant_id, spent, requests FROM voice_budgets();
RESET ROLE;
SAVEPOINT s;
SELECT voice_limit_tenant('acme', budget_per_day => 0);
ROLLBACK TO s;
SELECT voice_limit_tenant('acme', budget_per_day => 'NaN');
ROLLBACK TO s;
SELECT voice_limit_tenant('acme', budget_per_day => 1, budget_currency => 'usd');
ROLLBACK TO s;
\set VERBOSITY terse
-- Dry runs: 4000 + 35 characters a call are 1009 tokens, and a reply is 150.
INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon');
SELECT count(voice_import_call(jsonb_build_object('id', 'p-' || n, 'agent', 'a', 'started_at', now() - n * interval '1 hour', 'duration_ms', 60000,
    'turns', '[{"role": "user", "text": "a cut on Monday please."}]'::jsonb))) FROM generate_series(1, 1000) n;
DELETE FROM voice.job;
SELECT voice_backfill(dry_run => true);
INSERT INTO voice.analysis (name, version, model, schema) VALUES ('care', 1, 'big', '{"type": "object", "properties": {"pain": {"type": "integer"}}}');
SELECT voice_backfill(dry_run => true, max_calls => 10);
-- An operator does not read words: the calls' duration says as much.
SET LOCAL ROLE budget_operator;
SELECT voice_backfill(dry_run => true, max_calls => 10);
RESET ROLE;
INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action)
SELECT c.id, c.started_at, 0.5, 80, c.agent_id, 'x', 'sales', 'small', 'v9', 's', 'n' FROM voice.call c WHERE c.external_id IN ('p-1', 'p-2', 'p-3');
SELECT voice_trial(100, model => 'gpt-4.1-mini', dry_run => true), voice_trial(2, dry_run => true);
SELECT (SELECT count(*) FROM voice.trial) AS trials, (SELECT count(*) FROM voice.job) AS jobs, (SELECT count(*) FROM voice.backfill) AS backfills;
\set VERBOSITY default
-- Progress of a backfill and a trial.
SELECT count(*) FROM voice_progress() WHERE kind IN ('backfill', 'trial');
SELECT voice_backfill(max_calls => 600), voice_backfill(), voice_backfill();
SELECT queued, finished_at IS NULL AS open FROM voice.backfill ORDER BY started_at;
UPDATE voice.backfill SET started_at = started_at - interval '10 minutes';
SELECT voice_trial(3, model => 'big') AS trial \gset
UPDATE voice.trial SET created_at = now() - interval '10 minutes';
DELETE FROM voice.job j WHERE j.id IN (SELECT d.id FROM voice.job d WHERE d.kind = 'analyze' ORDER BY d.id LIMIT 200);
DELETE FROM voice.job j WHERE j.id = (SELECT min(d.id) FROM voice.job d WHERE d.kind = 'trial');
-- In tens, so that a minute that the test takes makes no difference.
SELECT kind, replace(name, :'trial', 'N') AS name, done, total, round(per_minute::numeric, -1) AS per_minute,
       round(extract(epoch FROM estimated_end - clock_timestamp()) / 60, -1) AS minutes_left
FROM voice_progress() WHERE kind IN ('backfill', 'trial') ORDER BY 1;
-- A reader sees what has come of a trial.
SELECT voice._store_trial(:trial, c.id, '{"intent": "info"}', 0, 'big', 50, 5, 10, NULL) FROM voice.call c WHERE c.external_id IN ('p-1', 'p-2');
CREATE ROLE budget_reader;
SELECT voice_grant('budget_reader', 'reader');
SET LOCAL ROLE budget_reader;
SELECT kind, done, total FROM voice_progress();
RESET ROLE;
-- The next backfill finds that one done.
DELETE FROM voice.job;
SELECT count(*) FROM voice_progress() WHERE kind IN ('backfill', 'trial');
DELETE FROM voice.analytics;
SELECT voice_backfill(max_calls => 1);
SELECT queued, finished_at IS NULL AS open FROM voice.backfill ORDER BY started_at;
-- Months past whose roll-up is to be looked at, and calls whose month has none.
INSERT INTO voice.call (id, agent_id, started_at, duration_ms, status) VALUES (voice_uuidv7('2020-02-02'), 'a', '2020-02-02', 1000, 'completed');
SELECT kind, name, done, total FROM voice_progress() WHERE kind = 'months';
ROLLBACK;
