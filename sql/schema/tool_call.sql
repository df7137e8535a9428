-- What the agent did: one row a tool invocation, with an error or without. turn_id is a note, not a reference: a turn
-- may be corrected away without its tool calls.

CREATE FUNCTION voice._install_tool_call() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.tool_call') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE SEQUENCE IF NOT EXISTS voice.tool_call_id_seq;
    CREATE TABLE voice.tool_call (
        call_id uuid NOT NULL,
        id bigint NOT NULL DEFAULT nextval('voice.tool_call_id_seq'),
        invoked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        turn_id bigint,
        latency_ms int,
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        name text NOT NULL,
        args jsonb NOT NULL DEFAULT '{}',
        result jsonb,
        error_text text,
        external_id text,
        -- Rows come in the order of their calls and stay: room between entries would stay empty.
        PRIMARY KEY (call_id, id) WITH (fillfactor = 100)
    ) PARTITION BY RANGE (call_id);
    PERFORM voice._make_private('voice.tool_call_id_seq');
    PERFORM voice._make_private('voice.tool_call');
    PERFORM voice._enable_tenant_rls('voice.tool_call');
    ALTER SEQUENCE voice.tool_call_id_seq OWNED BY voice.tool_call.id;
    CREATE TRIGGER written AFTER INSERT OR UPDATE ON voice.tool_call FOR EACH ROW EXECUTE FUNCTION voice._tool_call_written();
    COMMENT ON TABLE voice.tool_call IS 'tools the agent called: bookings, look-ups, transfers';
    COMMENT ON COLUMN voice.tool_call.turn_id IS 'the turn that made the call, if known';
    COMMENT ON COLUMN voice.tool_call.latency_ms IS 'milliseconds until the tool answered';
    COMMENT ON COLUMN voice.tool_call.error_text IS 'set: the tool failed';
    COMMENT ON COLUMN voice.tool_call.external_id IS 'the id of the tool call in the agent''s program: voice_add_tool_call() adds it once';
END
$$;
COMMENT ON FUNCTION voice._install_tool_call() IS 'creates voice.tool_call if it is missing';
