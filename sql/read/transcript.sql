-- What was said, in spoken order (started_at, id), in the words that the analyzer judges.

-- The words of a turn that streaming never closed are its final chunks.
CREATE FUNCTION voice._final_chunks(call_id uuid, turn_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RETURN coalesce((SELECT string_agg(k.text, ' ' ORDER BY k.seq) FROM voice.transcript_chunk k
                     WHERE k.call_id = _final_chunks.call_id AND k.turn_id = _final_chunks.turn_id AND k.is_final), '');
END
$$;
COMMENT ON FUNCTION voice._final_chunks(uuid, bigint) IS 'the words of a turn that is still open';

-- In Rust (src/api/transcript.rs).
CREATE FUNCTION voice_transcript(call_id uuid, max_chars int DEFAULT NULL, tools boolean DEFAULT false) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'voice_transcript';
COMMENT ON FUNCTION voice_transcript(uuid, int, boolean) IS
    'the call as "role: text" lines; with tools, what the agent did between them; NULL: no such call';
