-- Live ingest: each function is one statement on the tables, which the same statement from psql or an ORM equals.
-- What is unknown is a foreign_key_violation, as it would be from a plain INSERT; what is out of range an
-- invalid_parameter_value. Existence is read in the statement that writes: a subtransaction to catch the
-- foreign key's own error would cost every turn more than the turn.

CREATE FUNCTION voice._unknown_call(call_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM voice.call c
               WHERE c.id = _unknown_call.call_id AND c.tenant_id = voice._tenant() AND c.deleted_at IS NOT NULL) THEN
        RAISE EXCEPTION 'this call is deleted'
            USING ERRCODE = 'foreign_key_violation',
                  DETAIL = format('Call %s takes in nothing new.', call_id),
                  HINT = 'Whoever may administer calls brings it back: voice_restore_call().';
    END IF;
    RAISE EXCEPTION 'there is no such call'
        USING ERRCODE = 'foreign_key_violation',
              DETAIL = format('Call %s is not among those of tenant "%s".', coalesce(call_id::text, 'NULL'), voice._tenant()),
              HINT = 'Use the id that voice_start_call() or INSERT INTO voice.call … RETURNING id returned; '
                     'the setting voice_analytics.tenant says whose calls are seen.';
END
$$;
COMMENT ON FUNCTION voice._unknown_call(uuid) IS 'raises the error for a call that does not exist';

