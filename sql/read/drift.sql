-- Whether scores have moved since an earlier time, and whether what judges them is another.

-- In Rust (src/api/agreement.rs). request: {"property", "is_number", "threshold", "rows": [[value, week or null, model, version, calls, sum]]};
-- the answer: a part of the calls an element, with the columns of voice_drift() from week on.
CREATE FUNCTION voice._drift(request jsonb) RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_drift_of';
COMMENT ON FUNCTION voice._drift(jsonb) IS 'how far one property of calls has moved: all of them, by week, by model and version';

CREATE FUNCTION voice_drift(
    since timestamptz DEFAULT now() - interval '7 days', against timestamptz DEFAULT NULL, until timestamptz DEFAULT now(), threshold double precision DEFAULT 0.2,
    OUT analysis text, OUT property text, OUT week date, OUT model text, OUT version text, OUT calls_before bigint, OUT calls bigint,
    OUT mean_before double precision, OUT mean double precision, OUT psi double precision, OUT by_chance double precision, OUT moved boolean, OUT sentence text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
DECLARE
    tenant CONSTANT text := voice._tenant();
    zone CONSTANT text := voice._zone();
    first_id uuid;
BEGIN
    against := coalesce(against, since - interval '28 days');
    IF since IS NULL OR until IS NULL OR NOT isfinite(against) OR against >= since OR since >= until OR threshold IS NULL OR threshold <= 0 THEN
        RAISE EXCEPTION 'drift needs two stretches of time'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('against is %s, since %s, until %s, threshold %s.', coalesce(against::text, 'NULL'), coalesce(since::text, 'NULL'),
                                  coalesce(until::text, 'NULL'), coalesce(threshold::text, 'NULL')),
                  HINT = 'voice_drift(now() - interval ''7 days'', against => now() - interval ''35 days''): calls since the first are compared with those from the second up to it; threshold is more than 0.';
    END IF;
    first_id := @extschema@.voice_uuid_at(against - interval '24 hours');
    RETURN QUERY
    WITH judged AS (
        -- Numbers are rounded for the bins, and summed as they are.
        SELECT '' AS analysis, v.property, v.number, coalesce(v.word, v.bin) AS value, v.word IS NULL AS is_number, a.started_at, a.model, a.prompt_version AS version
        FROM voice.analytics a
        CROSS JOIN LATERAL (VALUES ('sentiment', a.sentiment, round(a.sentiment::numeric, 2)::text, NULL), ('lead_score', a.lead_score, a.lead_score::text, NULL),
                                   ('intent', NULL, NULL, a.intent)) v(property, number, bin, word)
        WHERE a.tenant_id = tenant AND a.call_id >= first_id AND a.started_at >= against AND a.started_at < until AND a.deleted_at IS NULL AND a.model NOT LIKE 'rule/%'
        UNION ALL
        -- Of each version; another version is another judge.
        SELECT r.analysis, v.property, v.number, coalesce(v.word, v.number::text), v.word IS NULL, r.started_at, r.model, r.version::text
        FROM voice.result r
        CROSS JOIN LATERAL (VALUES ('score', r.score::double precision, NULL), ('success', NULL, r.success)) v(property, number, word)
        WHERE r.tenant_id = tenant AND r.call_id >= first_id AND r.started_at >= against AND r.started_at < until AND r.deleted_at IS NULL
          AND num_nonnulls(v.number, v.word) > 0
    ), counted AS (
        SELECT j.analysis, j.property, j.is_number, j.value, j.model, j.version, count(*) AS calls, sum(j.number) AS total,
               CASE WHEN j.started_at >= since THEN to_char(date_trunc('week', j.started_at AT TIME ZONE zone), 'YYYY-MM-DD') END AS week
        FROM judged j GROUP BY j.analysis, j.property, j.is_number, j.value, j.model, j.version, 9
    ), request AS (
        SELECT c.analysis, c.property, c.is_number, jsonb_agg(jsonb_build_array(c.value, c.week, c.model, c.version, c.calls, c.total)) AS rows
        FROM counted c GROUP BY 1, 2, 3
    )
    SELECT nullif(r.analysis, ''), r.property, (o.value->>'week')::date, o.value->>'model', o.value->>'version', (o.value->>'calls_before')::bigint,
           (o.value->>'calls')::bigint, (o.value->>'mean_before')::double precision, (o.value->>'mean')::double precision, (o.value->>'psi')::double precision,
           (o.value->>'by_chance')::double precision, (o.value->>'moved')::boolean, o.value->>'sentence'
    FROM request r
    CROSS JOIN LATERAL jsonb_array_elements(voice._drift(jsonb_build_object('property', concat_ws('.', nullif(r.analysis, ''), r.property),
        'is_number', r.is_number, 'threshold', threshold, 'rows', r.rows))) WITH ORDINALITY o(value, place)
    ORDER BY r.analysis, array_position('{sentiment,lead_score,intent}'::text[], r.property), r.property, o.place;
END
$$;
COMMENT ON FUNCTION voice_drift(timestamptz, timestamptz, timestamptz, double precision) IS
    'whether scores of calls since then have moved against those from an earlier time up to it: population stability index and means, of all calls, by week, and by model and version, of which each is compared with itself';
