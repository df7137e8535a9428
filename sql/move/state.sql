-- A tenant moves to another server by logical replication (docs/scale-out.md). What a server knows of it stands in three tables:
-- members of the extension and never dumped, as voice._instance, for a copy of this server moves nobody.

CREATE TABLE voice._sending (
    tenant_id text PRIMARY KEY,
    began_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- What was written before that is known to be alike on both servers; scripts/move-tenant.sh writes it.
    verified_until timestamptz,
    -- What somebody had given the replica identity FULL before anybody was sent: it keeps it.
    was_full regclass[] NOT NULL DEFAULT '{}',
    fenced_at timestamptz,
    held_at timestamptz,
    -- Written together with held_at, here and to voice._move_mark.
    token uuid,
    -- What was taken out of the queue, and the alerts: they go with the print.
    jobs jsonb NOT NULL DEFAULT '[]',
    alerts jsonb NOT NULL DEFAULT '[]',
    -- The last print since held_at: voice_forget_tenant() compares it with what is there.
    print jsonb
);
COMMENT ON TABLE voice._sending IS 'tenants that are on their way to another server: voice_send_tenant()';
ALTER TABLE voice._sending OWNER TO voice_worker;
REVOKE ALL ON voice._sending FROM PUBLIC;

CREATE TABLE voice._receiving (
    tenant_id text PRIMARY KEY,
    began_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    arrived_at timestamptz,
    -- Roll-ups of days before this one came with the tenant, whose calls of those days had left.
    kept_before date,
    -- Of voice._sending on the server from which it came: proves to that one that all is here.
    token uuid
);
COMMENT ON TABLE voice._receiving IS 'tenants that are on their way to this server, or came here: voice_receive_tenant()';
ALTER TABLE voice._receiving OWNER TO voice_worker;
REVOKE ALL ON voice._receiving FROM PUBLIC;

-- Replicated with the tenant: changes are applied in the order of their commits, so whoever sees the token has all that was
-- committed before it.
CREATE TABLE voice._move_mark (
    tenant_id text PRIMARY KEY,
    token uuid NOT NULL
);
COMMENT ON TABLE voice._move_mark IS 'the last row that a tenant sends to its new server';
ALTER TABLE voice._move_mark OWNER TO voice_worker;
REVOKE ALL ON voice._move_mark FROM PUBLIC;

