-- What was said, in spoken order (started_at, id), in the words that the analyzer judges.

CREATE FUNCTION voice._cut_transcript(lines text[], max_chars int) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_cut_transcript_wrapper';
COMMENT ON FUNCTION voice._cut_transcript(text[], int) IS
    'lines joined; if longer than so many characters, their beginning and end with a mark between';

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

CREATE FUNCTION voice_transcript(call_id uuid, max_chars int DEFAULT NULL, tools boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    lines text[];
BEGIN
    IF max_chars < 1 THEN
        RAISE EXCEPTION 'max_chars is out of range'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('max_chars is %s.', max_chars),
                  HINT = 'Pass 1 or more, or NULL for the whole transcript.';
    END IF;
    SELECT CASE WHEN tools THEN (
        SELECT array_agg(l.line ORDER BY l.at, l.kind, l.id) FROM (
            SELECT t.started_at AS at, 0 AS kind, t.id,
                   t.role || ': ' || CASE WHEN t.text <> '' THEN t.text ELSE voice._final_chunks(t.call_id, t.id) END AS line
            FROM voice.turn t WHERE t.call_id = voice_transcript.call_id
            UNION ALL
            SELECT k.invoked_at, 1, k.id,
                   'tool: ' || k.name || '(' || coalesce(nullif(k.args, '{}')::text, '') || ') → '
                   || coalesce('error: ' || k.error_text, k.result::text, '(no result)')
            FROM voice.tool_call k WHERE k.call_id = voice_transcript.call_id
        ) l)
    ELSE (
        SELECT array_agg(t.role || ': ' || CASE WHEN t.text <> '' THEN t.text ELSE voice._final_chunks(t.call_id, t.id) END
                         ORDER BY t.started_at, t.id)
        FROM voice.turn t WHERE t.call_id = voice_transcript.call_id)
    END INTO lines
    FROM voice.call c
    WHERE c.id = voice_transcript.call_id AND c.tenant_id = voice._tenant() AND c.deleted_at IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF max_chars IS NOT NULL THEN
        RETURN voice._cut_transcript(coalesce(lines, '{}'), max_chars);
    END IF;
    RETURN coalesce(array_to_string(lines, E'\n'), '');
END
$$;
COMMENT ON FUNCTION voice_transcript(uuid, int, boolean) IS
    'the call as "role: text" lines; with tools, what the agent did between them; NULL: no such call';
