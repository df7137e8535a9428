-- A webhook that cannot be is refused with the way out, and nothing is left of it; no error repeats a secret.
\set SHOW_CONTEXT never
SELECT voice_add_webhook('ftp://example.com/hook');
SELECT voice_add_webhook('https://me:hunter2@example.com/hook');
SELECT voice_add_webhook('http://169.254.169.254/');
SELECT voice_add_webhook('https://[::ffff:169.254.169.254]/');
SELECT voice_add_webhook('https://0.0.0.0/');
SELECT voice_add_webhook('http://example.com/hook');
-- Names that resolve to private addresses, wherever this runs: the C library reads numbers as addresses.
SELECT voice_add_webhook('https://2852039166/latest/meta-data');
SELECT voice_add_webhook('https://10.1/');
SELECT voice_add_webhook('https://2130706433/');
SELECT voice_add_webhook('https://example.com:0/hook');
SELECT voice_add_webhook('https://exa mple.com/');
SELECT voice_add_webhook(NULL);
SELECT voice_add_webhook('http://localhost/hook', 'hunter2');
SELECT voice_add_webhook('http://localhost/hook', 'whsec_hunter2!');
SELECT voice_add_webhook('http://localhost/hook', 'whsec_aHVudGVyMg==');
SELECT voice_add_webhook('http://localhost/hook', events => '{call.started}');
SELECT voice_add_webhook('http://localhost/hook', events => '{}');
SELECT voice_add_webhook('http://localhost/hook', min_lead_score => 101);
SELECT voice_add_webhook('http://localhost/hook', intents => '{buying}');
SELECT voice_add_webhook('http://localhost/hook', format => 'teams');
SELECT voice_add_webhook('http://localhost/hook', only_if => '{"success": "pass"}');
SELECT voice_add_webhook('http://localhost/hook', only_if => '{"analysis": "nobody_asks", "sucess": "pass"}');
SELECT voice_add_webhook('http://localhost/hook', only_if => '{"analysis": "nobody_asks"}');
SELECT voice_add_webhook('http://localhost/', format => 'slack');
SELECT voice_add_webhook('http://localhost/services/T0/B0/x', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', format => 'slack');
SELECT voice_remove_webhook('00000000-0000-4000-8000-000000000000');
SELECT voice_enable_webhook(NULL);
SET voice_analytics.webhook_allowed_hosts = 'hooks.slack.com, *.example.com';
SELECT voice_add_webhook('http://localhost/hook');
SET voice_analytics.webhook_allowed_hosts = 'https://example.com/';
RESET voice_analytics.webhook_allowed_hosts;
SELECT count(*) AS webhooks, (SELECT count(*) FROM voice._webhook_secret) AS secrets FROM voice.webhook;

-- Plain writes are held to the same rules; the secret passes through.
BEGIN;
SAVEPOINT s;
INSERT INTO voice.webhook (url) VALUES ('http://169.254.169.254/');
ROLLBACK TO s;
INSERT INTO voice.webhook (id, url, secret) VALUES
    ('00000000-0000-4000-8000-000000000001', 'http://127.0.0.1/a', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'),
    ('00000000-0000-4000-8000-000000000002', 'http://127.0.0.1/b', NULL);
INSERT INTO voice.webhook (id, url, format) VALUES ('00000000-0000-4000-8000-000000000003', 'http://127.0.0.1/services/T0/B0/x', 'slack');
SELECT url, format, secret, enabled, disabled_reason FROM voice.webhook ORDER BY id;
SELECT secret FROM voice._webhook_secret ORDER BY webhook_id;
SAVEPOINT s;
UPDATE voice.webhook SET enabled = true WHERE url LIKE '%/b';
ROLLBACK TO s;
UPDATE voice.webhook SET id = gen_random_uuid() WHERE url LIKE '%/b';
ROLLBACK TO s;
UPDATE voice.webhook SET secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx' WHERE url LIKE '%/b';
UPDATE voice.webhook SET enabled = true WHERE url LIKE '%/b';
UPDATE voice.webhook SET enabled = false, disabled_reason = 'too loud' WHERE url LIKE '%/a';
SELECT url, enabled, disabled_at IS NOT NULL AS since, disabled_reason FROM voice.webhook ORDER BY id;
-- A secret that is given is shown once, and one that is made.
SELECT secret FROM voice_add_webhook('http://localhost/hook', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
SELECT secret ~ '^whsec_[A-Za-z0-9+/]{43}=$' AS made, id IS NOT NULL AS named FROM voice_add_webhook('http://localhost/hook');
SELECT voice_enable_webhook('00000000-0000-4000-8000-000000000001') IS NULL AS has_one;
DELETE FROM voice.webhook;
SELECT count(*) AS secrets FROM voice._webhook_secret;
ROLLBACK;

-- Who may write webhooks writes those of his tenant, and reads no secret, his own included.
CREATE ROLE regress_voice_sales NOLOGIN;
SELECT voice_grant('regress_voice_sales', 'admin');
BEGIN;
SELECT id AS other FROM voice_add_webhook('http://localhost/other') \gset
SET LOCAL ROLE regress_voice_sales;
SET LOCAL voice_analytics.tenant = 'red';
SELECT id AS red, secret IS NOT NULL AS shown FROM voice_add_webhook('http://localhost/red') \gset
SELECT tenant_id, url, secret FROM voice.webhook;
\set VERBOSITY terse
SAVEPOINT s;
SELECT * FROM voice._webhook_secret;
ROLLBACK TO s;
SELECT voice_remove_webhook(:'other') IS NULL;
ROLLBACK TO s;
INSERT INTO voice.webhook (id, url, secret) VALUES (:'other', 'http://localhost/mine', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw') ON CONFLICT DO NOTHING;
ROLLBACK TO s;
SELECT voice_remove_webhook(:'red');
-- Who may not write webhooks learns nothing of the names that the server knows.
RESET ROLE;
REVOKE INSERT, UPDATE ON voice.webhook FROM regress_voice_sales;
SET LOCAL ROLE regress_voice_sales;
SELECT voice_add_webhook('https://10.1/');
ROLLBACK;
SELECT voice_revoke('regress_voice_sales');
DROP ROLE regress_voice_sales;
