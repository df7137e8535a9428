-- The role that owns the data is nobody special, the schema is the extension's, and a session's tenant is its setting.

DO $$
DECLARE
    existing record;
BEGIN
    SELECT rolsuper, rolcanlogin INTO existing FROM pg_catalog.pg_roles WHERE rolname = 'voice_worker';
    IF NOT FOUND THEN
        CREATE ROLE voice_worker NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;
        COMMENT ON ROLE voice_worker IS 'owns the tables of voice_analytics; its background worker acts as this role';
    ELSIF existing.rolsuper OR existing.rolcanlogin THEN
        RAISE EXCEPTION 'the role voice_worker exists and is more than voice_analytics wants it to be'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = pg_catalog.format('Superuser: %s; may log in: %s. Whoever can attach code to the tables acts as their owner.',
                                             existing.rolsuper, existing.rolcanlogin),
                  HINT = 'ALTER ROLE voice_worker NOLOGIN NOSUPERUSER, or rename the role if it is somebody else''s.';
    END IF;
END
$$;

-- What is said in any language must fit, and what goes to an LLM is UTF-8.
DO $$
BEGIN
    IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'voice_analytics needs a database in UTF8'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = pg_catalog.format('The encoding of this one is %s.', pg_catalog.getdatabaseencoding()),
                  HINT = 'CREATE DATABASE … ENCODING ''UTF8'' TEMPLATE template0';
    END IF;
END
$$;

CREATE SCHEMA voice;
COMMENT ON SCHEMA voice IS 'voice_analytics: calls, turns, tool calls and what was made of them';
-- Whatever default privileges say: who may create in this schema speaks in the functions that have it in their search path.
DO $$
DECLARE
    grantee text;
BEGIN
    FOR grantee IN
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::pg_catalog.regrole::text END
        FROM pg_catalog.pg_namespace n CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) a
        WHERE n.nspname = 'voice' AND a.grantee <> n.nspowner
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON SCHEMA voice FROM %s', grantee);
    END LOOP;
END
$$;
GRANT USAGE, CREATE ON SCHEMA voice TO voice_worker;
-- Its functions call voice_uuid_at() and others, wherever those were installed.
GRANT USAGE ON SCHEMA @extschema@ TO voice_worker;

-- Stands in column defaults and row-level security of every table. In Rust (src/api/tenant.rs): five times as fast as
-- current_setting().
CREATE FUNCTION voice._tenant() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_tenant';
COMMENT ON FUNCTION voice._tenant() IS 'the session''s tenant: the setting voice_analytics.tenant, or ''''';

-- Which installation this is. A member of the extension and never dumped: a restored database gets one of its own,
-- differs from what its data remembers (voice._state), and keeps quiet.
CREATE TABLE voice._instance (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    database oid NOT NULL
);
COMMENT ON TABLE voice._instance IS 'this installation; differs from voice._state in a restored copy';
ALTER TABLE voice._instance OWNER TO voice_worker;
REVOKE ALL ON voice._instance FROM PUBLIC;
INSERT INTO voice._instance (database)
SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database();
