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
        role text NOT NULL CONSTRAINT turn_role_known CHECK (role IN ('user', 'assistant', 'system')),
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        text text NOT NULL,
        audio_url text,
        CONSTRAINT turn_ends_after_it_starts CHECK (ended_at >= started_at),
        CONSTRAINT turn_latency_not_negative
            CHECK (least(transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms) >= 0),
        PRIMARY KEY (call_id, id)
    ) PARTITION BY RANGE (call_id);
    PERFORM voice._make_private('voice.turn_id_seq');
    PERFORM voice._make_private('voice.turn');
    PERFORM voice._keep_tenants_apart('voice.turn');
    ALTER SEQUENCE voice.turn_id_seq OWNED BY voice.turn.id;

    -- Late turns. Deferred, so that a transaction that writes many turns is looked at once, when all of them are there.
    CREATE CONSTRAINT TRIGGER turn_written AFTER INSERT OR UPDATE OR DELETE ON voice.turn
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION voice._turn_written();

    COMMENT ON TABLE voice.turn IS 'what was said, one row a turn; spoken order is (started_at, id)';
    COMMENT ON COLUMN voice.turn.text IS 'the words; '''' while transcript chunks fill the turn';
    COMMENT ON COLUMN voice.turn.role IS 'user (the caller), assistant (the agent) or system';
    COMMENT ON COLUMN voice.turn.interrupted IS 'the caller spoke over it (barge-in)';
    COMMENT ON COLUMN voice.turn.transcription_ms IS 'speech-to-text latency, milliseconds';
    COMMENT ON COLUMN voice.turn.llm_ttft_ms IS 'time to the LLM''s first token, milliseconds';
    COMMENT ON COLUMN voice.turn.tts_ttfb_ms IS 'time to the first byte of speech, milliseconds';
    COMMENT ON COLUMN voice.turn.e2e_latency_ms IS 'from the end of the caller''s speech to the start of the answer, milliseconds';
END
$$;
COMMENT ON FUNCTION voice._install_turn() IS 'creates voice.turn if it is missing';
