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
            SELECT %1$s, analysis, version, jsonb_object_agg(key, jsonb_strip_nulls(jsonb_build_object('judged', nullif(judged, 0),
                       'share', nullif(share, 0), 'not_applicable', nullif(not_applicable, 0), 'unknown', nullif(unknown, 0)))) AS criteria
            FROM criterion GROUP BY %1$s, analysis, version
        )
        SELECT %1$s, analysis, version, s.calls, s.passed, s.failed, s.unknown, s.scored, s.score_sum, s.unsupported, s.refused,
               coalesce(k.criteria, '{}') AS criteria
        FROM sums s LEFT JOIN criteria k USING (%1$s, analysis, version)$text$, $1, voice._counted_results($2))
$$;
COMMENT ON FUNCTION voice._result_sums(text, text) IS 'the query that sums up results by these columns, analysis and version; parameters as of voice._counted_results()';

CREATE FUNCTION voice._roll_up_results(day date, first_id uuid, past_id uuid, since timestamptz, until timestamptz, tenants text[] DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    DELETE FROM voice.daily_result d
    WHERE d.day = _roll_up_results.day AND (tenants IS NULL OR d.tenant_id = ANY (tenants)) AND NOT voice._came_with(d.tenant_id, d.day);
    EXECUTE 'INSERT INTO voice.daily_result (tenant_id, day, agent_id, vertical, analysis, version, calls, passed, failed, unknown, '
            'scored, score_sum, unsupported, refused, criteria) '
            || voice._result_sums('tenant_id, day, agent_id, vertical',
                                  CASE WHEN tenants IS NULL THEN '' ELSE format('AND r.tenant_id = ANY (%L)', tenants) END)
            || ' ON CONFLICT DO NOTHING'
    USING first_id, past_id, since, until, voice._zone();
END
$$;
COMMENT ON FUNCTION voice._roll_up_results(date, uuid, uuid, timestamptz, timestamptz, text[]) IS
    'computes a day of voice.daily_result anew, of these tenants or of all';

-- From so many results of a day on, a tenant's scorecard of a day that is not over takes their sums.
CREATE FUNCTION voice._many_results() RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT 500 $$;
COMMENT ON FUNCTION voice._many_results() IS 'from how many results of an open day on its scorecard takes sums that are minutes old';

CREATE FUNCTION voice._roll_up_open_days() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    zone CONSTANT text := voice._zone();
    yesterday CONSTANT date := voice._yesterday();
    day date;
    since timestamptz;
    until timestamptz;
    first_id uuid;
    past_id uuid;
    tenants text[];
BEGIN
    -- In the order in which everybody locks them.
    LOCK TABLE voice.tool_call, voice.turn, voice.call, voice.analytics, voice.result IN ACCESS SHARE MODE;
    FOR day IN SELECT d.day FROM unnest(ARRAY[yesterday, yesterday + 1]) d(day)
               WHERE d.day > yesterday OR NOT EXISTS (SELECT 1 FROM voice._rolled_day r WHERE r.day = d.day) LOOP
        since := day::timestamp AT TIME ZONE zone;
        until := (day + 1)::timestamp AT TIME ZONE zone;
        first_id := @extschema@.voice_uuid_at(since - interval '24 hours');
        past_id := @extschema@.voice_uuid_at(until + interval '24 hours 1 millisecond');
        -- Whoever rolls up the day at this moment does more than this would.
        CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtextextended('voice_rollup ' || day, 0));
        SELECT array_agg(m.tenant_id) INTO tenants FROM (
            SELECT r.tenant_id FROM voice.result r
            WHERE r.call_id >= first_id AND r.call_id < past_id AND r.started_at >= since AND r.started_at < until
            GROUP BY r.tenant_id HAVING count(*) >= voice._many_results()) m;
        IF tenants IS NOT NULL THEN
            PERFORM voice._roll_up_results(day, first_id, past_id, since, until, tenants);
        END IF;
        PERFORM voice._roll_up_open_detail(day, first_id, past_id, since, until);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._roll_up_open_days() IS
    'sums up in voice.daily_result and voice.daily_detail what today, and yesterday until it is rolled up, has of the tenants that have many results, or calls';

CREATE FUNCTION voice._open_days_rolled_up(tenant text, first_day date) RETURNS date[]
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT coalesce(array_agg(n.day), '{}') FROM (
        SELECT d.day FROM voice.daily_result d
        WHERE d.tenant_id = $1 AND d.day >= $2
        GROUP BY d.day HAVING sum(d.calls) >= voice._many_results() AND min(d.computed_at) > now() - interval '5 minutes') n
$$;
COMMENT ON FUNCTION voice._open_days_rolled_up(text, date) IS 'days from this one on whose sums are many and fresh';
