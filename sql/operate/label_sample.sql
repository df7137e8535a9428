-- Which calls people are asked to label. What a sample is drawn by stands in core/src/agreement (sample.rs, doubt.rs).

-- In Rust (src/api/agreement.rs). The arrays are the candidates, row by row. One value, so that a library of another version
-- reads no row type: [{"place": 1 to the number of candidates, "stratum", "calls": how many the stratum has}], in the order of labelling.
CREATE FUNCTION voice._draw_sample(lead_scores smallint[], intents text[], agents text[], durations_ms int[], sample int, seed bigint, stratified boolean) RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'voice_draw_sample_wrapper';
COMMENT ON FUNCTION voice._draw_sample(smallint[], text[], text[], int[], int, bigint, boolean) IS
    'draws a sample of candidates, all alike or by score band, intent, agent and length';

-- In Rust (src/api/agreement.rs). judgements: [[analysis, judgement in the form of voice.trial_result.after]].
CREATE FUNCTION voice._doubt(judgements jsonb, claims int, unsupported int) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_doubt_wrapper';
COMMENT ON FUNCTION voice._doubt(jsonb, int, int) IS 'how far the judgements of a call contradict each other and its transcript: 0 to 1';

CREATE FUNCTION voice_label_sample(
    n int DEFAULT 200, since timestamptz DEFAULT now() - interval '30 days', by text DEFAULT 'random', until timestamptz DEFAULT now(),
    labels_per_call int DEFAULT 1, seed bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    new_id bigint;
    candidate record;
    drawn jsonb;
BEGIN
    IF n IS NULL OR n NOT BETWEEN 1 AND 10000 OR since IS NULL OR until IS NULL OR since >= until
       OR by IS NULL OR by NOT IN ('random', 'stratified', 'doubt') OR labels_per_call IS NULL OR labels_per_call NOT BETWEEN 1 AND 100 THEN
        RAISE EXCEPTION 'a sample needs a number of calls, a time and a way to draw them'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('n is %s, since %s, until %s, by %s, labels_per_call %s.', coalesce(n::text, 'NULL'), coalesce(since::text, 'NULL'),
                                  coalesce(until::text, 'NULL'), coalesce(quote_literal(by), 'NULL'), coalesce(labels_per_call::text, 'NULL')),
                  HINT = 'voice_label_sample(200, now() - interval ''30 days'', by => ''stratified''); by is random, stratified or doubt, n 1 to 10000, labels_per_call 1 to 100.';
    END IF;
    new_id := nextval('voice.label_sample_id_seq');
    seed := coalesce(seed, new_id);
    -- Calls that something was said in and that were judged. The bound of ids prunes to the months.
    SELECT coalesce(array_agg(a.call_id), '{}') AS ids, coalesce(array_agg(a.lead_score), '{}') AS lead_scores, coalesce(array_agg(a.intent), '{}') AS intents,
           coalesce(array_agg(a.agent_id), '{}') AS agents, coalesce(array_agg(a.duration_ms), '{}') AS durations_ms
    INTO candidate
    FROM (SELECT a.call_id, a.lead_score, a.intent, a.agent_id, coalesce(c.duration_ms, 0) AS duration_ms
          FROM voice.analytics a JOIN voice.call c ON c.id = a.call_id
          WHERE a.tenant_id = voice._tenant() AND a.started_at >= voice_label_sample.since AND a.started_at < voice_label_sample.until
            AND a.call_id >= @extschema@.voice_uuid_at(voice_label_sample.since - interval '24 hours') AND a.deleted_at IS NULL
            AND a.model NOT LIKE 'rule/%'
          ORDER BY a.call_id) a;
    IF by <> 'doubt' THEN
        drawn := voice._draw_sample(candidate.lead_scores, candidate.intents, candidate.agents, candidate.durations_ms, n, seed, by = 'stratified');
    ELSE
        drawn := voice._most_doubtful(candidate.ids, n);
    END IF;
    IF jsonb_array_length(drawn) = 0 THEN
        RAISE NOTICE 'no call was drawn'
            USING DETAIL = format('Of %s calls that were judged since %s; by is %s.', cardinality(candidate.ids), since, by),
                  HINT = CASE by WHEN 'doubt' THEN 'Doubt needs judgements that can differ: a trial, or evidence.' ELSE 'Only calls that were judged are drawn.' END;
    END IF;
    INSERT INTO voice.label_sample (id, since, until, seed, candidates, calls, method)
    VALUES (new_id, since, until, seed, cardinality(candidate.ids), jsonb_array_length(drawn), by);
    INSERT INTO voice.label_task (sample_id, call_id, place, stratum, stratum_calls, doubt, wanted, labels)
    SELECT new_id, i.id, d.place, d.value->>'stratum', (d.value->>'calls')::int, (d.value->>'doubt')::double precision, labels_per_call,
           (SELECT count(*) FROM voice.label l WHERE l.call_id = i.id)
    FROM jsonb_array_elements(drawn) WITH ORDINALITY d(value, place)
    CROSS JOIN LATERAL (SELECT candidate.ids[(d.value->>'place')::int] AS id) i;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION voice_label_sample(int, timestamptz, text, timestamptz, int, bigint) IS
    'queues a sample of judged calls for people and returns its id: random; stratified by score band, intent, agent and length with known weights; or doubt: where judgements, trials and evidence contradict each other most';

-- Of each analysis its newest result; of trials what they made of the call, whichever model it was.
CREATE FUNCTION voice._most_doubtful(ids uuid[], n int) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    WITH asked AS MATERIALIZED (
        SELECT i.id, i.place FROM unnest(ids) WITH ORDINALITY i(id, place)
    ), judged AS (
        SELECT a.call_id, '' AS analysis, jsonb_build_object('sentiment', a.sentiment, 'lead_score', a.lead_score, 'intent', a.intent) AS said,
               coalesce(jsonb_array_length(a.evidence), 0) AS claims, coalesce(a.unsupported, 0) AS unsupported
        FROM voice.analytics a WHERE a.call_id BETWEEN ids[1] AND ids[cardinality(ids)] AND a.tenant_id = voice._tenant()
        UNION ALL
        (SELECT DISTINCT ON (r.call_id, r.analysis) r.call_id, r.analysis, jsonb_build_object('criteria', r.criteria), jsonb_array_length(r.evidence), r.unsupported
         FROM voice.result r WHERE r.call_id BETWEEN ids[1] AND ids[cardinality(ids)] AND r.tenant_id = voice._tenant()
         ORDER BY r.call_id, r.analysis, r.version DESC)
        UNION ALL
        SELECT t.call_id, coalesce(b.name, ''), t.after, 0, 0
        FROM voice.trial_result t JOIN voice.trial b ON b.id = t.trial_id
        WHERE t.after IS NOT NULL AND t.call_id BETWEEN ids[1] AND ids[cardinality(ids)] AND t.tenant_id = voice._tenant()
    ), doubtful AS (
        SELECT a.place, a.id, voice._doubt(jsonb_agg(jsonb_build_array(j.analysis, j.said)), sum(j.claims)::int, sum(j.unsupported)::int) AS doubt
        FROM judged j JOIN asked a ON a.id = j.call_id
        GROUP BY a.place, a.id HAVING count(*) > 1 OR sum(j.unsupported) > 0
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object('place', d.place, 'doubt', d.doubt) ORDER BY d.doubt DESC, d.id), '[]')
    FROM (SELECT * FROM doubtful WHERE doubt > 0 ORDER BY doubt DESC, id LIMIT n) d
$$;
COMMENT ON FUNCTION voice._most_doubtful(uuid[], int) IS 'those of the calls, ids in order, whose judgements contradict each other most: [{"place", "doubt"}]';