-- Names of publication and subscription: a tenant may be called anything.
CREATE FUNCTION voice._move_name(tenant text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT 'voice_tenant_' || left(regexp_replace(lower($1), '[^a-z0-9]+', '_', 'g'), 24) || '_' || left(md5($1), 8) $$;
COMMENT ON FUNCTION voice._move_name(text) IS 'the name of a tenant''s publication, subscription and replication slot';

-- Beside the partitioned tables. is_keyed: its primary key has the tenant, so its updates can be filtered without more.
CREATE FUNCTION voice._moved_tables(OUT name text, OUT is_keyed boolean) RETURNS SETOF record
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT f, false FROM unnest(voice._partitioned_tables()) f
    UNION ALL
    VALUES ('agent', false), ('analysis', true), ('label', false), ('live', false), ('alert_event', false), ('backfill', true),
           ('daily_usage', true), ('_move_mark', true)
$$;
COMMENT ON FUNCTION voice._moved_tables() IS 'the tables whose rows of a tenant are replicated to its new server';

-- A uuid of version 7 holds the time from 1970 on.
CREATE FUNCTION voice._first_id_of(since timestamptz) RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT CASE WHEN $1 < timestamptz '1970-01-01 00:00:00+00' THEN uuid '00000000-0000-0000-0000-000000000000'
                ELSE @extschema@.voice_uuid_at($1) END
$$;
COMMENT ON FUNCTION voice._first_id_of(timestamptz) IS 'the least id that a call of that time or a later one can have; -infinity: of any call';

CREATE FUNCTION voice._last_id_of(until timestamptz) RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT CASE WHEN $1 > now() + interval '100 years' THEN uuid 'ffffffff-ffff-ffff-ffff-ffffffffffff'
                ELSE @extschema@.voice_uuid_at($1) END
$$;
COMMENT ON FUNCTION voice._last_id_of(timestamptz) IS 'the id that all calls before that time are below; infinity: of any call';

-- The rows of these tables are few, or their ids are one server's: they go with the print and get ids of the new server.
CREATE FUNCTION voice._rollup_tables() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT '{daily,daily_result,daily_detail,daily_cost}'::text[] $$;
COMMENT ON FUNCTION voice._rollup_tables() IS 'the roll-ups that are made of calls';

-- Tenants of whom another server writes, or is about to: maintenance and backfills of all tenants leave their calls alone.
CREATE FUNCTION voice._moving_tenants() RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT coalesce(array_agg(m.tenant_id), '{}') FROM (
        SELECT r.tenant_id FROM voice._receiving r WHERE r.arrived_at IS NULL
        UNION ALL SELECT s.tenant_id FROM voice._sending s WHERE s.fenced_at IS NOT NULL) m
$$;
COMMENT ON FUNCTION voice._moving_tenants() IS 'tenants whose calls are not this server''s, or not any more';

-- Roll-ups of days whose calls a tenant had already lost when it came: what this server would make of them is nothing, or of the few calls
-- of that day whose ids are of the next month.
CREATE FUNCTION voice._came_with(tenant text, day date) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT EXISTS (SELECT 1 FROM voice._receiving r WHERE r.tenant_id = $1 AND $2 < r.kept_before) $$;
COMMENT ON FUNCTION voice._came_with(text, date) IS 'whether a tenant''s roll-up of a day came from the server it lived on before';

CREATE FUNCTION voice._is_here(tenant text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    -- A code upon which pools of connections connect again.
    RAISE EXCEPTION 'the calls of this tenant are on another server'
        USING ERRCODE = 'cannot_connect_now', DETAIL = format('Tenant "%s" is moving, or has moved.', tenant),
              HINT = 'Connect again by the address that follows the tenant (docs/scale-out.md), and repeat the transaction.';
END
$$;
COMMENT ON FUNCTION voice._is_here(text) IS 'raises the error for whoever asks for a tenant that is not served here; part of the policies made by voice._fence_tenant()';

-- Tables that sessions of a tenant read or write. Of the queue and of attempts the worker goes on writing.
CREATE FUNCTION voice._fenced_tables() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT c.relname::text FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
    WHERE c.relnamespace = 'voice'::regnamespace AND p.polname = 'tenant' AND c.relname NOT IN ('job', 'dead_job', 'attempt')
    ORDER BY array_position(voice._partitioned_tables(), c.relname::text) NULLS LAST, c.relname
$$;
COMMENT ON FUNCTION voice._fenced_tables() IS 'the tables on which voice._fence_tenant() makes policies';

-- The lock makes it a border in time: whoever had written of the tenant has committed, whoever comes afterwards meets the policy.
-- Superusers, roles with BYPASSRLS and the worker pass it.
CREATE FUNCTION voice._fence_tenant(tenant text, is_up boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms'
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    policy CONSTANT text := 'moving_' || left(md5(tenant), 12);
    try int := 0;
    name text;
BEGIN
    LOOP
        BEGIN
            -- With the whole budget each time: a tenant's clients wait for this.
            PERFORM voice._lock_partitioned_tables('ACCESS EXCLUSIVE', 3);
            FOR name IN SELECT f FROM voice._fenced_tables() f LOOP
                IF EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = to_regclass('voice.' || name) AND p.polname = policy) THEN
                    EXECUTE format('DROP POLICY %I ON voice.%I', policy, name);
                END IF;
                IF is_up THEN
                    EXECUTE format('CREATE POLICY %I ON voice.%I AS RESTRICTIVE USING (tenant_id <> %3$L OR voice._is_here(tenant_id)) '
                                   'WITH CHECK (tenant_id <> %3$L OR voice._is_here(tenant_id))', policy, name, tenant);
                END IF;
            END LOOP;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
        try := try + 1;
        PERFORM voice._try_again(try, began);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._fence_tenant(text, boolean) IS 'keeps sessions of a tenant from its rows on this server, or lets them again';

-- Partitions are asked, not their parents: that is where a change is logged and applied.
CREATE FUNCTION voice._identities(OUT relation regclass, OUT identity "char", OUT is_keyed boolean) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT c.oid::regclass, c.relreplident, r.is_keyed FROM (
        SELECT l.partition AS oid, false AS is_keyed FROM unnest(voice._partitioned_tables()) f CROSS JOIN LATERAL voice._partitions(f) l
        UNION ALL
        SELECT to_regclass('voice.' || t.name), t.is_keyed FROM voice._moved_tables() t WHERE t.name <> ALL (voice._partitioned_tables())) r
    JOIN pg_class c ON c.oid = r.oid
$$;
COMMENT ON FUNCTION voice._identities() IS 'the replica identities of all partitions and of the tables that are sent';

CREATE FUNCTION voice._refuse_identities() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    found CONSTANT text := (SELECT string_agg(i.relation::text, ', ' ORDER BY i.relation::text) FROM voice._identities() i WHERE i.identity IN ('i', 'n'));
BEGIN
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'tables here have a replica identity that no move can use'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('They have USING INDEX or NOTHING: %s.', found),
                  HINT = 'ALTER TABLE … REPLICA IDENTITY DEFAULT of each, or FULL.';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._refuse_identities() IS 'raises the error where a replica identity would be lost by a move, or keeps changes from being applied';

-- FULL: a publication with WHERE (tenant_id = …) refuses UPDATE and DELETE of every tenant where the tenant is no part of the
-- identity. NOTHING to do where it is so already.
CREATE FUNCTION voice._set_identities(is_full boolean, except_for regclass[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    relation regclass;
BEGIN
    FOR relation IN
        SELECT i.relation FROM voice._identities() i
        WHERE NOT i.is_keyed AND i.identity <> CASE WHEN is_full THEN 'f' ELSE 'd' END AND i.relation <> ALL (except_for)
    LOOP
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY %s', relation, CASE WHEN is_full THEN 'FULL' ELSE 'DEFAULT' END);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._set_identities(boolean, regclass[]) IS 'gives all partitions and the tables that are sent the replica identity FULL, or the default again; under locks that are held already';