CREATE FUNCTION voice._unknown_turn(call_id uuid, turn_id bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM voice.call c WHERE c.id = call_id AND c.tenant_id = voice._tenant()) THEN
        PERFORM voice._unknown_call(call_id);
    END IF;
    RAISE EXCEPTION 'there is no such turn'
        USING ERRCODE = 'foreign_key_violation',
              DETAIL = format('Call %s has no turn %s.', call_id, coalesce(turn_id::text, 'NULL')),
              HINT = 'Open the turn first: voice_add_turn(call_id, role, '''') returns its id.';
END
$$;
COMMENT ON FUNCTION voice._unknown_turn(uuid, bigint) IS 'raises the error for a turn that does not exist';

CREATE FUNCTION voice._check_turn(
    role text, transcription_ms int, llm_ttft_ms int, tts_ttfb_ms int, e2e_latency_ms int) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF role IS NULL OR role NOT IN ('user', 'assistant', 'system') THEN
        RAISE EXCEPTION 'there is no such role'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('The role of the turn is %s.', coalesce(quote_literal(role), 'NULL')),
                  HINT = 'The roles are user (the caller), assistant (the agent) and system.';
    ELSIF least(transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms) < 0 THEN
        RAISE EXCEPTION 'a latency cannot be negative'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms: %s.',
                                  concat_ws(', ', transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms)),
                  HINT = 'Pass milliseconds from 0 up, or NULL for what was not measured.';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._check_turn(text, int, int, int, int) IS
    'raises the error for what is wrong with a turn';

-- Two starts of one external_id, also from two clients at once, must find one call: the second waits here for the first,
-- and for imports of the same. In Rust (src/api/import.rs).
CREATE FUNCTION voice._lock_external_id(external_id text) RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_lock_arrival';
COMMENT ON FUNCTION voice._lock_external_id(text) IS 'serialises the arrivals of one external call id until commit';

CREATE FUNCTION voice_start_call(
    agent_id text, from_number text, to_number text, meta jsonb DEFAULT NULL, started_at timestamptz DEFAULT now(),
    external_id text DEFAULT NULL, direction text DEFAULT 'inbound') RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    call uuid;
    over timestamptz;
BEGIN
    -- '' is how some clients say that there is none.
    external_id := nullif(external_id, '');
    IF external_id IS NOT NULL THEN
        PERFORM voice._lock_external_id(external_id);
        -- Not ORDER BY id LIMIT 1, for which the planner would walk the ids of all calls. A deleted call takes in nothing.
        SELECT (array_agg(c.id ORDER BY c.id))[1], (array_agg(c.ended_at ORDER BY c.id))[1] INTO call, over FROM voice.call c
        WHERE c.external_id = voice_start_call.external_id AND c.tenant_id = voice._tenant() AND c.deleted_at IS NULL;
        IF call IS NOT NULL THEN
            IF over < now() - interval '1 hour' THEN
                RAISE WARNING 'this call has ended long ago'
                    USING DETAIL = format('external_id %s is that of call %s, which ended at %s.',
                                          quote_literal(external_id), call, over),
                          HINT = 'Where it is another call (the name of a room, used again), give it an external_id of its own.';
            END IF;
            RETURN call;
        END IF;
    END IF;
    IF direction IS NULL OR direction NOT IN ('inbound', 'outbound') THEN
        RAISE EXCEPTION 'there is no such direction'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('direction is %s.', coalesce(quote_literal(direction), 'NULL')),
                  HINT = 'A call is inbound (the caller rang) or outbound (the agent did).';
    ELSIF started_at IS NULL THEN
        RAISE EXCEPTION 'a call needs its start'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'started_at is NULL.',
                  HINT = 'Leave started_at out: it is now().';
    END IF;
    INSERT INTO voice.call (id, agent_id, tenant_id, from_number, to_number, meta, started_at, external_id, direction)
    SELECT @extschema@.voice_uuidv7(voice_start_call.started_at), a.id, a.tenant_id, voice_start_call.from_number,
           voice_start_call.to_number, voice_start_call.meta, voice_start_call.started_at,
           voice_start_call.external_id, voice_start_call.direction
    FROM voice.agent a
    WHERE a.id = voice_start_call.agent_id AND a.tenant_id = voice._tenant() AND a.deleted_at IS NULL
    RETURNING id INTO call;
    IF call IS NULL THEN
        RAISE EXCEPTION 'there is no such agent'
            USING ERRCODE = 'foreign_key_violation',
                  DETAIL = format('Agent %s is not among those of tenant "%s".',
                                  coalesce(quote_literal(agent_id), 'NULL'), voice._tenant()),
                  HINT = 'INSERT INTO voice.agent (id, name, vertical) VALUES (…) first.';
    END IF;
    RETURN call;
END
$$;
COMMENT ON FUNCTION voice_start_call(text, text, text, jsonb, timestamptz, text, text) IS
    'starts a call and returns its id; the same external_id again returns the same call';

CREATE FUNCTION voice_add_turn(
    call_id uuid, role text, text text, started_at timestamptz DEFAULT clock_timestamp(), ended_at timestamptz DEFAULT NULL,
    audio_url text DEFAULT NULL, interrupted boolean DEFAULT false, transcription_ms int DEFAULT NULL,
    llm_ttft_ms int DEFAULT NULL, tts_ttfb_ms int DEFAULT NULL, e2e_latency_ms int DEFAULT NULL,
    external_id text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    turn bigint;
BEGIN
    -- Only what is wrong is worth another function call.
    IF role IS NULL OR role NOT IN ('user', 'assistant', 'system')
       OR least(transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms) < 0 THEN
        PERFORM voice._check_turn(role, transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms);
    END IF;
    IF external_id <> '' THEN
        PERFORM voice._lock_external_id(format('%s turn %s', call_id, external_id));
        SELECT t.id INTO turn FROM voice.turn t
        WHERE t.call_id = voice_add_turn.call_id AND t.external_id = voice_add_turn.external_id AND t.tenant_id = voice._tenant();
        IF FOUND THEN
            RETURN turn;
        END IF;
    END IF;
    INSERT INTO voice.turn (call_id, tenant_id, role, text, started_at, ended_at, audio_url, interrupted,
                            transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms, external_id)
    SELECT c.id, c.tenant_id, voice_add_turn.role, coalesce(voice_add_turn.text, ''),
           coalesce(voice_add_turn.started_at, clock_timestamp()), voice_add_turn.ended_at, voice_add_turn.audio_url,
           coalesce(voice_add_turn.interrupted, false), voice_add_turn.transcription_ms, voice_add_turn.llm_ttft_ms,
           voice_add_turn.tts_ttfb_ms, voice_add_turn.e2e_latency_ms, nullif(voice_add_turn.external_id, '')
    FROM voice.call c
    WHERE c.id = voice_add_turn.call_id AND c.tenant_id = voice._tenant() AND c.deleted_at IS NULL
    RETURNING id INTO turn;
    IF turn IS NULL THEN
        PERFORM voice._unknown_call(call_id);
    END IF;
    RETURN turn;
END
$$;
COMMENT ON FUNCTION voice_add_turn(uuid, text, text, timestamptz, timestamptz, text, boolean, int, int, int, int, text) IS
    'adds a turn to a call and returns its id; text '''' opens a turn that voice_add_chunk() fills; the same external_id again is the same turn';

