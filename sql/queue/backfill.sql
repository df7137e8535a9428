-- What is queued here waits behind live calls, and what is judged already as it would be judged now is not queued at all.

CREATE FUNCTION voice._analyzer() RETURNS jsonb
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_analyzer_wrapper';
COMMENT ON FUNCTION voice._analyzer() IS 'who judges now: analyzer, version, rule_version, prompt_chars, max_chars';

-- Alike to sql/queries/prepare.sql: the same call has the same hash.
CREATE FUNCTION voice._transcript_hash(call_id uuid) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT coalesce(voice._lines_hash(
        (SELECT string_agg(voice._turn_line(voice._turn_speaker(u.role, u.speaker, u.interrupted), voice._turn_words(u.text, u.call_id, u.id)),
                           E'\x1e' ORDER BY u.started_at, u.id)
         FROM voice.turn u WHERE u.call_id = $1),
        (SELECT string_agg(voice._tool_call_line(
                    (SELECT count(*) FROM voice.turn u WHERE u.call_id = $1 AND u.started_at <= k.invoked_at),
                    k.name, k.args, k.result, k.error_text), E'\x1e' ORDER BY k.invoked_at, k.id)
         FROM voice.tool_call k WHERE k.call_id = $1)), '')
$$;
COMMENT ON FUNCTION voice._transcript_hash(uuid) IS 'of the words of a call, as the worker computes it';

-- Where the words are not the caller's to read: 900 characters a minute, 150 words of six.
CREATE FUNCTION voice._call_chars(ids uuid[], OUT id uuid, OUT chars numeric) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF has_column_privilege('voice.turn', 'text', 'SELECT') AND has_column_privilege('voice.tool_call', 'args', 'SELECT') THEN
        RETURN QUERY
        SELECT s.id, (SELECT coalesce(sum(char_length(u.role) + char_length(u.text) + 8), 0) FROM voice.turn u WHERE u.call_id = s.id)::numeric
            + (SELECT coalesce(sum(char_length(u.name) + 30 + least(char_length(u.args::text), 400)
                                   + least(char_length(coalesce(u.error_text, u.result::text, '')), 400)), 0)
               FROM voice.tool_call u WHERE u.call_id = s.id)
        FROM unnest(ids) s(id);
    ELSE
        RETURN QUERY
        SELECT s.id, coalesce(c.duration_ms, 0) * 900 / 60000.0 FROM unnest(ids) s(id) LEFT JOIN voice.call c ON c.id = s.id;
    END IF;
END
$$;
COMMENT ON FUNCTION voice._call_chars(uuid[]) IS 'how many characters the transcript of each call has, or may have by its duration';

