-- Pieces of a turn as speech-to-text streams them; the final ones are the turn's words until it is finished.

CREATE FUNCTION voice._install_transcript_chunk() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.transcript_chunk') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.transcript_chunk (
        call_id uuid NOT NULL,
        turn_id bigint NOT NULL,
        seq int NOT NULL CONSTRAINT transcript_chunk_seq_not_negative CHECK (seq >= 0),
        start_ms int,
        end_ms int,
        confidence real,
        is_final boolean NOT NULL DEFAULT false,
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        text text NOT NULL,
        PRIMARY KEY (call_id, turn_id, seq)
    ) PARTITION BY RANGE (call_id);
    PERFORM voice._make_private('voice.transcript_chunk');
    PERFORM voice._enable_tenant_rls('voice.transcript_chunk');
    -- The rules of a chunk, and late words, as in voice.turn.
    CREATE TRIGGER written AFTER INSERT OR UPDATE ON voice.transcript_chunk FOR EACH ROW EXECUTE FUNCTION voice._chunk_written();
    COMMENT ON TABLE voice.transcript_chunk IS 'streaming speech-to-text pieces of a turn';
    COMMENT ON COLUMN voice.transcript_chunk.seq IS 'position within the turn, from 0 or 1';
    COMMENT ON COLUMN voice.transcript_chunk.is_final IS 'the recogniser will not change it any more';
    COMMENT ON COLUMN voice.transcript_chunk.start_ms IS 'milliseconds from the start of the call''s audio';
    COMMENT ON COLUMN voice.transcript_chunk.end_ms IS 'milliseconds from the start of the call''s audio';
    COMMENT ON COLUMN voice.transcript_chunk.confidence IS 'the recogniser''s confidence, 0 to 1';
END
$$;
COMMENT ON FUNCTION voice._install_transcript_chunk() IS 'creates voice.transcript_chunk if it is missing';
