-- A pinned role sees one tenant whatever it sets, and whatever it is called. Its oid says who it is where the pin was
-- learnt; its name travels with the data (a dump has it), holds for a role that is created later, and for one that is
-- dropped and made again. src/host/tenant_binding.rs judges the same way.

CREATE FUNCTION voice._pins_changed() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_pins_changed';
ALTER FUNCTION voice._pins_changed() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._pins_changed() FROM PUBLIC;
COMMENT ON FUNCTION voice._pins_changed() IS 'tells every session that a pin has changed (TRUNCATE says so by itself)';

CREATE FUNCTION voice._install_pin() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice._pin') IS NOT NULL THEN
        RETURN;
    END IF;
    -- src/host/tenant_binding.rs reads these columns in this order.
    CREATE TABLE voice._pin (
        role text NOT NULL PRIMARY KEY CONSTRAINT pin_role_not_empty CHECK (role <> ''),
        tenant_id text NOT NULL,
        role_oid oid,
        instance uuid
    );
    CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON voice._pin
        FOR EACH ROW EXECUTE FUNCTION voice._pins_changed();
    PERFORM voice._make_private('voice._pin');
    COMMENT ON TABLE voice._pin IS 'roles that are one tenant''s, whatever they set: voice_pin_tenant()';
    COMMENT ON COLUMN voice._pin.role IS 'its name when it was last looked at';
    COMMENT ON COLUMN voice._pin.role_oid IS 'who that is on the installation in which it was learnt';
    COMMENT ON COLUMN voice._pin.instance IS 'the installation (voice._instance) on which role_oid says something';
END
$$;
COMMENT ON FUNCTION voice._install_pin() IS 'creates voice._pin if it is missing';

-- The worker's, every sweep. In a copy nothing is learnt before voice_resume(): names decide there.
CREATE FUNCTION voice._follow_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    here CONSTANT uuid := (SELECT i.id FROM voice._instance i);
    moved voice._pin[];
BEGIN
    IF to_regclass('voice._pin') IS NULL OR voice._is_copy() THEN
        RETURN;
    END IF;
    -- Two that have changed names must both be out of the way before either is in.
    WITH gone AS (
        DELETE FROM voice._pin p USING pg_roles r
        WHERE p.instance = here AND r.oid = p.role_oid AND r.rolname <> p.role
        RETURNING (r.rolname, p.tenant_id, p.role_oid, p.instance)::voice._pin AS pin
    )
    SELECT array_agg(g.pin) INTO moved FROM gone g;
    IF moved IS NOT NULL THEN
        -- Whoever has had that name is gone, and its pin would be the newcomer's, who has one of its own.
        DELETE FROM voice._pin p USING unnest(moved) m WHERE p.role = m.role;
        INSERT INTO voice._pin SELECT m.* FROM unnest(moved) m;
    END IF;
    UPDATE voice._pin p SET role_oid = r.oid, instance = here
    FROM pg_roles r
    WHERE r.rolname = p.role AND (p.instance, p.role_oid) IS DISTINCT FROM (here, r.oid);
END
$$;
COMMENT ON FUNCTION voice._follow_roles() IS 'keeps the names of pinned roles true, and learns who those are that came by name';