CREATE FUNCTION voice_add_chunk(
    call_id uuid, turn_id bigint, seq int, text text, is_final boolean DEFAULT false, start_ms int DEFAULT NULL,
    end_ms int DEFAULT NULL, confidence double precision DEFAULT NULL) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    -- As far beyond 0 and 1 as floats are rounded, a confidence is moved to them (voice._chunk_written).
    IF seq IS NULL OR seq < 0 OR confidence NOT BETWEEN -0.001 AND 1.001 THEN
        RAISE EXCEPTION 'a chunk is out of range'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('seq is %s, confidence %s.', coalesce(seq::text, 'NULL'), coalesce(confidence::text, 'NULL')),
                  HINT = 'seq counts from 0 or 1, confidence is 0 to 1.';
    END IF;
    -- A recogniser revises what it has sent: the same seq again replaces the piece, but what it was only guessing never what
    -- is final. Not by EXCLUDED, which asks for the privilege to read.
    INSERT INTO voice.transcript_chunk AS k (call_id, turn_id, tenant_id, seq, text, is_final, start_ms, end_ms, confidence)
    SELECT t.call_id, t.id, t.tenant_id, voice_add_chunk.seq, coalesce(voice_add_chunk.text, ''),
           coalesce(voice_add_chunk.is_final, false), voice_add_chunk.start_ms, voice_add_chunk.end_ms,
           voice_add_chunk.confidence
    FROM voice.turn t
    WHERE t.call_id = voice_add_chunk.call_id AND t.id = voice_add_chunk.turn_id AND t.tenant_id = voice._tenant()
    ON CONFLICT ON CONSTRAINT transcript_chunk_pkey DO UPDATE
    SET text = coalesce(voice_add_chunk.text, ''), is_final = coalesce(voice_add_chunk.is_final, false),
        start_ms = voice_add_chunk.start_ms, end_ms = voice_add_chunk.end_ms, confidence = voice_add_chunk.confidence
    WHERE NOT k.is_final OR voice_add_chunk.is_final;
    IF NOT FOUND AND NOT EXISTS (
        SELECT 1 FROM voice.transcript_chunk k
        WHERE k.call_id = voice_add_chunk.call_id AND k.turn_id = voice_add_chunk.turn_id AND k.seq = voice_add_chunk.seq
          AND k.is_final AND k.tenant_id = voice._tenant())
    THEN
        PERFORM voice._unknown_turn(call_id, turn_id);
    END IF;
    RETURN seq;
END
$$;
COMMENT ON FUNCTION voice_add_chunk(uuid, bigint, int, text, boolean, int, int, double precision) IS
    'adds a piece of streaming speech-to-text to a turn and returns its seq; the same seq again replaces it, but never a final piece by one that is not';

