-- What was said: a turn lies in the month of its call. Text '' is a turn that its transcript chunks are still filling.

CREATE FUNCTION voice._install_turn() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.turn') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE SEQUENCE IF NOT EXISTS voice.turn_id_seq;
    CREATE TABLE voice.turn (
        call_id uuid NOT NULL,
        id bigint NOT NULL DEFAULT nextval('voice.turn_id_seq'),
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        ended_at timestamptz,
        transcription_ms int,
        llm_ttft_ms int,
        tts_ttfb_ms int,
        e2e_latency_ms int,
        interrupted boolean NOT NULL DEFAULT false,
        role text NOT NULL,
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        text text NOT NULL,
        audio_url text,
        speaker text,
        external_id text,
        -- Rows come in the order of their calls and stay: room between entries would stay empty.
        PRIMARY KEY (call_id, id) WITH (fillfactor = 100)
    ) PARTITION BY RANGE (call_id);
    PERFORM voice._make_private('voice.turn_id_seq');
    PERFORM voice._make_private('voice.turn');
    PERFORM voice._enable_tenant_rls('voice.turn');
    ALTER SEQUENCE voice.turn_id_seq OWNED BY voice.turn.id;

    -- The rules of a turn, and late turns.
    CREATE TRIGGER written AFTER INSERT OR UPDATE OR DELETE ON voice.turn FOR EACH ROW EXECUTE FUNCTION voice._turn_written();

    COMMENT ON TABLE voice.turn IS 'what was said, one row a turn; spoken order is (started_at, id)';
    COMMENT ON COLUMN voice.turn.text IS 'the words; '''' while transcript chunks fill the turn';
    COMMENT ON COLUMN voice.turn.role IS 'user (the caller), assistant (the agent) or system';
    COMMENT ON COLUMN voice.turn.speaker IS 'who spoke, where the role does not say it: human_agent (a person on the agent''s side, role system)';
    COMMENT ON COLUMN voice.turn.external_id IS 'the client''s own id of the turn: voice_add_turn() adds it once';
    COMMENT ON COLUMN voice.turn.interrupted IS 'the caller spoke over it (barge-in)';
    COMMENT ON COLUMN voice.turn.transcription_ms IS 'speech-to-text latency, milliseconds';
    COMMENT ON COLUMN voice.turn.llm_ttft_ms IS 'time to the LLM''s first token, milliseconds';
    COMMENT ON COLUMN voice.turn.tts_ttfb_ms IS 'time to the first byte of speech, milliseconds';
    COMMENT ON COLUMN voice.turn.e2e_latency_ms IS 'from the end of the caller''s speech to the start of the answer, milliseconds';
END
$$;
COMMENT ON FUNCTION voice._install_turn() IS 'creates voice.turn if it is missing';
