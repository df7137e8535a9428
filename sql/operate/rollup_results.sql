-- Sums of results, for roll-ups of past days and for the scorecard of the day that is not over: one text for both, so that they
-- count alike.

-- Results that count, of calls that are not deleted: of each call and analysis the newest version that judged it.
-- Parameters: $1 the first id and $2 the one past the last, $3 since and $4 until of the calls' start, $5 the time zone of days.
CREATE FUNCTION voice._counted_results(narrower text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT format($text$
        SELECT n.* FROM (
            SELECT r.tenant_id, (r.started_at AT TIME ZONE $5)::date AS day, r.agent_id, r.vertical, r.analysis, r.version,
                   r.success, r.score, r.unsupported, r.refused, r.criteria,
                   row_number() OVER (PARTITION BY r.call_id, r.analysis ORDER BY r.version DESC) AS place
            FROM voice.result r
            WHERE r.call_id >= $1 AND r.call_id < $2 AND r.started_at >= $3 AND r.started_at < $4 AND r.deleted_at IS NULL %s
        ) n WHERE n.place = 1$text$, $1)
$$;
COMMENT ON FUNCTION voice._counted_results(text) IS 'the subquery of the newest result of each call and analysis; narrower: more conditions on r';

CREATE FUNCTION voice._result_sums(columns text, narrower text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT format($text$
        -- Calls that were judged alike are counted first: their criteria are taken apart once.
        WITH alike AS MATERIALIZED (
            SELECT %1$s, analysis, version, criteria, count(*) AS calls, count(*) FILTER (WHERE success = 'pass') AS passed,
                   count(*) FILTER (WHERE success = 'fail') AS failed, count(*) FILTER (WHERE success = 'unknown') AS unknown,
                   count(score) AS scored, sum(score) AS score_sum, sum(unsupported) AS unsupported, sum(cardinality(refused)) AS refused
            FROM (%2$s) counted GROUP BY %1$s, analysis, version, criteria
        ), sums AS (
            SELECT %1$s, analysis, version, sum(calls) AS calls, sum(passed) AS passed, sum(failed) AS failed, sum(unknown) AS unknown,
                   sum(scored) AS scored, coalesce(sum(score_sum), 0) AS score_sum, sum(unsupported) AS unsupported,
                   coalesce(sum(refused), 0) AS refused
            FROM alike GROUP BY %1$s, analysis, version
        ), criterion AS (
            SELECT %1$s, analysis, version, k.key, coalesce(sum(calls) FILTER (WHERE s.share IS NOT NULL), 0) AS judged,
                   coalesce(round(sum(s.share * calls)::numeric, 4), 0) AS share,
                   coalesce(sum(calls) FILTER (WHERE v.verdict = 'not_applicable'), 0) AS not_applicable,
                   coalesce(sum(calls) FILTER (WHERE v.verdict = 'unknown'), 0) AS unknown
            FROM alike CROSS JOIN LATERAL jsonb_each(criteria) k
            -- Taken out once: what is written in several places is evaluated in each.
            CROSS JOIN LATERAL (SELECT k.value->>'verdict' AS verdict, (k.value->'points')::text AS points OFFSET 0) v
            -- 1 (pass), 0 (fail), points / max, or NULL where it does not count.
            CROSS JOIN LATERAL (
                SELECT CASE WHEN v.verdict IN ('not_applicable', 'unknown') THEN NULL
                            WHEN v.points <> 'null' THEN v.points::double precision / nullif((k.value->>'max')::double precision, 0)
                            WHEN v.verdict = 'pass' THEN 1 WHEN v.verdict = 'fail' THEN 0 END AS share OFFSET 0) s
            GROUP BY %1$s, analysis, version, k.key
        ), criteria AS (
            SELECT %1$s, analysis, version, jsonb_object_agg(key, jsonb_build_object('judged', judged, 'share', share,
                       'not_applicable', not_applicable, 'unknown', unknown)) AS criteria
            FROM criterion GROUP BY %1$s, analysis, version
        )
        SELECT %1$s, analysis, version, s.calls, s.passed, s.failed, s.unknown, s.scored, s.score_sum, s.unsupported, s.refused,
               coalesce(k.criteria, '{}') AS criteria
        FROM sums s LEFT JOIN criteria k USING (%1$s, analysis, version)$text$, $1, voice._counted_results($2))
$$;
COMMENT ON FUNCTION voice._result_sums(text, text) IS 'the query that sums up results by these columns, analysis and version; parameters as of voice._counted_results()';

CREATE FUNCTION voice._roll_up_results(day date, first_id uuid, past_id uuid, since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    DELETE FROM voice.daily_result d WHERE d.day = _roll_up_results.day;
    EXECUTE 'INSERT INTO voice.daily_result (tenant_id, day, agent_id, vertical, analysis, version, calls, passed, failed, unknown, '
            'scored, score_sum, unsupported, refused, criteria) '
            || voice._result_sums('tenant_id, day, agent_id, vertical', '')
    USING first_id, past_id, since, until, voice._zone();
END
$$;
COMMENT ON FUNCTION voice._roll_up_results(date, uuid, uuid, timestamptz, timestamptz) IS 'computes a day of voice.daily_result anew';
