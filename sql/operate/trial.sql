-- A trial judges a sample of calls once more, as another model, version or prompt would. Its jobs are of kind trial, behind live
-- calls as those of a backfill; what comes of them stands in voice.trial_result and nowhere else.

CREATE FUNCTION voice_trial(
    sample int DEFAULT 200, since timestamptz DEFAULT now() - interval '30 days', name text DEFAULT NULL, model text DEFAULT NULL,
    version int DEFAULT NULL, instructions text DEFAULT NULL, vertical text DEFAULT NULL, labelled boolean DEFAULT false,
    dry_run boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    new_id bigint;
    wanted_version int;
    ids uuid[];
BEGIN
    IF sample IS NULL OR sample NOT BETWEEN 1 AND 10000 OR since IS NULL OR model = '' OR (version IS NOT NULL AND name IS NULL) THEN
        RAISE EXCEPTION 'a trial needs a number of calls and a time'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = CASE WHEN version IS NOT NULL AND name IS NULL THEN format('version is %s, and no analysis is named.', version)
                                WHEN model = '' THEN 'model is empty.'
                                ELSE format('sample is %s, since %s.', coalesce(sample::text, 'NULL'), coalesce(since::text, 'NULL')) END,
                  HINT = 'voice_trial(200, now() - interval ''30 days'', model => ''…''); sample is 1 to 10000; name NULL tries the fixed row, which has no versions.';
    ELSIF voice._analyzer()->>'analyzer' = 'builtin' THEN
        RAISE EXCEPTION 'a trial needs a model'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'The builtin analyzer judges, and it has no other version.',
                  HINT = 'Set voice_analytics.llm_endpoint and voice_analytics.analyzer.';
    END IF;
    IF name IS NOT NULL THEN
        PERFORM voice._no_such_analysis(name);
        SELECT a.version INTO wanted_version FROM voice.analysis a
        WHERE a.tenant_id = voice._tenant() AND a.name = voice_trial.name AND a.version = coalesce(voice_trial.version, a.version)
        ORDER BY a.version DESC LIMIT 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'there is no such version'
                USING ERRCODE = 'invalid_parameter_value', DETAIL = format('%s has no version %s.', name, version),
                      HINT = 'SELECT name, version FROM voice_analyses() lists them.';
        END IF;
    END IF;
    IF model IS NULL AND version IS NULL AND instructions IS NULL THEN
        RAISE NOTICE 'the trial judges as calls are judged now' USING HINT = 'What differs then is chance; pass model, version or instructions.';
    END IF;
    new_id := nextval('voice.trial_id_seq');
    -- Each call that was judged by a model is as likely as another; the same trial id gives the same calls.
    EXECUTE format($query$
        SELECT array_agg(s.call_id ORDER BY s.call_id) FROM (
            SELECT j.call_id FROM %s j
            WHERE j.tenant_id = voice._tenant() AND j.started_at >= $1 AND j.call_id >= $2 AND j.deleted_at IS NULL
              AND j.model NOT LIKE 'rule/%%' %s %s %s
            GROUP BY j.call_id ORDER BY uuid_hash_extended(j.call_id, $3) LIMIT $4) s$query$,
        CASE WHEN name IS NULL THEN 'voice.analytics' ELSE 'voice.result' END,
        CASE WHEN name IS NOT NULL THEN format('AND j.analysis = %L', name) END,
        CASE WHEN vertical IS NOT NULL THEN format('AND j.vertical = %L', vertical) END,
        CASE WHEN labelled THEN 'AND EXISTS (SELECT 1 FROM voice.label l WHERE l.call_id = j.call_id AND l.tenant_id = j.tenant_id)' END)
    USING since, @extschema@.voice_uuid_at(since - interval '24 hours'), new_id, sample INTO ids;
    IF ids IS NULL THEN
        RAISE NOTICE 'no call was judged since then'
            USING DETAIL = format('since is %s, labelled %s, vertical %s, name %s.', since, coalesce(labelled, false), coalesce(quote_literal(vertical), 'NULL'), coalesce(quote_literal(name), 'NULL'));
    END IF;
    IF dry_run THEN
        PERFORM voice._estimate_trial(ids, name, wanted_version, model, instructions);
        RETURN NULL;
    END IF;
    INSERT INTO voice.trial (id, since, sample, calls, version, name, model, vertical, instructions)
    VALUES (new_id, since, sample, coalesce(cardinality(ids), 0), wanted_version, name, model, vertical, instructions);
    INSERT INTO voice.job (call_id, tenant_id, kind, priority, event)
    SELECT i.id, voice._tenant(), 'trial', 10, new_id::text FROM unnest(ids) i(id);
    PERFORM voice._wake();
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION voice_trial(int, timestamptz, text, text, int, text, text, boolean, boolean) IS
    'has a random sample of calls, or of those that people have labelled, judged again by another model, version of an analysis (name NULL: the fixed row) or instructions, and stores that beside, never in their place; returns the id for voice_trial_report(); dry_run: only says of how many calls, about how many tokens that takes and what they cost, and returns NULL';

-- One request a call, guessed as voice._estimate_tokens() does.
CREATE FUNCTION voice._estimate_trial(ids uuid[], name text, version int, model text, instructions text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    analyzer CONSTANT jsonb := voice._analyzer();
    definition record;
    calls CONSTANT int := coalesce(cardinality(ids), 0);
    asked_of text;
    prompt numeric;
    completion numeric;
BEGIN
    SELECT a.model, char_length(a.schema::text) + char_length(coalesce(a.criteria::text, '')) + char_length(coalesce(a.instructions, '')) AS chars,
           (SELECT count(*) FROM jsonb_object_keys(a.schema->'properties')) + coalesce(jsonb_array_length(a.criteria), 0) AS asked
    INTO definition FROM voice.analysis a
    WHERE a.tenant_id = voice._tenant() AND a.name = _estimate_trial.name AND a.version = _estimate_trial.version;
    asked_of := coalesce(model, definition.model, current_setting('voice_analytics.llm_model', true));
    SELECT coalesce(sum((analyzer->>'prompt_chars')::int + coalesce(definition.chars, 0) + coalesce(char_length(instructions), 0)
                        + least(c.chars, (analyzer->>'max_chars')::int)), 0) / 4
    INTO prompt FROM voice._call_chars(ids) c;
    completion := calls * (150 + 40 * coalesce(definition.asked, 0));
    RAISE NOTICE '% calls would be judged, with about % prompt tokens and % completion tokens: %', calls, round(prompt), completion,
        voice._estimate_cost(ARRAY[asked_of], ARRAY[prompt], ARRAY[completion]);
END
$$;
COMMENT ON FUNCTION voice._estimate_trial(uuid[], text, int, text, text) IS 'says about how many tokens a trial takes, and what they cost';

-- What is stored of the call when the trial judged it stands beside what the trial made of it.
CREATE FUNCTION voice._store_trial(
    trial_id bigint, call_id uuid, after jsonb, unsupported int, model text, prompt_tokens int, completion_tokens int, latency_ms int, error text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    trial record;
    stored record;
BEGIN
    SELECT t.tenant_id, t.name INTO trial FROM voice.trial t WHERE t.id = _store_trial.trial_id;
    IF NOT FOUND THEN
        RETURN;
    ELSIF trial.name IS NULL THEN
        SELECT jsonb_build_object('sentiment', a.sentiment, 'lead_score', a.lead_score, 'intent', a.intent, 'entities', a.entities,
                                  'summary', a.summary, 'next_action', a.next_action) AS before, a.unsupported INTO stored
        FROM voice.analytics a WHERE a.call_id = _store_trial.call_id AND a.tenant_id = trial.tenant_id;
    ELSE
        SELECT jsonb_build_object('version', r.version, 'values', r."values", 'criteria', r.criteria, 'score', r.score, 'success', r.success) AS before,
               r.unsupported INTO stored
        FROM voice.result r WHERE r.call_id = _store_trial.call_id AND r.tenant_id = trial.tenant_id AND r.analysis = trial.name
        ORDER BY r.version DESC LIMIT 1;
    END IF;
    INSERT INTO voice.trial_result AS r (trial_id, call_id, tenant_id, before, after, unsupported_before, unsupported_after, model,
                                         prompt_tokens, completion_tokens, latency_ms, error)
    VALUES (_store_trial.trial_id, _store_trial.call_id, trial.tenant_id, stored.before, _store_trial.after, stored.unsupported, _store_trial.unsupported,
            _store_trial.model, _store_trial.prompt_tokens, _store_trial.completion_tokens, _store_trial.latency_ms, _store_trial.error)
    ON CONFLICT ON CONSTRAINT trial_result_pkey DO UPDATE
    SET before = EXCLUDED.before, after = EXCLUDED.after, unsupported_before = EXCLUDED.unsupported_before, unsupported_after = EXCLUDED.unsupported_after,
        model = EXCLUDED.model, prompt_tokens = EXCLUDED.prompt_tokens, completion_tokens = EXCLUDED.completion_tokens,
        latency_ms = EXCLUDED.latency_ms, error = EXCLUDED.error, computed_at = EXCLUDED.computed_at;
END
$$;
COMMENT ON FUNCTION voice._store_trial(bigint, uuid, jsonb, int, text, int, int, int, text) IS
    'stores what a trial made of a call, in the form of voice.trial_result.after, beside what is stored of the call; the worker calls it';

-- A call has changed if its intent or success is another, a criterion's verdict is, or a score moved by more than a tenth of its range.
CREATE FUNCTION voice._trial_differs(before jsonb, after jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT $1->>'intent' IS DISTINCT FROM $2->>'intent' OR $1->>'success' IS DISTINCT FROM $2->>'success'
        OR coalesce(abs(($1->>'lead_score')::numeric - ($2->>'lead_score')::numeric) > 10, false)
        OR coalesce(abs(($1->>'sentiment')::numeric - ($2->>'sentiment')::numeric) > 0.2, false)
        OR coalesce(abs(($1->>'score')::numeric - ($2->>'score')::numeric) > 10, false)
        OR EXISTS (SELECT 1 FROM jsonb_each(coalesce($1->'criteria', '{}')) b FULL JOIN jsonb_each(coalesce($2->'criteria', '{}')) a USING (key)
                   WHERE b.value->>'verdict' IS DISTINCT FROM a.value->>'verdict')
$$;
COMMENT ON FUNCTION voice._trial_differs(jsonb, jsonb) IS 'whether a trial judged a call otherwise';

CREATE FUNCTION voice_trial_report(id bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    trial record;
    report jsonb;
BEGIN
    SELECT t.*, (SELECT count(*) FROM voice.trial_result r WHERE r.trial_id = t.id) AS done INTO trial FROM voice.trial t WHERE t.id = voice_trial_report.id AND t.tenant_id = voice._tenant();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such trial'
            USING ERRCODE = 'no_data_found', DETAIL = format('Trial %s is not among those of tenant "%s".', coalesce(id::text, 'NULL'), voice._tenant()),
                  HINT = 'SELECT id, created_at, name, model FROM voice.trial lists them.';
    END IF;
    WITH r AS MATERIALIZED (
        SELECT t.*, t.after IS NOT NULL AND t.before IS NOT NULL AS compared, voice._trial_differs(t.before, t.after) AS differs
        FROM voice.trial_result t WHERE t.trial_id = voice_trial_report.id
    ), scores AS (
        SELECT s.name, avg((r.before->>s.name)::numeric) AS before, avg((r.after->>s.name)::numeric) AS after
        FROM r CROSS JOIN unnest('{sentiment,lead_score,score}'::text[]) s(name)
        WHERE r.compared AND jsonb_typeof(r.before->s.name) = 'number' AND jsonb_typeof(r.after->s.name) = 'number' GROUP BY 1
    ), words AS (
        -- A table of old against new: {old: {new: calls}}.
        SELECT x.name, jsonb_object_agg(x.old, x.new) AS moved FROM (
            SELECT p.name, p.old, jsonb_object_agg(p.new, p.calls) AS new FROM (
                SELECT w.name, r.before->>w.name AS old, r.after->>w.name AS new, count(*) AS calls
                FROM r CROSS JOIN unnest('{intent,success}'::text[]) w(name)
                WHERE r.compared AND r.before ? w.name AND r.after ? w.name GROUP BY 1, 2, 3) p
            GROUP BY 1, 2) x
        GROUP BY 1
    ), properties AS (
        SELECT jsonb_object_agg(p.key, p.calls) AS differ FROM (
            SELECT k.key, count(*) AS calls
            FROM r CROSS JOIN LATERAL (SELECT jsonb_object_keys(r.before->'values') UNION SELECT jsonb_object_keys(r.after->'values')) k(key)
            WHERE r.compared AND r.before->'values'->k.key IS DISTINCT FROM r.after->'values'->k.key GROUP BY 1) p
    )
    SELECT jsonb_build_object(
        'trial', jsonb_strip_nulls(jsonb_build_object('id', trial.id, 'name', trial.name, 'version', trial.version, 'model', trial.model,
            'vertical', trial.vertical, 'instructions', trial.instructions, 'created_at', trial.created_at)),
        'calls', trial.calls, 'judged', count(*) FILTER (WHERE r.after IS NOT NULL), 'failed', count(*) FILTER (WHERE r.after IS NULL),
        'waiting', greatest(trial.calls - trial.done, 0), 'last_judged_at', max(r.computed_at),
        'changed', count(*) FILTER (WHERE r.compared AND r.differs),
        'changed_calls', coalesce((SELECT jsonb_agg(c.call_id) FROM (SELECT x.call_id FROM r x WHERE x.compared AND x.differs ORDER BY x.call_id LIMIT 100) c), '[]'),
        'scores', coalesce((SELECT jsonb_object_agg(s.name, jsonb_build_object('before', round(s.before, 3), 'after', round(s.after, 3),
                      'change', round(s.after - s.before, 3))) FROM scores s), '{}'),
        'intents', (SELECT w.moved FROM words w WHERE w.name = 'intent'), 'success', (SELECT w.moved FROM words w WHERE w.name = 'success'),
        'values', (SELECT p.differ FROM properties p),
        'unsupported', jsonb_build_object('before', sum(r.unsupported_before) FILTER (WHERE r.compared), 'after', sum(r.unsupported_after) FILTER (WHERE r.compared)),
        'prompt_tokens', sum(r.prompt_tokens), 'completion_tokens', sum(r.completion_tokens),
        'p50_ms', trim_scale(round((percentile_cont(0.5) WITHIN GROUP (ORDER BY r.latency_ms))::numeric, 1)), 'p95_ms', trim_scale(round((percentile_cont(0.95) WITHIN GROUP (ORDER BY r.latency_ms))::numeric, 1)),
        'errors', coalesce((SELECT jsonb_object_agg(e.error, e.calls) FROM (SELECT x.error, count(*) AS calls FROM r x WHERE x.error IS NOT NULL
                                GROUP BY 1 ORDER BY 2 DESC LIMIT 10) e), '{}'))
    INTO report FROM r;
    RETURN report;
END
$$;
COMMENT ON FUNCTION voice_trial_report(bigint) IS
    'what a trial found: how many calls it judged otherwise and which (up to 100), mean scores before and after, intents and success old against new, how many values differ by property, unsupported evidence, tokens, latency';
