-- That something was erased, by whom and how much; never what or whose.

CREATE FUNCTION voice._install_erasure() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.erasure') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE SEQUENCE IF NOT EXISTS voice.erasure_id_seq;
    CREATE TABLE voice.erasure (
        id bigint NOT NULL DEFAULT nextval('voice.erasure_id_seq'),
        erased_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        erased_by text NOT NULL DEFAULT session_user,
        kind text NOT NULL CONSTRAINT erasure_kind_known CHECK (kind IN ('call', 'caller')),
        removed jsonb NOT NULL CONSTRAINT erasure_removed_is_an_object CHECK (jsonb_typeof(removed) = 'object'),
        PRIMARY KEY (id)
    );
    PERFORM voice._make_private('voice.erasure_id_seq');
    PERFORM voice._make_private('voice.erasure');
    PERFORM voice._enable_tenant_rls('voice.erasure');
    ALTER SEQUENCE voice.erasure_id_seq OWNED BY voice.erasure.id;
    COMMENT ON TABLE voice.erasure IS 'the record of voice_erase_call() and voice_erase_caller(), without personal data';
    COMMENT ON COLUMN voice.erasure.erased_by IS 'the role that had logged in';
    COMMENT ON COLUMN voice.erasure.kind IS 'call: one by its id; caller: all of a phone number';
    COMMENT ON COLUMN voice.erasure.removed IS 'how many rows of which table';
END
$$;
COMMENT ON FUNCTION voice._install_erasure() IS 'creates voice.erasure if it is missing';
