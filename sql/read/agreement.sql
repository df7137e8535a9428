-- How far judgements are from what people say, and people from each other. SQL finds labels and judgements; what they come to
-- is computed in core/src/agreement.

-- In Rust (src/api/agreement.rs). request: {"property", "scale", "rows": [[group, call, stratum, calls of the stratum, label, judgement]],
-- "targets", "resamples", "seed"}; the answer: a group an element, with the columns of voice_agreement() from group_key on.
CREATE FUNCTION voice._agreement(request jsonb) RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_agreement_of';
COMMENT ON FUNCTION voice._agreement(jsonb) IS 'agreement of the labels and judgements of one property, by group';

CREATE FUNCTION voice_agreement(
    since timestamptz DEFAULT now() - interval '90 days', name text DEFAULT NULL, model text DEFAULT NULL, version int DEFAULT NULL,
    by text DEFAULT NULL, sample bigint DEFAULT NULL, trial bigint DEFAULT NULL, targets jsonb DEFAULT '{"sentiment": {"mae": 0.15}}',
    resamples int DEFAULT 2000, seed bigint DEFAULT 0,
    OUT analysis text, OUT property text, OUT group_key text, OUT kind text, OUT calls int, OUT unpaired int, OUT stands_for double precision,
    OUT figures jsonb, OUT confusion jsonb, OUT people jsonb, OUT sentence text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
DECLARE
    tenant CONSTANT text := voice._tenant();
    zone CONSTANT text := voice._zone();
    wanted text;
    first_id uuid;
    last_id uuid;
BEGIN
    IF since IS NULL OR resamples IS NULL OR resamples NOT BETWEEN 100 AND 20000 OR seed IS NULL OR jsonb_typeof(targets) IS DISTINCT FROM 'object'
       OR by NOT IN ('agent', 'vertical', 'model', 'version', 'week', 'labeller') OR (version IS NOT NULL AND name IS NULL)
       OR (trial IS NOT NULL AND num_nonnulls(name, model, version) > 0) THEN
        RAISE EXCEPTION 'agreement needs a time and a way to measure'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('since is %s, name %s, model %s, version %s, by %s, trial %s, targets %s, resamples %s, seed %s.', coalesce(since::text, 'NULL'),
                                  coalesce(quote_literal(name), 'NULL'), coalesce(quote_literal(model), 'NULL'), coalesce(version::text, 'NULL'),
                                  coalesce(quote_literal(by), 'NULL'), coalesce(trial::text, 'NULL'), coalesce(targets::text, 'NULL'),
                                  coalesce(resamples::text, 'NULL'), coalesce(seed::text, 'NULL')),
                  HINT = 'voice_agreement(now() - interval ''90 days'', by => ''agent''); by is agent, vertical, model, version, week or labeller; version is of an '
                         'analysis that is named; a trial has its own analysis, model and version; targets is {"property": {"figure": value}}; resamples is 100 to 20000.';
    ELSIF name IS NOT NULL THEN
        PERFORM voice._no_such_analysis(name);
    ELSIF sample IS NOT NULL AND NOT EXISTS (SELECT 1 FROM voice.label_sample s WHERE s.id = voice_agreement.sample AND s.tenant_id = tenant) THEN
        RAISE EXCEPTION 'there is no such sample'
            USING ERRCODE = 'no_data_found', DETAIL = format('Sample %s is not among those of tenant "%s".', sample, tenant),
                  HINT = 'SELECT id, method, since, calls FROM voice.label_sample lists them.';
    END IF;
    wanted := name;
    IF trial IS NOT NULL THEN
        SELECT coalesce(t.name, '') INTO wanted FROM voice.trial t WHERE t.id = voice_agreement.trial AND t.tenant_id = tenant;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'there is no such trial'
                USING ERRCODE = 'no_data_found', DETAIL = format('Trial %s is not among those of tenant "%s".', trial, tenant),
                      HINT = 'SELECT id, created_at, name, model FROM voice.trial lists them.';
        END IF;
    END IF;
    -- The bounds of ids prune to the months.
    SELECT (array_agg(l.call_id ORDER BY l.call_id))[1], (array_agg(l.call_id ORDER BY l.call_id DESC))[1] INTO first_id, last_id
    FROM voice.label l WHERE l.tenant_id = tenant AND l.labelled_at >= voice_agreement.since;
    RETURN QUERY
    WITH said AS MATERIALIZED (
        SELECT l.call_id, dense_rank() OVER (ORDER BY l.call_id) AS place, l.labeller, l.sentiment, l.lead_score, l.intent, l."values", l.criteria,
               t.stratum, t.stratum_calls,
               CASE voice_agreement.by WHEN 'agent' THEN c.agent_id WHEN 'vertical' THEN g.vertical WHEN 'labeller' THEN l.labeller
                   WHEN 'week' THEN to_char(date_trunc('week', c.started_at AT TIME ZONE zone), 'YYYY-MM-DD') END AS key
        FROM voice.label l
        JOIN voice.call c ON c.id = l.call_id AND c.id BETWEEN first_id AND last_id
        LEFT JOIN voice.agent g ON g.id = c.agent_id
        LEFT JOIN voice.label_task t ON t.sample_id = voice_agreement.sample AND t.call_id = l.call_id
        WHERE l.tenant_id = tenant AND l.labelled_at >= voice_agreement.since AND c.tenant_id = tenant AND c.deleted_at IS NULL
          AND (voice_agreement.sample IS NULL OR t.sample_id IS NOT NULL)
    ), fixed AS MATERIALIZED (
        SELECT a.call_id, a.model, a.prompt_version AS version, a.sentiment::text AS sentiment, a.lead_score::text AS lead_score, a.intent
        FROM voice.analytics a
        WHERE wanted IS NULL AND a.tenant_id = tenant AND a.call_id BETWEEN first_id AND last_id AND a.call_id IN (SELECT s.call_id FROM said s)
          AND (voice_agreement.model IS NULL OR a.model = voice_agreement.model OR starts_with(a.model, voice_agreement.model || '/'))
        UNION ALL
        SELECT t.call_id, t.model, NULL, t.after->>'sentiment', t.after->>'lead_score', t.after->>'intent'
        FROM voice.trial_result t
        WHERE wanted = '' AND t.trial_id = voice_agreement.trial AND t.tenant_id = tenant AND t.after IS NOT NULL
    ), judged AS MATERIALIZED (
        (SELECT DISTINCT ON (r.call_id, r.analysis) r.call_id, r.analysis, r.model, r.version::text, r."values", r.criteria
         FROM voice.result r
         WHERE voice_agreement.trial IS NULL AND r.tenant_id = tenant AND r.call_id BETWEEN first_id AND last_id AND r.call_id IN (SELECT s.call_id FROM said s)
           AND r.analysis = coalesce(wanted, r.analysis) AND r.version = coalesce(voice_agreement.version, r.version)
           AND (voice_agreement.model IS NULL OR r.model = voice_agreement.model OR starts_with(r.model, voice_agreement.model || '/'))
         ORDER BY r.call_id, r.analysis, r.version DESC)
        UNION ALL
        SELECT t.call_id, wanted, t.model, t.after->>'version', t.after->'values', t.after->'criteria'
        FROM voice.trial_result t
        WHERE wanted <> '' AND t.trial_id = voice_agreement.trial AND t.tenant_id = tenant AND t.after IS NOT NULL
    ), claim AS (
        -- What labels say of analyses, a property a row. JSON's null is a value: there is none.
        SELECT s.call_id, s.place, s.labeller, s.key, s.stratum, s.stratum_calls, f.analysis, f.source, f.property, f.label
        FROM said s CROSS JOIN LATERAL (
            SELECT a.key AS analysis, 'property' AS source, p.key AS property, coalesce(p.value #>> '{}', 'null') AS label
            FROM jsonb_each(s."values") a CROSS JOIN LATERAL jsonb_each(CASE jsonb_typeof(a.value) WHEN 'object' THEN a.value END) p
            UNION ALL
            SELECT a.key, 'criterion', p.key, p.value #>> '{}'
            FROM jsonb_each(s.criteria) a CROSS JOIN LATERAL jsonb_each(CASE jsonb_typeof(a.value) WHEN 'object' THEN a.value END) p
        ) f
        WHERE num_nonnulls(s."values", s.criteria) > 0 AND f.analysis = coalesce(wanted, f.analysis)
    ), paired AS (
        SELECT '' AS analysis, 'fixed' AS source, v.property, s.place, s.labeller, s.stratum, s.stratum_calls, v.label,
               CASE voice_agreement.by WHEN 'model' THEN j.model WHEN 'version' THEN j.version ELSE s.key END AS key, v.judged
        FROM said s
        LEFT JOIN fixed j ON j.call_id = s.call_id
        CROSS JOIN LATERAL (VALUES ('sentiment', s.sentiment::text, j.sentiment), ('lead_score', s.lead_score::text, j.lead_score),
                                   ('intent', s.intent, j.intent)) v(property, label, judged)
        WHERE coalesce(wanted, '') = '' AND v.label IS NOT NULL
        UNION ALL
        SELECT c.analysis, c.source, c.property, c.place, c.labeller, c.stratum, c.stratum_calls, c.label,
               CASE voice_agreement.by WHEN 'model' THEN j.model WHEN 'version' THEN j.version ELSE c.key END,
               CASE WHEN c.source = 'property' THEN CASE WHEN j."values" ? c.property THEN coalesce(j."values"->>c.property, 'null') END
                    WHEN k.verdict NOT IN ('not_applicable', 'unknown') THEN coalesce(k.points, k.verdict) ELSE k.verdict END
        FROM claim c
        LEFT JOIN judged j ON j.call_id = c.call_id AND j.analysis = c.analysis
        LEFT JOIN LATERAL (SELECT j.criteria->c.property->>'verdict' AS verdict, j.criteria->c.property->>'points' AS points) k ON true
    ), compared AS (
        SELECT p.analysis, p.source, p.property,
               jsonb_agg(jsonb_build_array(p.key, p.place, p.stratum, p.stratum_calls, p.label, p.judged) ORDER BY p.place, p.labeller) AS rows
        FROM paired p GROUP BY p.analysis, p.source, p.property
    )
    SELECT nullif(c.analysis, ''), c.property, o.value->>'group', o.value->>'kind', (o.value->>'calls')::int, (o.value->>'unpaired')::int,
           (o.value->>'stands_for')::double precision, o.value->'figures', nullif(o.value->'confusion', 'null'), nullif(o.value->'people', 'null'), o.value->>'sentence'
    FROM compared c
    CROSS JOIN LATERAL (SELECT concat_ws('.', nullif(c.analysis, ''), c.property) AS title) n
    CROSS JOIN LATERAL jsonb_array_elements(voice._agreement(jsonb_build_object(
        'property', n.title, 'rows', c.rows, 'resamples', resamples, 'seed', seed, 'targets', coalesce(targets->n.title, '{}'),
        'scale', jsonb_build_object(c.source, CASE c.source
            WHEN 'fixed' THEN to_jsonb(c.property)
            -- The newest version that has it says what it is.
            WHEN 'property' THEN (SELECT d.schema->'properties'->c.property FROM voice.analysis d
                                  WHERE d.tenant_id = tenant AND d.name = c.analysis AND d.schema->'properties' ? c.property ORDER BY d.version DESC LIMIT 1)
            ELSE (SELECT e FROM voice.analysis d CROSS JOIN LATERAL jsonb_array_elements(d.criteria) e
                  WHERE d.tenant_id = tenant AND d.name = c.analysis AND e->>'name' = c.property ORDER BY d.version DESC LIMIT 1) END)))) WITH ORDINALITY o(value, place)
    ORDER BY c.analysis, array_position('{sentiment,lead_score,intent}'::text[], c.property), c.source DESC, c.property, o.place;
END
$$;
COMMENT ON FUNCTION voice_agreement(timestamptz, text, text, int, text, bigint, bigint, jsonb, int, bigint) IS
    'how far what is stored of calls, or what a trial made of them, is from what people said of them since then, and people from each other: a row a property and group, with figures, 95 % intervals and a sentence';
