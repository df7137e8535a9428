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

-- The words of a turn and who spoke it, in the one form that is judged, hashed, searched and shown. Functions that the planner
-- takes apart, so each names its operators' schema; they cost no plan anything.
CREATE FUNCTION voice._turn_words(text text, call_id uuid, turn_id bigint) RETURNS text
LANGUAGE sql STABLE
AS $$ SELECT CASE WHEN $1 OPERATOR(pg_catalog.<>) '' THEN $1 ELSE voice._streamed_words($2, $3) END $$;
COMMENT ON FUNCTION voice._turn_words(text, uuid, bigint) IS 'the words of a turn: its text or, while it is open, its chunks';

CREATE FUNCTION voice._turn_speaker(role text, speaker text, interrupted boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT coalesce($2, $1) OPERATOR(pg_catalog.||) CASE WHEN $3 THEN ' (interrupted)' ELSE '' END $$;
COMMENT ON FUNCTION voice._turn_speaker(text, text, boolean) IS 'who spoke a turn, and whether somebody spoke over it';

-- What is hashed of a call: its turns, each as speaker and words, and its tool calls, each with how many turns had begun before
-- it. The unit separators are characters that nobody speaks. prepare.sql and settle_words.sql gather the lines.
CREATE FUNCTION voice._turn_line(speaker text, words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT $1 OPERATOR(pg_catalog.||) E'\x1f' OPERATOR(pg_catalog.||) $2 $$;
COMMENT ON FUNCTION voice._turn_line(text, text) IS 'a turn as the hash of its call has it';

CREATE FUNCTION voice._tool_call_line(turns_before bigint, name text, args jsonb, result jsonb, error_text text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT $1::text OPERATOR(pg_catalog.||) E'\x1f' OPERATOR(pg_catalog.||) $2
           OPERATOR(pg_catalog.||) E'\x1f' OPERATOR(pg_catalog.||) $3::text
           OPERATOR(pg_catalog.||) E'\x1f' OPERATOR(pg_catalog.||) coalesce($4::text, '')
           OPERATOR(pg_catalog.||) E'\x1f' OPERATOR(pg_catalog.||) coalesce($5, '')
$$;
COMMENT ON FUNCTION voice._tool_call_line(bigint, text, jsonb, jsonb, text) IS 'a tool call as the hash of its call has it';

-- convert_to() is STABLE, and the planner takes apart no function that claims to be more than what is in it.
CREATE FUNCTION voice._lines_hash(turns text, tool_calls text) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT pg_catalog.substr(pg_catalog.sha256(pg_catalog.convert_to(
        $1 OPERATOR(pg_catalog.||) coalesce(E'\x1d' OPERATOR(pg_catalog.||) $2, ''), 'UTF8')), 1, 16)
$$;
COMMENT ON FUNCTION voice._lines_hash(text, text) IS 'the hash of a call, of its lines joined by U+001E; NULL: it has no turns';

-- Whether a row that the session sees was written by the transaction it is in, a subtransaction included. A transaction id lacks
-- its epoch; rows of unfinished transactions that one sees are one's own.
CREATE FUNCTION voice._is_of_this_transaction(writer xid) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, voice, pg_temp
AS $$
    -- The distance from the own id is one of 32 bits with a sign.
    SELECT pg_xact_status((c.id + mod($1::text::bigint - mod(c.id, 4294967296) + 6442450944, 4294967296) - 2147483648)::text::xid8) = 'in progress'
    FROM (SELECT pg_current_xact_id()::text::bigint) c(id)
$$;
COMMENT ON FUNCTION voice._is_of_this_transaction(xid) IS 'whether the row with this xmin, which the session sees, is new in its transaction';

-- A turn was closed from its chunks if its text is made of them: of those that were there before, and of any of this transaction.
-- The chunk that is written (again) had other words before, or none.
CREATE FUNCTION voice._take_in_chunk(call_id uuid, turn_id bigint, seq int, old_text text, old_is_final boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    -- What of the turn's text is not found in chunks yet.
    rest text;
    chunk record;
    before text;
BEGIN
    SELECT t.text || ' ' INTO rest FROM voice.turn t WHERE t.call_id = _take_in_chunk.call_id AND t.id = _take_in_chunk.turn_id;
    -- It had interim words only, of which this was the last or the only one.
    IF NOT old_is_final AND rest = (
        SELECT string_agg(i.text, ' ' ORDER BY i.seq) || ' '
        FROM (SELECT k.seq, k.text, lead(k.text) OVER (ORDER BY k.seq) AS next
              FROM (SELECT c.seq, CASE c.seq WHEN _take_in_chunk.seq THEN old_text ELSE c.text END AS text
                    FROM voice.transcript_chunk c
                    WHERE c.call_id = _take_in_chunk.call_id AND c.turn_id = _take_in_chunk.turn_id) k
              WHERE k.text <> '') i
        WHERE i.next IS NULL OR NOT starts_with(lower(i.next), lower(i.text)))
    THEN
        rest := '';
    END IF;
    IF rest <> '' THEN
        FOR chunk IN
            SELECT c.seq, c.text, voice._is_of_this_transaction(c.xmin) AS is_new FROM voice.transcript_chunk c
            WHERE c.call_id = _take_in_chunk.call_id AND c.turn_id = _take_in_chunk.turn_id AND c.is_final
            ORDER BY c.seq
        LOOP
            before := CASE WHEN chunk.seq <> _take_in_chunk.seq THEN chunk.text WHEN old_is_final THEN old_text END || ' ';
            IF starts_with(rest, before) THEN
                rest := substr(rest, char_length(before) + 1);
            ELSIF NOT chunk.is_new THEN
                RETURN;
            END IF;
        END LOOP;
    END IF;
    IF rest = '' THEN
        UPDATE voice.turn t SET text = voice._streamed_words(t.call_id, t.id)
        WHERE t.call_id = _take_in_chunk.call_id AND t.id = _take_in_chunk.turn_id;
    END IF;
END
$$;
COMMENT ON FUNCTION voice._take_in_chunk(uuid, bigint, int, text, boolean) IS
    'puts the words of a turn that was closed from its chunks together again when a final one comes later';

-- In Rust (src/api/transcript.rs).
CREATE FUNCTION voice_transcript(call_id uuid, max_chars int DEFAULT NULL, tools boolean DEFAULT false) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'voice_transcript';
COMMENT ON FUNCTION voice_transcript(uuid, int, boolean) IS
    'the call as "role: text" lines; with tools, what the agent did between them; NULL: no such call';
