-- A pinned role sees one tenant whatever it sets. Roles go by name: the wall travels with the data it guards (a dump has
-- it), holds for a role that is created later, and for one that is dropped and made again.

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
    -- src/host/pin.rs reads these two columns in this order.
    CREATE TABLE voice._pin (
        role text NOT NULL PRIMARY KEY CONSTRAINT pin_role_not_empty CHECK (role <> ''),
        tenant_id text NOT NULL
    );
    CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON voice._pin
        FOR EACH ROW EXECUTE FUNCTION voice._pins_changed();
    PERFORM voice._make_private('voice._pin');
    COMMENT ON TABLE voice._pin IS 'roles that are one tenant''s, whatever they set: voice_pin_tenant()';
END
$$;
COMMENT ON FUNCTION voice._install_pin() IS 'creates voice._pin if it is missing';
