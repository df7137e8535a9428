-- What the data remembers of its installation; dumped with it. Another installation's data is a copy and keeps quiet.

CREATE FUNCTION voice._install_state() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice._state') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice._state (
        singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
        instance uuid NOT NULL,
        epoch bigint NOT NULL DEFAULT 0,
        paused_at timestamptz,
        pause_reason text,
        schema_version int NOT NULL DEFAULT 1
    );
    PERFORM voice._make_private('voice._state');
    COMMENT ON TABLE voice._state IS 'the installation this data belongs to, and whether its worker is paused';
    COMMENT ON COLUMN voice._state.epoch IS 'counts workers: a new one takes back the leases of those before it';
    COMMENT ON COLUMN voice._state.schema_version IS 'how far the tables are: the number of the last voice._migrate_NNNN() that was run';
END
$$;
COMMENT ON FUNCTION voice._install_state() IS 'creates voice._state if it is missing';