CREATE FUNCTION voice._close_streaming_turn(
    call_id uuid, turn_id bigint, ended_at timestamptz, interrupted boolean, transcription_ms int, llm_ttft_ms int,
    tts_ttfb_ms int, e2e_latency_ms int) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    UPDATE voice.turn t
    SET text = coalesce(nullif(voice._streamed_words(t.call_id, t.id), ''), t.text),
        ended_at = coalesce(_close_streaming_turn.ended_at, t.ended_at),
        interrupted = coalesce(_close_streaming_turn.interrupted, false) OR t.interrupted,
        transcription_ms = coalesce(_close_streaming_turn.transcription_ms, t.transcription_ms),
        llm_ttft_ms = coalesce(_close_streaming_turn.llm_ttft_ms, t.llm_ttft_ms),
        tts_ttfb_ms = coalesce(_close_streaming_turn.tts_ttfb_ms, t.tts_ttfb_ms),
        e2e_latency_ms = coalesce(_close_streaming_turn.e2e_latency_ms, t.e2e_latency_ms)
    WHERE t.call_id = _close_streaming_turn.call_id AND t.id = _close_streaming_turn.turn_id
      AND t.tenant_id = voice._tenant();
END
$$;
COMMENT ON FUNCTION voice._close_streaming_turn(uuid, bigint, timestamptz, boolean, int, int, int, int) IS
    'does the work of voice._finish_turn_from_chunks, as voice_worker';

-- In Rust (src/api/owner.rs), for those who may write: they may not read what was said, not even to put it together.
-- Nothing of it comes back.
CREATE FUNCTION voice._finish_turn_from_chunks(
    call_id uuid, turn_id bigint, ended_at timestamptz, interrupted boolean, transcription_ms int, llm_ttft_ms int,
    tts_ttfb_ms int, e2e_latency_ms int) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_finish_turn_from_chunks_wrapper';
COMMENT ON FUNCTION voice._finish_turn_from_chunks(uuid, bigint, timestamptz, boolean, int, int, int, int) IS
    'closes a streaming turn with the words of its chunks';

