-- From 0.1.0 to 0.2.0. What stands here is what CREATE OR REPLACE cannot do: functions whose arguments or results changed
-- are dropped before, and the tables take their steps afterwards.

-- Not a row of it outlives this transaction; whatever default privileges give to others, they cannot see it before.
CREATE TABLE voice._known AS
SELECT d.objid AS function
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'voice_analytics'
WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  AND d.deptype = 'e';

-- What those who send calls sign with, one a tenant and format. A member of the extension and never dumped, as
-- voice._webhook_secret: a restored database takes no webhooks before it is told its secrets again.
CREATE TABLE voice._receive_secret (
    tenant_id text NOT NULL,
    format text NOT NULL,
    secret text NOT NULL,
    -- What it was before, taken until then.
    previous_secret text,
    previous_until timestamptz,
    PRIMARY KEY (tenant_id, format)
);
COMMENT ON TABLE voice._receive_secret IS 'what webhooks that voice_receive() takes are signed with; read by it only';
ALTER TABLE voice._receive_secret OWNER TO voice_worker;
REVOKE ALL ON voice._receive_secret FROM PUBLIC;

-- Tenants that move to another server, or came from one (sql/move/state.sql).
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

ALTER TABLE voice._webhook_secret ADD COLUMN old_secret text, ADD COLUMN replaced_at timestamptz;
COMMENT ON COLUMN voice._webhook_secret.old_secret IS 'what it was until replaced_at; for a day deliveries are signed with both';

DROP FUNCTION voice._close_functions();
-- An argument has another name.
DROP FUNCTION voice._rename_indexes(text, text, text);
-- These returned nothing, or intervals, and return what every client can read (voice._migrate_0005() grants them again).
DROP FUNCTION @extschema@.voice_add_chunk(uuid, bigint, int, text, boolean, int, int, double precision);
DROP FUNCTION @extschema@.voice_finish_turn(uuid, bigint, text, timestamptz, boolean, int, int, int, int);
DROP FUNCTION @extschema@.voice_pause(text);
DROP FUNCTION @extschema@.voice_resume();
DROP FUNCTION @extschema@.voice_limit_tenant(text, int, int);
DROP FUNCTION @extschema@.voice_remove_webhook(uuid);
DROP FUNCTION @extschema@.voice_grant(text, text);
DROP FUNCTION @extschema@.voice_revoke(text);
DROP FUNCTION @extschema@.voice_pin_tenant(text, text);
DROP FUNCTION @extschema@.voice_install();
DROP FUNCTION @extschema@.voice_status();
-- These have another name.
DROP FUNCTION voice._adopt();
DROP FUNCTION voice._keep_tenants_apart(regclass);
DROP FUNCTION voice._follow_roles();
DROP FUNCTION voice._day_prints(date, date);
DROP FUNCTION voice._changes(uuid);
DROP FUNCTION voice._run_elsewhere(text);
DROP FUNCTION voice._lock_families(text, int);
DROP FUNCTION voice._families();
DROP FUNCTION voice._leaves(text);
DROP FUNCTION voice._build_leaf(text, text);
DROP FUNCTION voice._install_default_leaves();
DROP FUNCTION voice._install_missing_leaves();
DROP FUNCTION voice._stranded(date[]);
DROP FUNCTION voice._add_proofs(uuid[], uuid[], boolean);
DROP FUNCTION voice._add_proofs_of_absence(date[]);
DROP FUNCTION voice._validate_proof(text);
DROP FUNCTION voice._proved();
DROP FUNCTION voice._drop_proofs();
DROP FUNCTION voice._forget_proofs();
DROP FUNCTION voice._swap_stranded(date[]);
DROP FUNCTION voice._create_months_elsewhere(int, timestamptz, text);
DROP FUNCTION voice._final_chunks(uuid, bigint);
-- Restricts to an analysis, or to what one says.
DROP FUNCTION @extschema@.voice_add_webhook(text, text, text[], int, text[], text);
DROP FUNCTION voice._add_webhook(text, text, text[], int, text[], text);
DROP FUNCTION @extschema@.voice_backfill(timestamptz, text, int, boolean, boolean);
-- These have an argument more: the client's id of what it adds.
DROP FUNCTION @extschema@.voice_add_turn(uuid, text, text, timestamptz, timestamptz, text, boolean, int, int, int, int);
DROP FUNCTION @extschema@.voice_add_tool_call(uuid, text, jsonb, jsonb, int, text, timestamptz, bigint);
-- This gives two columns more.
DROP FUNCTION @extschema@.voice_top_leads(text, timestamptz, int, int);
-- This has an argument more: from sums.
DROP FUNCTION @extschema@.voice_tool_stats(timestamptz);
DROP FUNCTION voice._check_turn(text, timestamptz, timestamptz, int, int, int, int);

-- Says in which other calls the number is mentioned.
DROP FUNCTION @extschema@.voice_erase_caller(text);
-- In Rust now, and by country.
DROP FUNCTION voice._number(text);

-- @functions@

SELECT voice._close_functions(ARRAY(SELECT function FROM voice._known));
DROP TABLE voice._known;

DO $$
BEGIN
    PERFORM voice._make_private(('voice.' || name)::pg_catalog.regclass) FROM pg_catalog.unnest('{_receive_secret,_sending,_receiving,_move_mark}'::text[]) t(name);
    -- A restore that is not over yet: voice_install() does it then.
    IF pg_catalog.to_regclass('voice._state') IS NOT NULL THEN
        PERFORM @extschema@.voice_install();
        PERFORM voice._release_tables();
    END IF;
END
$$;
