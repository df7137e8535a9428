-- A pin holds against the setting, RESET, SET ROLE and functions; it goes with the name, and counts at once.
\set SHOW_CONTEXT never
CREATE ROLE regress_voice_red LOGIN;
CREATE ROLE regress_voice_blue LOGIN;
CREATE ROLE regress_voice_free LOGIN;
GRANT regress_voice_blue, regress_voice_free TO regress_voice_red;
CREATE ROLE regress_voice_pool LOGIN IN ROLE regress_voice_red;
SELECT voice_grant(r, 'admin'), voice_pin_tenant(r, tenant)
FROM (VALUES ('regress_voice_red', 'red'), ('regress_voice_blue', 'blue'), ('regress_voice_free', NULL), ('regress_voice_pool', NULL)) v(r, tenant);
SELECT role, access, tenant_id FROM voice_access();
SET SESSION AUTHORIZATION regress_voice_red;
INSERT INTO voice.agent (id) VALUES ('red-1') RETURNING tenant_id;
SET voice_analytics.tenant = 'blue';
SELECT voice._tenant();
INSERT INTO voice.agent (id) VALUES ('red-2') RETURNING tenant_id;
INSERT INTO voice.agent (id, tenant_id) VALUES ('red-3', 'blue');
SELECT voice_import_call('{"id": "r", "agent": "red-1", "turns": [{"role": "user", "text": "red words"}]}') IS NOT NULL AS imported;
RESET voice_analytics.tenant;
SELECT voice._tenant();
SET ROLE regress_voice_blue;
SELECT voice._tenant(), (SELECT string_agg(id, ',' ORDER BY id) FROM voice.agent) AS agents;
SET ROLE regress_voice_free;
SET voice_analytics.tenant = 'blue';
SELECT voice._tenant(), (SELECT string_agg(id, ',' ORDER BY id) FROM voice.agent) AS agents;
\set VERBOSITY sqlstate
ALTER ROLE regress_voice_red SET voice_analytics.tenant = 'blue';
\set VERBOSITY default
RESET ROLE;
DO $$ BEGIN PERFORM set_config('voice_analytics.tenant', 'blue', false); RAISE NOTICE 'tenant: %', voice._tenant(); END $$;
RESET SESSION AUTHORIZATION;
ALTER ROLE regress_voice_red RESET ALL;
-- A login without a pin: that of the role it sets counts, and that of the owner of a function it calls.
INSERT INTO voice.search_document (call_id, tenant_id, document) SELECT id, tenant_id, to_tsvector('simple', 'red words') FROM voice.call;
CREATE FUNCTION regress_voice_whose() RETURNS text LANGUAGE sql SECURITY DEFINER
AS $$ SELECT voice._tenant() || ' ' || (SELECT count(*) FROM voice.agent) || ' ' || (SELECT count(*) FROM public.voice_search('words')) $$;
ALTER FUNCTION regress_voice_whose() OWNER TO regress_voice_red;
SET SESSION AUTHORIZATION regress_voice_pool;
SET voice_analytics.tenant = 'green';
SELECT voice._tenant(), regress_voice_whose();
SET ROLE regress_voice_red;
SELECT voice._tenant(), regress_voice_whose();
RESET SESSION AUTHORIZATION;
RESET voice_analytics.tenant;
-- A pinned login that calls another tenant's function stays where it is.
ALTER FUNCTION regress_voice_whose() OWNER TO regress_voice_blue;
SET SESSION AUTHORIZATION regress_voice_red;
SELECT regress_voice_whose();
RESET SESSION AUTHORIZATION;
-- Unpinned, pinned again, rolled back: each counts from the next statement.
SET SESSION AUTHORIZATION regress_voice_red;
BEGIN;
SELECT voice._tenant();
RESET SESSION AUTHORIZATION;
SELECT voice_pin_tenant('regress_voice_red', 'green');
SET SESSION AUTHORIZATION regress_voice_red;
SELECT voice._tenant();
ROLLBACK;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_voice_red;
SELECT voice._tenant();
RESET SESSION AUTHORIZATION;
SELECT voice_pin_tenant('regress_voice_red', NULL);
SET SESSION AUTHORIZATION regress_voice_red;
SELECT voice._tenant() = '' AS free;
RESET SESSION AUTHORIZATION;
SELECT voice_pin_tenant('regress_voice_red', 'red');
-- Only superusers touch pins.
SET SESSION AUTHORIZATION regress_voice_blue;
\set VERBOSITY sqlstate
SELECT * FROM voice._pin;
DELETE FROM voice._pin;
SELECT voice._write_pin('regress_voice_blue', 'red');
SELECT voice_pin_tenant('regress_voice_blue', 'red');
RESET SESSION AUTHORIZATION;
\set VERBOSITY default
CREATE ROLE regress_voice_over BYPASSRLS;
SELECT voice_pin_tenant('regress_voice_over', 'red');
SELECT voice_pin_tenant('nobody_at_all', 'red');
SELECT voice_pin_tenant(current_user, 'red');
DELETE FROM voice.call;
DELETE FROM voice.agent;
DROP FUNCTION regress_voice_whose();
SELECT voice_revoke(r) FROM unnest('{regress_voice_red,regress_voice_blue,regress_voice_free,regress_voice_pool}'::text[]) r;
DROP ROLE regress_voice_over, regress_voice_red, regress_voice_free, regress_voice_pool;
-- The pin of a role that is gone waits for one of its name.
SELECT * FROM voice_access();
SELECT voice_pin_tenant('regress_voice_red', NULL), voice_pin_tenant('regress_voice_blue', NULL);
DROP ROLE regress_voice_blue;
SELECT * FROM voice_access();