CREATE FUNCTION voice_finish_turn(
    call_id uuid, turn_id bigint, text text DEFAULT NULL, ended_at timestamptz DEFAULT clock_timestamp(),
    interrupted boolean DEFAULT false, transcription_ms int DEFAULT NULL, llm_ttft_ms int DEFAULT NULL,
    tts_ttfb_ms int DEFAULT NULL, e2e_latency_ms int DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    turn record;
BEGIN
    SELECT t.role INTO turn FROM voice.turn t
    WHERE t.call_id = voice_finish_turn.call_id AND t.id = voice_finish_turn.turn_id AND t.tenant_id = voice._tenant()
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM voice._unknown_turn(call_id, turn_id);
    END IF;
    PERFORM voice._check_turn(turn.role, transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms);
    IF text IS NULL THEN
        PERFORM voice._finish_turn_from_chunks(call_id, turn_id, ended_at, interrupted, transcription_ms, llm_ttft_ms,
                                               tts_ttfb_ms, e2e_latency_ms);
        RETURN turn_id;
    END IF;
    UPDATE voice.turn t
    SET text = voice_finish_turn.text,
        ended_at = coalesce(voice_finish_turn.ended_at, t.ended_at),
        interrupted = coalesce(voice_finish_turn.interrupted, false) OR t.interrupted,
        transcription_ms = coalesce(voice_finish_turn.transcription_ms, t.transcription_ms),
        llm_ttft_ms = coalesce(voice_finish_turn.llm_ttft_ms, t.llm_ttft_ms),
        tts_ttfb_ms = coalesce(voice_finish_turn.tts_ttfb_ms, t.tts_ttfb_ms),
        e2e_latency_ms = coalesce(voice_finish_turn.e2e_latency_ms, t.e2e_latency_ms)
    WHERE t.call_id = voice_finish_turn.call_id AND t.id = voice_finish_turn.turn_id AND t.tenant_id = voice._tenant();
    RETURN turn_id;
END
$$;
COMMENT ON FUNCTION voice_finish_turn(uuid, bigint, text, timestamptz, boolean, int, int, int, int) IS
    'closes a streaming turn and returns its id; without text, its words are its final chunks or, without any, its latest';

CREATE FUNCTION voice_add_tool_call(
    call_id uuid, name text, args jsonb, result jsonb DEFAULT NULL, latency_ms int DEFAULT NULL,
    error_text text DEFAULT NULL, invoked_at timestamptz DEFAULT clock_timestamp(), turn_id bigint DEFAULT NULL,
    external_id text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    tool_call bigint;
BEGIN
    IF coalesce(name, '') = '' OR latency_ms < 0 THEN
        RAISE EXCEPTION 'a tool call needs a name, and a latency that is not negative'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('name is %s, latency_ms %s.', coalesce(quote_literal(name), 'NULL'),
                                  coalesce(latency_ms::text, 'NULL')),
                  HINT = 'Pass the function''s name as the model called it, and milliseconds.';
    ELSIF turn_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM voice.turn t
        WHERE t.call_id = voice_add_tool_call.call_id AND t.id = voice_add_tool_call.turn_id AND t.tenant_id = voice._tenant())
    THEN
        PERFORM voice._unknown_turn(call_id, turn_id);
    END IF;
    IF external_id <> '' THEN
        PERFORM voice._lock_external_id(format('%s tool call %s', call_id, external_id));
        SELECT t.id INTO tool_call FROM voice.tool_call t
        WHERE t.call_id = voice_add_tool_call.call_id AND t.external_id = voice_add_tool_call.external_id
          AND t.tenant_id = voice._tenant();
        IF FOUND THEN
            RETURN tool_call;
        END IF;
    END IF;
    INSERT INTO voice.tool_call (call_id, tenant_id, name, args, result, latency_ms, error_text, invoked_at, turn_id, external_id)
    SELECT c.id, c.tenant_id, voice_add_tool_call.name, coalesce(voice_add_tool_call.args, '{}'), voice_add_tool_call.result,
           voice_add_tool_call.latency_ms, voice_add_tool_call.error_text,
           coalesce(voice_add_tool_call.invoked_at, clock_timestamp()), voice_add_tool_call.turn_id,
           nullif(voice_add_tool_call.external_id, '')
    FROM voice.call c
    WHERE c.id = voice_add_tool_call.call_id AND c.tenant_id = voice._tenant() AND c.deleted_at IS NULL
    RETURNING id INTO tool_call;
    IF tool_call IS NULL THEN
        PERFORM voice._unknown_call(call_id);
    END IF;
    RETURN tool_call;
END
$$;
COMMENT ON FUNCTION voice_add_tool_call(uuid, text, jsonb, jsonb, int, text, timestamptz, bigint, text) IS
    'adds a tool call and returns its id; error_text set: the tool failed; the same external_id again is the same tool call';

CREATE FUNCTION voice_end_call(
    call_id uuid, status text DEFAULT 'completed', ended_at timestamptz DEFAULT clock_timestamp(),
    end_reason text DEFAULT NULL, recording_url text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF status IS NULL OR status NOT IN ('completed', 'failed', 'transferred') THEN
        RAISE EXCEPTION 'a call cannot end like that'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('status is %s.', coalesce(quote_literal(status), 'NULL')),
                  HINT = 'A call ends completed, failed or transferred.';
    END IF;
    UPDATE voice.call c
    SET status = voice_end_call.status,
        ended_at = voice_end_call.ended_at,
        end_reason = coalesce(voice_end_call.end_reason, c.end_reason)
    WHERE c.id = voice_end_call.call_id AND c.tenant_id = voice._tenant() AND c.status = 'in_progress';
    IF FOUND THEN
        -- A statement of its own, and rare: who may write calls may not read where their recordings are.
        IF recording_url IS NOT NULL THEN
            UPDATE voice.call c SET recording_url = voice_end_call.recording_url
            WHERE c.id = voice_end_call.call_id AND c.tenant_id = voice._tenant();
        END IF;
        RETURN true;
    ELSIF NOT EXISTS (SELECT 1 FROM voice.call c WHERE c.id = voice_end_call.call_id AND c.tenant_id = voice._tenant()) THEN
        PERFORM voice._unknown_call(call_id);
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION voice_end_call(uuid, text, timestamptz, text, text) IS
    'ends a call, which queues its analysis; false: it had ended already, and nothing changed';
