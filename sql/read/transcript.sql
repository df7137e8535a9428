-- What was said, in spoken order (started_at, id), in the words that the analyzer judges.

-- The words of a turn that streaming never closed are its final chunks; of one that has none, those that the recogniser had
-- heard last. seq is a place in the turn, so these are all of them; but a client that counts revisions gives each its own
-- seq: a chunk that the next one repeats and continues is an earlier form of it.
CREATE FUNCTION voice._streamed_words(call_id uuid, turn_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RETURN coalesce(
        (SELECT string_agg(k.text, ' ' ORDER BY k.seq) FROM voice.transcript_chunk k
         WHERE k.call_id = _streamed_words.call_id AND k.turn_id = _streamed_words.turn_id AND k.is_final),
        (SELECT string_agg(i.text, ' ' ORDER BY i.seq)
         FROM (SELECT k.seq, k.text, lead(k.text) OVER (ORDER BY k.seq) AS next FROM voice.transcript_chunk k
               WHERE k.call_id = _streamed_words.call_id AND k.turn_id = _streamed_words.turn_id AND k.text <> '') i
         WHERE i.next IS NULL OR NOT starts_with(lower(i.next), lower(i.text))),
        '');
END
$$;
COMMENT ON FUNCTION voice._streamed_words(uuid, bigint) IS 'the words of a turn as its chunks tell them: the final ones or, without any, the latest';

-- Closed from its chunks: its words are what they told before this one was written, alone or with others by the same statement.
CREATE FUNCTION voice._take_in_chunk(call_id uuid, turn_id bigint, seq int, old_text text, old_is_final boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    UPDATE voice.turn t SET text = voice._streamed_words(t.call_id, t.id)
    WHERE t.call_id = _take_in_chunk.call_id AND t.id = _take_in_chunk.turn_id AND t.text IN (
        SELECT unnest(ARRAY[
            coalesce(string_agg(b.text, ' ' ORDER BY b.seq) FILTER (WHERE b.is_final),
                     string_agg(b.text, ' ' ORDER BY b.seq) FILTER (WHERE b.next IS NULL OR NOT starts_with(lower(b.next), lower(b.text)))),
            string_agg(b.text, ' ' ORDER BY b.seq) FILTER (WHERE b.is_final AND b.seq < _take_in_chunk.seq)])
        FROM (SELECT k.seq, k.text, k.is_final, lead(k.text) OVER (ORDER BY k.seq) AS next
              FROM (SELECT c.seq, c.text, c.is_final FROM voice.transcript_chunk c
                    WHERE c.call_id = _take_in_chunk.call_id AND c.turn_id = _take_in_chunk.turn_id
                      AND c.seq <> _take_in_chunk.seq
                    UNION ALL
                    SELECT _take_in_chunk.seq, old_text, old_is_final WHERE old_text IS NOT NULL) k
              WHERE k.text <> '' OR k.is_final) b);
END
$$;
COMMENT ON FUNCTION voice._take_in_chunk(uuid, bigint, int, text, boolean) IS
    'puts the words of a turn that was closed from its chunks together again when a final one comes later';

-- In Rust (src/api/transcript.rs).
CREATE FUNCTION voice_transcript(call_id uuid, max_chars int DEFAULT NULL, tools boolean DEFAULT false) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'voice_transcript';
COMMENT ON FUNCTION voice_transcript(uuid, int, boolean) IS
    'the call as "role: text" lines; with tools, what the agent did between them; NULL: no such call';
