-- One whole finished call in a few statements, or nothing of it; the same call twice, also from two clients at once, is one.

-- Says what is wrong with one value of an import and where it stands.
CREATE FUNCTION voice._import_refused(place text, value jsonb, wanted text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'the call cannot be imported: % must be %', place, wanted
        USING ERRCODE = 'invalid_parameter_value',
              DETAIL = format('%s is %s.', place,
                              CASE WHEN value IS NULL THEN 'missing' ELSE left(value::text, 200) END),
              HINT = 'A call is {"id", "duration_ms" | "started_at" and "ended_at", "agent" | "vertical", "status", "from", "to", '
                     '"turns": [{"role", "text", "start_ms", "end_ms"}], "tool_calls": [{"name", "args", "result", "offset_ms"}]}; '
                     'of these only turns is required.';
END
$$;
COMMENT ON FUNCTION voice._import_refused(text, jsonb, text) IS 'raises the error for a value that an import cannot use';

-- What each key must be; keys that are not ours are left alone. NULL: nothing is wrong with this value.
-- No search_path of its own: it must inline (as a call it made an import three times as slow), and those who call it have one.
CREATE FUNCTION voice._import_wants(part text, key text, value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN key LIKE '%\_ms' THEN
            CASE WHEN jsonb_typeof(value) <> 'null' AND (jsonb_typeof(value) <> 'number' OR NOT value::numeric BETWEEN 0 AND 2147483647)
                 THEN 'a number of milliseconds, 0 to 2147483647' END
        WHEN key = 'role' THEN
            CASE WHEN value NOT IN ('"user"', '"assistant"', '"system"') THEN 'user, assistant or system' END
        WHEN part = 'turns' AND key = 'text' OR part = 'tool_calls' AND key = 'name' THEN
            CASE WHEN jsonb_typeof(value) <> 'string' OR key = 'name' AND value = '""' THEN 'a string' END
        WHEN key IN ('audio_url', 'error', 'error_text', 'from', 'to', 'from_number', 'to_number', 'external_id', 'vertical',
                     'end_reason', 'recording_url', 'language', 'agent_id') THEN
            CASE WHEN jsonb_typeof(value) NOT IN ('string', 'null') THEN 'a string' END
        WHEN key = 'id' AND part = 'call' THEN
            CASE WHEN jsonb_typeof(value) NOT IN ('string', 'number', 'null') THEN 'a string' END
        WHEN key = 'interrupted' THEN
            CASE WHEN jsonb_typeof(value) NOT IN ('boolean', 'null') THEN 'true or false' END
        WHEN key IN ('started_at', 'ended_at', 'invoked_at') THEN
            CASE WHEN jsonb_typeof(value) <> 'null' AND (jsonb_typeof(value) <> 'string'
                      OR value #>> '{}' !~ '^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?\s*(Z|[-+]\d\d(:?\d\d)?)?)?$')
                 THEN 'an ISO 8601 timestamp, as "2026-03-01T09:30:00Z"' END
        WHEN key = 'status' THEN
            CASE WHEN value NOT IN ('"completed"', '"failed"', '"transferred"', 'null')
                 THEN 'completed, failed or transferred (an import is of a call that has ended)' END
        WHEN key = 'direction' THEN
            CASE WHEN value NOT IN ('"inbound"', '"outbound"', 'null') THEN 'inbound or outbound' END
        WHEN key = 'agent' THEN
            CASE WHEN jsonb_typeof(value) NOT IN ('object', 'string', 'null') THEN 'an object or an id' END
        WHEN key IN ('turns', 'tool_calls') AND part = 'call' THEN
            CASE WHEN jsonb_typeof(value) <> 'array' AND NOT (key = 'tool_calls' AND jsonb_typeof(value) = 'null')
                 THEN 'an array' END
    END
$$;
COMMENT ON FUNCTION voice._import_wants(text, text, jsonb) IS 'what the value of an import should have been, or NULL';

CREATE FUNCTION voice._check_import(call jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    wrong record;
    part text;
BEGIN
    IF call IS NULL OR jsonb_typeof(call) <> 'object' THEN
        PERFORM voice._import_refused('the call', call, 'a JSON object');
    END IF;
    SELECT f.key, f.value, voice._import_wants('call', f.key, f.value) AS wants INTO wrong
    FROM jsonb_each(call) f WHERE voice._import_wants('call', f.key, f.value) IS NOT NULL LIMIT 1;
    IF FOUND THEN
        PERFORM voice._import_refused(wrong.key, wrong.value, wrong.wants);
    ELSIF NOT call ? 'turns' THEN
        PERFORM voice._import_refused('turns', NULL, 'an array');
    ELSIF jsonb_typeof(call -> 'agent') = 'object' THEN
        SELECT f.key, f.value INTO wrong FROM jsonb_each(call -> 'agent') f
        WHERE f.key IN ('id', 'name', 'vertical', 'prompt_hash', 'voice') AND jsonb_typeof(f.value) NOT IN ('string', 'null')
        LIMIT 1;
        IF FOUND THEN
            PERFORM voice._import_refused('agent.' || wrong.key, wrong.value, 'a string');
        END IF;
    END IF;
    FOREACH part IN ARRAY '{turns,tool_calls}'::text[] LOOP
        CONTINUE WHEN jsonb_typeof(call -> part) IS DISTINCT FROM 'array';
        SELECT e.ord - 1 AS at, e.value, jsonb_typeof(e.value) = 'object' AS is_object INTO wrong
        FROM jsonb_array_elements(call -> part) WITH ORDINALITY e(value, ord)
        WHERE jsonb_typeof(e.value) <> 'object'
           OR NOT e.value ?& CASE part WHEN 'turns' THEN '{role,text}'::text[] ELSE '{name}' END
        LIMIT 1;
        IF FOUND THEN
            PERFORM voice._import_refused(format('%s[%s]', part, wrong.at), wrong.value,
                CASE part WHEN 'turns' THEN 'an object with role and text' ELSE 'an object with a name' END);
        END IF;
        SELECT format('%s[%s].%s', part, e.ord - 1, f.key) AS place, f.value,
               voice._import_wants(part, f.key, f.value) AS wants INTO wrong
        FROM jsonb_array_elements(call -> part) WITH ORDINALITY e(value, ord) CROSS JOIN LATERAL jsonb_each(e.value) f
        WHERE f.key NOT IN ('args', 'result') AND voice._import_wants(part, f.key, f.value) IS NOT NULL
        LIMIT 1;
        IF FOUND THEN
            PERFORM voice._import_refused(wrong.place, wrong.value, wrong.wants);
        END IF;
    END LOOP;
    SELECT format('turns[%s].end_ms', e.ord - 1) AS place, e.value -> 'end_ms' AS value, e.value -> 'start_ms' AS start INTO wrong
    FROM jsonb_array_elements(call -> 'turns') WITH ORDINALITY e(value, ord)
    WHERE (e.value ->> 'end_ms')::numeric < (e.value ->> 'start_ms')::numeric
    LIMIT 1;
    IF FOUND THEN
        PERFORM voice._import_refused(wrong.place, wrong.value, format('at least start_ms, %s', wrong.start));
    END IF;
END
$$;
COMMENT ON FUNCTION voice._check_import(jsonb) IS 'raises the error for the first thing that is wrong with an import';

-- The agent of an imported call: named by id, described by an object, or one a vertical. Made if it is not known yet.
CREATE FUNCTION voice._import_agent(call jsonb) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    agent CONSTANT jsonb := CASE jsonb_typeof(call -> 'agent') WHEN 'object' THEN call -> 'agent' ELSE '{}' END;
    vertical CONSTANT text := coalesce(nullif(agent ->> 'vertical', ''), nullif(call ->> 'vertical', ''), 'general');
    -- Agent ids are unique in the database: another tenant's agent of the same vertical gets an id of its own.
    vertical_id CONSTANT text := CASE voice._tenant() WHEN '' THEN vertical ELSE voice._tenant() || '/' || vertical END;
    agent_id CONSTANT text := coalesce(
        nullif(agent ->> 'id', ''),
        nullif(CASE jsonb_typeof(call -> 'agent') WHEN 'string' THEN call ->> 'agent' END, ''),
        nullif(call ->> 'agent_id', ''),
        nullif(agent ->> 'name', ''),
        vertical_id);
BEGIN
    IF EXISTS (SELECT FROM voice.agent a WHERE a.id = agent_id AND a.tenant_id = voice._tenant()) THEN
        RETURN agent_id;
    END IF;
    INSERT INTO voice.agent (id, tenant_id, name, vertical, prompt_hash, voice)
    VALUES (agent_id, voice._tenant(), coalesce(nullif(agent ->> 'name', ''), agent_id), vertical,
            agent ->> 'prompt_hash', agent ->> 'voice')
    -- Of either unique index: two imports may create the agent at once.
    ON CONFLICT DO NOTHING;
    IF NOT FOUND AND NOT EXISTS (SELECT FROM voice.agent a WHERE a.id = agent_id AND a.tenant_id = voice._tenant()) THEN
        RAISE EXCEPTION 'there is no such agent'
            USING ERRCODE = 'foreign_key_violation',
                  DETAIL = format('The id %s is taken, and not by an agent of tenant "%s".', quote_literal(agent_id), voice._tenant()),
                  HINT = 'Give the agent another id: they are unique in the database.';
    END IF;
    RETURN agent_id;
END
$$;
COMMENT ON FUNCTION voice._import_agent(jsonb) IS 'the id of an imported call''s agent, which it creates if need be';

-- Imports of many calls in one transaction hold one advisory lock a call until commit: some hundreds at a time.
CREATE FUNCTION voice_import_call(call jsonb) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    -- '' is how some clients say that there is none.
    known_as CONSTANT text := coalesce(nullif(call ->> 'external_id', ''), nullif(call ->> 'id', ''));
    known record;
    millisecond CONSTANT interval := '1 millisecond';
    call_id uuid;
    tenant CONSTANT text := voice._tenant();
    start timestamptz;
    finish timestamptz;
    duration numeric;
BEGIN
    PERFORM voice._check_import(call);
    IF known_as IS NOT NULL THEN
        PERFORM voice._lock_external_id(known_as);
        SELECT c.id, c.status, EXISTS (SELECT FROM voice.turn t WHERE t.call_id = c.id) AS has_turns INTO known
        FROM voice.call c
        WHERE c.external_id = known_as AND c.tenant_id = tenant ORDER BY c.id LIMIT 1;
        IF FOUND AND (known.status = 'in_progress' OR NOT known.has_turns AND call -> 'turns' <> '[]') THEN
            RAISE EXCEPTION 'the call is here already, and was not imported'
                USING ERRCODE = 'unique_violation',
                      DETAIL = format('External id %s is that of call %s, which %s.', quote_literal(known_as), known.id,
                                      CASE WHEN known.status = 'in_progress' THEN 'is in progress' ELSE 'has no turns' END),
                      HINT = 'Finish it with voice_add_turn() and voice_end_call(), or import under another id.';
        ELSIF FOUND THEN
            RETURN known.id;
        END IF;
    END IF;

    duration := (call ->> 'duration_ms')::numeric;
    start := (call ->> 'started_at')::timestamptz;
    finish := (call ->> 'ended_at')::timestamptz;
    IF duration IS NULL AND (start IS NULL OR finish IS NULL) THEN
        SELECT max(greatest((t ->> 'end_ms')::numeric, (t ->> 'start_ms')::numeric)) INTO duration
        FROM jsonb_array_elements(call -> 'turns') t;
    END IF;
    start := coalesce(start, coalesce(finish, now()) - coalesce(duration, 0)::double precision * millisecond);
    finish := coalesce(finish, start + coalesce(duration, 0)::double precision * millisecond);

    INSERT INTO voice.call (id, tenant_id, agent_id, external_id, direction, from_number, to_number, started_at, ended_at,
                            duration_ms, status, end_reason, recording_url, language, meta)
    VALUES (@extschema@.voice_uuidv7(start), tenant, voice._import_agent(call), known_as,
            coalesce(call ->> 'direction', 'inbound'), coalesce(call ->> 'from', call ->> 'from_number'),
            coalesce(call ->> 'to', call ->> 'to_number'), start, finish, duration,
            coalesce(call ->> 'status', 'completed'), call ->> 'end_reason', call ->> 'recording_url', call ->> 'language',
            nullif(call -> 'meta', 'null'))
    RETURNING id INTO call_id;

    -- Sorted below the INSERT, so that the sequence counts in spoken order.
    INSERT INTO voice.turn (call_id, tenant_id, role, text, started_at, ended_at, audio_url, interrupted, transcription_ms,
                            llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms)
    SELECT call_id, tenant, t.role, t.text, t.began, t.over, t.audio_url, coalesce(t.interrupted, false),
           t.transcription_ms, t.llm_ttft_ms, t.tts_ttfb_ms, t.e2e_latency_ms
    FROM (
        SELECT r.*, coalesce(r.started_at, start + coalesce(r.start_ms, 0)::double precision * millisecond) AS began,
               coalesce(r.ended_at, start + r.end_ms::double precision * millisecond) AS over, e.ord
        FROM jsonb_array_elements(call -> 'turns') WITH ORDINALITY e(turn, ord)
        CROSS JOIN LATERAL jsonb_to_record(e.turn) r(
            role text, text text, start_ms numeric, end_ms numeric, started_at timestamptz, ended_at timestamptz,
            audio_url text, interrupted boolean, transcription_ms numeric, llm_ttft_ms numeric, tts_ttfb_ms numeric,
            e2e_latency_ms numeric)
        ORDER BY began, ord
    ) t;

    IF jsonb_typeof(call -> 'tool_calls') = 'array' AND call -> 'tool_calls' <> '[]' THEN
        INSERT INTO voice.tool_call (call_id, tenant_id, name, args, result, error_text, latency_ms, invoked_at)
        SELECT call_id, tenant, t.name, t.args, t.result, t.error_text, t.latency_ms, t.invoked_at
        FROM (
            SELECT r.name, coalesce(r.args, '{}') AS args, r.result, coalesce(r.error_text, r.error) AS error_text,
                   r.latency_ms, e.ord,
                   coalesce(r.invoked_at, start + coalesce(r.offset_ms, r.start_ms, 0)::double precision * millisecond) AS invoked_at
            FROM jsonb_array_elements(call -> 'tool_calls') WITH ORDINALITY e(tool_call, ord)
            CROSS JOIN LATERAL jsonb_to_record(e.tool_call) r(
                name text, args jsonb, result jsonb, error text, error_text text, latency_ms numeric, offset_ms numeric,
                start_ms numeric, invoked_at timestamptz)
            ORDER BY 7, ord
        ) t;
    END IF;
    RETURN call_id;
END
$$;
COMMENT ON FUNCTION voice_import_call(jsonb) IS
    'imports one finished call (a line of calls.jsonl) and returns its id; its id is the external_id, and the same one twice is one call';
