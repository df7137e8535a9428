-- Calls that were judged before they came here keep their scores: no model is asked, nothing waits in the queue, nobody is
-- told. What an analysis of ours would leave is left: a row of voice.analytics that keeps its rules, and a search document.

CREATE FUNCTION voice._check_scores(scores jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    wrong record;
BEGIN
    IF scores IS NULL OR jsonb_typeof(scores) <> 'array' THEN
        RAISE EXCEPTION 'scores are an array'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('scores is %s.', left(coalesce(scores::text, 'NULL'), 200)),
                  HINT = '[{"call_id": "…", "sentiment": 0.4, "lead_score": 85, "intent": "sales"}]';
    END IF;
    -- A CASE, because a cast of what is no number is an error of its own.
    SELECT x.n, r.key, r.expected, x.s -> r.key AS value INTO wrong
    FROM jsonb_array_elements(scores) WITH ORDINALITY x(s, n)
    CROSS JOIN LATERAL (
        SELECT NULL AS key, 'an object' AS expected WHERE jsonb_typeof(x.s) <> 'object'
        UNION ALL
        SELECT k.key, k.expected
        FROM (VALUES
            ('call_id', 'the id of a call',
             jsonb_typeof(x.s -> 'call_id') = 'string' AND x.s ->> 'call_id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
            ('sentiment', 'a number from -1 to 1',
             CASE jsonb_typeof(x.s -> 'sentiment') WHEN 'number' THEN (x.s ->> 'sentiment')::numeric BETWEEN -1 AND 1 END),
            ('lead_score', 'a whole number from 0 to 100',
             CASE jsonb_typeof(x.s -> 'lead_score') WHEN 'number'
                 THEN (x.s ->> 'lead_score')::numeric BETWEEN 0 AND 100 AND (x.s ->> 'lead_score')::numeric % 1 = 0 END),
            ('intent', 'info, booking, complaint, sales, support or none',
             coalesce(x.s ->> 'intent', 'none') IN ('info', 'booking', 'complaint', 'sales', 'support', 'none')),
            ('entities', 'an object', coalesce(jsonb_typeof(x.s -> 'entities'), 'null') IN ('object', 'null')),
            ('summary', 'at most 240 characters',
             coalesce(jsonb_typeof(x.s -> 'summary'), 'null') IN ('string', 'null') AND char_length(coalesce(x.s ->> 'summary', '')) <= 240),
            ('next_action', 'a string', coalesce(jsonb_typeof(x.s -> 'next_action'), 'null') IN ('string', 'null')),
            ('model', 'a string that is not empty',
             coalesce(jsonb_typeof(x.s -> 'model'), 'null') IN ('string', 'null') AND x.s ->> 'model' IS DISTINCT FROM ''),
            ('computed_at', 'a time in ISO 8601 with a zone',
             coalesce(x.s ->> 'computed_at' ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)$', true))
        ) k(key, expected, holds)
        WHERE jsonb_typeof(x.s) = 'object' AND k.holds IS NOT TRUE
        UNION ALL
        SELECT u.key, 'one of call_id, sentiment, lead_score, intent, entities, summary, next_action, model, computed_at'
        FROM jsonb_object_keys(CASE jsonb_typeof(x.s) WHEN 'object' THEN x.s ELSE '{}' END) u(key)
        WHERE u.key NOT IN ('call_id', 'sentiment', 'lead_score', 'intent', 'entities', 'summary', 'next_action', 'model', 'computed_at')
    ) r
    ORDER BY x.n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the scores cannot be imported: %', format('scores[%s]%s must be %s', wrong.n, '.' || wrong.key, wrong.expected)
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('scores[%s]%s is %s.', wrong.n, coalesce('.' || wrong.key, ''), left(coalesce(wrong.value::text, 'missing'), 200)),
                  HINT = 'Leave such a call out: voice_backfill() has it judged.';
    END IF;
    SELECT s ->> 'call_id' AS id INTO wrong FROM jsonb_array_elements(scores) s GROUP BY lower(s ->> 'call_id'), 1 HAVING count(*) > 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the scores cannot be imported: a call has two'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('The call is %s.', wrong.id), HINT = 'Pass the newer ones.';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._check_scores(jsonb) IS 'raises the error for the first scores that cannot be imported';

CREATE FUNCTION voice._import_scores(scores jsonb) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    given CONSTANT jsonb := CASE jsonb_typeof(scores) WHEN 'object' THEN jsonb_build_array(scores) ELSE scores END;
    config CONSTANT regconfig := coalesce(nullif(current_setting('voice_analytics.search_config', true), ''), 'simple');
    ids uuid[];
    missing uuid;
BEGIN
    PERFORM voice._check_scores(given);
    SELECT array_agg(x.id ORDER BY x.id) INTO ids
    FROM jsonb_array_elements(given) s CROSS JOIN LATERAL (SELECT (s ->> 'call_id')::uuid AS id) x;
    IF ids IS NULL THEN
        RETURN 0;
    END IF;
    -- The call first, then its job, as everybody. Its bounds prune the months.
    PERFORM FROM voice.call c
    WHERE c.id BETWEEN ids[1] AND ids[cardinality(ids)] AND c.id = ANY (ids) AND c.tenant_id = voice._tenant()
    ORDER BY c.id FOR NO KEY UPDATE;
    SELECT i.id INTO missing
    FROM unnest(ids) i(id)
    WHERE NOT EXISTS (
        SELECT 1 FROM voice.call c
        WHERE c.id = i.id AND c.id BETWEEN ids[1] AND ids[cardinality(ids)] AND c.tenant_id = voice._tenant() AND c.status <> 'in_progress')
    LIMIT 1;
    IF FOUND THEN
        IF EXISTS (SELECT 1 FROM voice.call c WHERE c.id = missing AND c.tenant_id = voice._tenant()) THEN
            RAISE EXCEPTION 'the call has not ended yet'
                USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('Call %s is in progress.', missing),
                      HINT = 'A call in progress has no scores: end it first.';
        END IF;
        PERFORM voice._unknown_call(missing);
    END IF;
    -- transcript_hash NULL: whatever queues the call again has it judged.
    INSERT INTO voice.analytics AS a (call_id, tenant_id, agent_id, vertical, started_at, from_number, deleted_at, sentiment, lead_score,
                                      intent, entities, summary, next_action, model, prompt_version, computed_at, contact_number, external_id)
    SELECT c.id, c.tenant_id, c.agent_id, g.vertical, c.started_at, c.from_number, c.deleted_at, s.sentiment, s.lead_score,
           coalesce(s.intent, 'none'), coalesce(nullif(s.entities, 'null'), '{}'), coalesce(s.summary, ''), coalesce(s.next_action, ''),
           coalesce(s.model, 'imported'), 'imported', coalesce(s.computed_at, clock_timestamp()),
           voice._contact_number(c.direction, c.from_number, c.to_number), c.external_id
    FROM jsonb_to_recordset(given) s(call_id uuid, sentiment double precision, lead_score numeric, intent text, entities jsonb,
                                     summary text, next_action text, model text, computed_at timestamptz)
    JOIN voice.call c ON c.id = s.call_id AND c.id BETWEEN ids[1] AND ids[cardinality(ids)]
    JOIN voice.agent g ON g.id = c.agent_id
    ORDER BY c.id
    ON CONFLICT (call_id) DO UPDATE
    SET sentiment = EXCLUDED.sentiment, lead_score = EXCLUDED.lead_score, intent = EXCLUDED.intent, entities = EXCLUDED.entities,
        summary = EXCLUDED.summary, next_action = EXCLUDED.next_action, model = EXCLUDED.model, vertical = EXCLUDED.vertical,
        prompt_version = EXCLUDED.prompt_version, computed_at = EXCLUDED.computed_at, transcript_hash = NULL,
        prompt_tokens = NULL, completion_tokens = NULL;
    -- Alike to sql/queries/settle_words.sql.
    INSERT INTO voice.search_document AS d (call_id, tenant_id, document)
    SELECT i.id, voice._tenant(), to_tsvector(config, coalesce(left(w.words, 400000), ''))
        || coalesce(voice._search_lexemes(left(w.words, 400000)), '')::tsvector
    FROM unnest(ids) i(id)
    CROSS JOIN LATERAL (
        SELECT string_agg(t.words, E'\n') AS words
        FROM (SELECT voice._turn_words(u.text, u.call_id, u.id) AS words
              FROM voice.turn u WHERE u.call_id = i.id AND u.call_id BETWEEN ids[1] AND ids[cardinality(ids)]
              ORDER BY u.started_at, u.id) t
    ) w
    ON CONFLICT (call_id) DO UPDATE SET document = EXCLUDED.document;
    -- An answer that is on its way finds its job gone, and is discarded.
    DELETE FROM voice.job j WHERE j.call_id = ANY (ids) AND j.kind = 'analyze';
    DELETE FROM voice.dead_job d WHERE d.call_id = ANY (ids) AND d.kind = 'analyze';
    RETURN cardinality(ids);
END
$$;
COMMENT ON FUNCTION voice._import_scores(jsonb) IS 'does the work of voice_import_scores, as voice_worker';

-- In Rust (src/api/scores.rs): it writes what nobody but the worker may, and knows who asks.
CREATE FUNCTION voice_import_scores(scores jsonb) RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_import_scores';
COMMENT ON FUNCTION voice_import_scores(jsonb) IS
    'gives ended calls the scores that they have already ({call_id, sentiment, lead_score, intent, entities, summary, next_action, model, computed_at} or an array of such): no model is asked, no job waits, nobody is told; returns how many';