-- A token is about four characters of English; a reply is about 150 of them, and one of an analysis 40 a property or criterion,
-- with its evidence. A definition that names another model is another request, of the same words.
CREATE FUNCTION voice._estimate_tokens(calls bigint, sample uuid[], analyzer jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    estimate record;
BEGIN
    IF analyzer->>'analyzer' = 'builtin' THEN
        RAISE NOTICE '% calls would be queued; the builtin analyzer costs no tokens', calls;
        RETURN;
    END IF;
    WITH words AS (
        SELECT s.id, s.chars, c.tenant_id, c.agent_id, g.vertical
        FROM voice._call_chars(sample) s LEFT JOIN voice.call c ON c.id = s.id LEFT JOIN voice.agent g ON g.id = c.agent_id
    ), request AS (
        -- A call's requests: one of the setting's model, and one of each model that a definition names. The first has what names none.
        SELECT w.id, d.model, least(w.chars, (analyzer->>'max_chars')::int) AS words,
               coalesce(sum(char_length(d.schema::text) + char_length(coalesce(d.criteria::text, '')) + char_length(coalesce(d.instructions, ''))), 0) AS chars,
               coalesce(sum((SELECT count(*) FROM jsonb_object_keys(d.schema->'properties')) + coalesce(jsonb_array_length(d.criteria), 0)), 0) AS asked
        FROM words w CROSS JOIN LATERAL (
            SELECT a.model, a.schema, a.criteria, a.instructions FROM voice._applying_definitions(w.tenant_id, w.agent_id, w.vertical) a
            UNION ALL SELECT NULL, NULL, NULL, NULL) d
        GROUP BY w.id, w.chars, d.model
    ), model AS (
        SELECT r.model, count(*) AS requests, sum((analyzer->>'prompt_chars')::int + r.chars + r.words) AS chars, sum(150 + 40 * r.asked) AS completion
        FROM request r GROUP BY 1
        -- Nothing could be looked at: as if nothing were said.
        UNION ALL SELECT NULL, 1, (analyzer->>'prompt_chars')::int, 150 WHERE cardinality(sample) = 0
    ), scaled AS (
        SELECT coalesce(m.model, current_setting('voice_analytics.llm_model', true)) AS model, m.requests * f.factor AS requests,
               m.chars * f.factor / 4 AS prompt, m.completion * f.factor AS completion
        FROM model m CROSS JOIN (SELECT calls::numeric / greatest(cardinality(sample), 1) AS factor) f
    )
    SELECT round(sum(s.requests)) AS requests, round(sum(s.prompt)) AS prompt, round(sum(s.completion)) AS completion,
           array_agg(s.model) AS models, array_agg(s.prompt) AS prompts, array_agg(s.completion) AS completions
    INTO estimate FROM scaled s;
    RAISE NOTICE '% calls would be queued, for about % requests, % prompt tokens and % completion tokens: %', calls,
        estimate.requests, estimate.prompt, estimate.completion,
        voice._estimate_cost(estimate.models, estimate.prompts, estimate.completions)
        USING DETAIL = format('Guessed from the length of %s of the calls, four characters to a token, and 150 tokens a reply, 40 more a property or criterion of an analysis.',
                              cardinality(sample));
END
$$;
COMMENT ON FUNCTION voice._estimate_tokens(bigint, uuid[], jsonb) IS 'says about how many requests and tokens the analysis of so many calls like these takes, and what they cost';

CREATE FUNCTION voice._estimate_cost(models text[], prompt_tokens numeric[], completion_tokens numeric[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    WITH part AS (
        SELECT u.model, p.currency, voice._usage_cost(u.prompt, 0, u.completion, p.prompt, p.cached_prompt, p.completion) AS cost
        FROM unnest($1, $2, $3) u(model, prompt, completion)
        LEFT JOIN LATERAL voice._model_price(u.model, voice._yesterday() + 1) p ON true
    )
    SELECT concat_ws(' and ',
        (SELECT 'about ' || string_agg(s.cost || ' ' || s.currency, ' and ' ORDER BY s.currency)
         FROM (SELECT p.currency, round(sum(p.cost), CASE WHEN sum(p.cost) < 1 THEN 4 ELSE 2 END) AS cost FROM part p WHERE p.currency IS NOT NULL GROUP BY 1) s),
        (SELECT 'what ' || string_agg(DISTINCT p.model, ', ' ORDER BY p.model) || ' costs, which voice.model_price does not say'
         FROM part p WHERE p.currency IS NULL))
$$;
COMMENT ON FUNCTION voice._estimate_cost(text[], numeric[], numeric[]) IS 'what so many tokens of each model would cost today, in words';

-- As core/src/definition/mod.rs decides it, but for the number of turns.
CREATE FUNCTION voice._applying_definitions(tenant text, of_agent text, of_vertical text,
    OUT name text, OUT version int, OUT model text, OUT schema jsonb, OUT criteria jsonb, OUT instructions text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT a.name, a.version, a.model, a.schema, a.criteria, a.instructions FROM voice.analysis a
    WHERE a.tenant_id = tenant AND a.retired_at IS NULL
      AND a.version = (SELECT max(n.version) FROM voice.analysis n WHERE n.tenant_id = tenant AND n.name = a.name AND n.retired_at IS NULL)
      AND (a.agent_id IS NULL OR a.agent_id = of_agent)
      AND (a.vertical IS NULL OR lower(btrim(a.vertical)) = lower(btrim(of_vertical)));
END
$$;
COMMENT ON FUNCTION voice._applying_definitions(text, text, text) IS 'the definitions that apply to calls of this agent and vertical';

-- The first so many are enough.
CREATE FUNCTION voice._user_turns(call_id uuid, at_least int) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RETURN at_least = (
        SELECT count(*) FROM (
            SELECT 1 FROM voice.turn u
            WHERE u.call_id = _user_turns.call_id AND u.role = 'user' AND btrim(voice._turn_words(u.text, u.call_id, u.id)) <> ''
            LIMIT at_least) u);
END
$$;
COMMENT ON FUNCTION voice._user_turns(uuid, int) IS 'whether the caller said something in so many turns';

CREATE FUNCTION voice_backfill(
    since timestamptz DEFAULT '-infinity', vertical text DEFAULT NULL, max_calls int DEFAULT NULL,
    stale boolean DEFAULT false, dry_run boolean DEFAULT false, name text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    analyzer CONSTANT jsonb := voice._analyzer();
    at CONSTANT timestamptz := clock_timestamp();
    moving CONSTANT text[] := voice._moving_tenants();
    first_id CONSTANT uuid := @extschema@.voice_uuid_at(greatest(since, timestamptz '1970-01-03 00:00:00+00') - interval '24 hours');
    agents text[];
    definition record;
    missing text;
    range record;
    found_now bigint;
    total bigint := 0;
    newest uuid[];
    sample uuid[] := '{}';
    chosen text;
BEGIN
    IF since IS NULL THEN
        RAISE EXCEPTION 'a backfill needs to know since when'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'since is NULL.',
                  HINT = 'Leave it out for all calls, or pass a time: now() - interval ''30 days''.';
    ELSIF max_calls < 0 THEN
        RAISE EXCEPTION 'max_calls is out of range'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('max_calls is %s.', max_calls),
                  HINT = 'Pass 0 or more, or NULL for all.';
    ELSIF since > now() + interval '24 hours' THEN
        RAISE NOTICE 'no call has started since then' USING DETAIL = format('since is %s, in the future.', since);
        RETURN 0;
    ELSIF vertical IS NOT NULL THEN
        SELECT array_agg(a.id) INTO agents FROM voice.agent a WHERE a.vertical = voice_backfill.vertical;
        IF agents IS NULL THEN
            RAISE NOTICE 'no agent is of this vertical'
                USING DETAIL = format('vertical is %L.', vertical), HINT = 'SELECT DISTINCT vertical FROM voice.agent lists them.';
            RETURN 0;
        END IF;
    END IF;
    IF name IS NOT NULL THEN
        PERFORM voice._no_such_analysis(name);
        SELECT a.* INTO definition FROM voice.analysis a
        WHERE a.tenant_id = voice._tenant() AND a.name = voice_backfill.name AND a.retired_at IS NULL ORDER BY a.version DESC LIMIT 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the analysis is retired'
                USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('Every version of %L is.', name),
                      HINT = 'voice_define_analysis() with the same definition takes it up again.';
        ELSIF analyzer->>'analyzer' = 'builtin' THEN
            RAISE NOTICE 'the builtin analyzer judges by no definition' USING HINT = 'Definitions wait for a model: voice_analytics.llm_endpoint.';
            RETURN 0;
        END IF;
        SELECT coalesce(array_agg(a.id), '{}') INTO agents FROM voice.agent a
        WHERE (agents IS NULL OR a.id = ANY (agents)) AND (definition.agent_id IS NULL OR a.id = definition.agent_id)
          AND (definition.vertical IS NULL OR lower(btrim(a.vertical)) = lower(btrim(definition.vertical)));
        missing := format(
            'c.tenant_id = voice._tenant() AND NOT EXISTS (SELECT 1 FROM voice.result r WHERE r.call_id = c.id AND r.call_id >= $1 '
            'AND r.call_id < $2 AND r.analysis = %L %s) AND voice._user_turns(c.id, %s)',
            name, CASE WHEN stale THEN format('AND CASE WHEN r.version = %s THEN r.transcript_hash = voice._transcript_hash(r.call_id) ELSE false END',
                                              definition.version) END, definition.min_user_turns);
    ELSE
        -- Current, as the worker decides it. The words are read only where the prompt (or the version of the definition) is the same.
        missing := format('NOT EXISTS (SELECT 1 FROM voice.analytics a WHERE a.call_id = c.id AND a.call_id >= $1 AND a.call_id < $2 %s)',
            CASE WHEN stale THEN
                'AND CASE WHEN a.prompt_version IN ($6, $7) THEN a.transcript_hash = voice._transcript_hash(a.call_id) ELSE false END'
            END);
    END IF;
    IF NOT dry_run THEN
        UPDATE voice.backfill b SET finished_at = at
        WHERE b.finished_at IS NULL AND NOT EXISTS (SELECT 1 FROM voice.job j WHERE j.kind = 'analyze' AND j.priority >= 10);
    END IF;
    -- Which calls of a range of ids, newest first. With the bounds as constants planning prunes to one month, and the
    -- two anti-joins are of one month's size. A call that gave up is for voice_requeue_dead().
    chosen := format($query$
        SELECT c.id, c.tenant_id FROM voice.call c
        WHERE c.id >= $1 AND c.id < $2 AND c.started_at >= $3 AND c.status <> 'in_progress' AND c.deleted_at IS NULL %s
          AND %s AND c.tenant_id <> ALL ($8)
          AND NOT EXISTS (SELECT 1 FROM voice.job j WHERE j.call_id = c.id AND j.kind = 'analyze')
          AND NOT EXISTS (SELECT 1 FROM voice.dead_job d WHERE d.call_id = c.id AND d.kind = 'analyze')
        ORDER BY c.id DESC LIMIT $5$query$,
        CASE WHEN agents IS NOT NULL THEN 'AND c.agent_id = ANY ($4)' END,
        missing);
    FOR range IN
        SELECT greatest(r.lower, first_id) AS lower, r.upper FROM (
            SELECT l.lower, l.upper FROM voice._partitions('call') l WHERE l.lower IS NOT NULL
            UNION ALL
            -- What lies between the months is in the DEFAULT.
            SELECT g.past, coalesce(lead(g.start) OVER (ORDER BY g.past), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            FROM (SELECT uuid '00000000-0000-0000-0000-000000000000' AS past, NULL::uuid AS start
                  UNION ALL SELECT l.upper, l.lower FROM voice._partitions('call') l WHERE l.lower IS NOT NULL) g
            -- Its size: its rows are its owner's to read, and an operator backfills too.
            WHERE pg_relation_size('voice.call_default'::regclass) > 0
        ) r
        WHERE r.upper > greatest(r.lower, first_id) ORDER BY r.lower DESC
    LOOP
        EXIT WHEN total >= max_calls;
        IF dry_run THEN
            EXECUTE 'SELECT count(*), coalesce((array_agg(x.id))[1:20], ''{}'') FROM (' || chosen || ') x' INTO found_now, newest
            USING range.lower, range.upper, since, agents, max_calls - total, analyzer->>'version', analyzer->>'rule_version', moving;
        ELSE
            EXECUTE 'INSERT INTO voice.job (call_id, tenant_id, kind, priority) SELECT x.id, x.tenant_id, ''analyze'', 10 FROM ('
                    || chosen || ') x ON CONFLICT DO NOTHING'
            USING range.lower, range.upper, since, agents, max_calls - total, analyzer->>'version', analyzer->>'rule_version', moving;
            GET DIAGNOSTICS found_now = ROW_COUNT;
        END IF;
        total := total + found_now;
        IF dry_run AND cardinality(sample) < 200 THEN
            sample := sample || newest;
        END IF;
    END LOOP;
    IF dry_run THEN
        PERFORM voice._estimate_tokens(total, sample, analyzer);
    ELSE
        IF total > 0 THEN
            INSERT INTO voice.backfill (queued, name, vertical) VALUES (total, voice_backfill.name, voice_backfill.vertical);
        END IF;
        PERFORM voice._wake();
    END IF;
    RETURN total;
END
$$;
COMMENT ON FUNCTION voice_backfill(timestamptz, text, int, boolean, boolean, text) IS
    'queues ended calls without analytics (stale: also those of another prompt or other words), the newest first, behind live calls; name: calls of this tenant to which that analysis applies and that have no result of it (stale: none of its newest version and these words); dry_run: only says how many, about how many requests and tokens, and what these cost';
