-- How often calls succeed, from roll-ups for days past and from the results themselves since: whole days, in the time zone of the
-- setting voice_analytics.timezone. What is written late to a day past counts from its next roll-up on; of a day that is not over
-- and has many results (voice._many_results()), sums are taken that are five minutes old at most.

CREATE FUNCTION voice_scorecard(since timestamptz DEFAULT now() - interval '7 days', by text DEFAULT 'agent',
    OUT analysis text, OUT version int, OUT group_key text, OUT calls bigint, OUT passed bigint, OUT failed bigint, OUT unknown bigint,
    OUT success_rate double precision, OUT avg_score double precision, OUT unsupported bigint, OUT refused bigint, OUT criteria jsonb)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
DECLARE
    zone CONSTANT text := voice._zone();
    tenant CONSTANT text := voice._tenant();
    today CONSTANT date := (now() AT TIME ZONE zone)::date;
    key CONSTANT text := CASE by WHEN 'agent' THEN 'agent_id' WHEN 'vertical' THEN 'vertical' WHEN 'day' THEN 'day' END;
    first_day date;
    live_from date;
    -- The first day after those whose results are read, NULL: none is left out.
    live_until date;
    summed date[];
    names text[];
    live text := '';
BEGIN
    IF since IS NULL OR key IS NULL THEN
        RAISE EXCEPTION 'a scorecard needs a time and a grouping'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('since is %s, by %s.', coalesce(since::text, 'NULL'), coalesce(quote_literal(by), 'NULL')),
                  HINT = 'voice_scorecard(now() - interval ''7 days'', by => ''agent''); by is agent, vertical or day.';
    END IF;
    first_day := CASE WHEN isfinite(since) THEN (since AT TIME ZONE zone)::date
                      WHEN since > now() THEN today + 1
                      ELSE coalesce((SELECT min(d.day) FROM voice.daily d WHERE d.tenant_id = tenant), today) END;
    SELECT greatest(first_day, coalesce(max(d.day) + 1, first_day)) INTO live_from
    FROM voice.daily d WHERE d.tenant_id = tenant AND d.day < today;
    summed := voice._open_days_rolled_up(tenant, live_from);
    SELECT min(u.day) INTO live_until FROM unnest(summed) u(day)
    WHERE NOT EXISTS (SELECT 1 FROM generate_series(u.day, today, interval '1 day') later WHERE later::date <> ALL (summed));
    SELECT coalesce(array_agg(DISTINCT a.name), '{}') INTO names FROM voice.analysis a WHERE a.tenant_id = tenant;
    IF live_until IS NULL OR live_until > live_from THEN
        live := format('UNION ALL SELECT l.%I::text, l.analysis, l.version, l.calls, l.passed, l.failed, l.unknown, l.scored, l.score_sum, '
                       'l.unsupported, l.refused, l.criteria FROM (%s) l', key,
                       voice._result_sums(key, format('AND r.tenant_id = %L AND r.analysis = ANY (%L) AND (r.started_at AT TIME ZONE %L)::date <> ALL (%L)',
                                                      tenant, names, zone, summed)));
    END IF;
    RETURN QUERY EXECUTE format($query$
        WITH part AS MATERIALIZED (
            SELECT d.%1$I::text AS key, d.analysis, d.version, d.calls, d.passed, d.failed, d.unknown, d.scored, d.score_sum,
                   d.unsupported, d.refused, d.criteria
            FROM voice.daily_result d WHERE d.tenant_id = $6 AND d.day >= $7 AND (d.day < $8 OR d.day = ANY ($9))
            %2$s
        ), named AS (
            -- Keys come one by one, jsonb_each() would fill a tuplestore for each row.
            SELECT p.key, p.analysis, p.version, p.criteria, jsonb_object_keys(p.criteria) AS name FROM part p
        ), criterion AS (
            SELECT c.key, c.analysis, c.version, c.name, sum((c.value->'judged')::bigint) AS judged,
                   sum((c.value->'share')::numeric) AS share, sum((c.value->'not_applicable')::bigint) AS not_applicable,
                   sum((c.value->'unknown')::bigint) AS unknown
            FROM (SELECT n.key, n.analysis, n.version, n.name, n.criteria->n.name AS value FROM named n OFFSET 0) c GROUP BY 1, 2, 3, 4
        ), criteria AS (
            -- As text, cast once a group: jsonb_build_object() looks up its arguments' types anew each time, and so does format().
            SELECT c.key, c.analysis, c.version, ('{' || string_agg(to_json(c.name)::text
                       || ': {"pass_rate": ' || coalesce(round(coalesce(c.share, 0) / nullif(c.judged, 0), 4)::text, 'null')
                       || ', "judged": ' || coalesce(c.judged, 0)::text || ', "not_applicable": ' || coalesce(c.not_applicable, 0)::text
                       || ', "unknown": ' || coalesce(c.unknown, 0)::text || '}', ', ') || '}')::jsonb AS criteria
            FROM criterion c GROUP BY 1, 2, 3
        ), sums AS (
            SELECT p.key, p.analysis, p.version, sum(p.calls)::bigint AS calls, sum(p.passed)::bigint AS passed, sum(p.failed)::bigint AS failed,
                   sum(p.unknown)::bigint AS unknown, sum(p.score_sum)::double precision / nullif(sum(p.scored), 0) AS avg_score,
                   sum(p.unsupported)::bigint AS unsupported, sum(p.refused)::bigint AS refused
            FROM part p GROUP BY 1, 2, 3
        )
        SELECT s.analysis, s.version, s.key, s.calls, s.passed, s.failed, s.unknown,
               s.passed::double precision / nullif(s.passed + s.failed, 0), s.avg_score::double precision, s.unsupported, s.refused,
               coalesce(k.criteria, '{}')
        FROM sums s LEFT JOIN criteria k ON k.key = s.key AND k.analysis = s.analysis AND k.version = s.version
        ORDER BY s.analysis, s.key, s.version$query$,
        key, live)
    USING @extschema@.voice_uuid_at((live_from::timestamp AT TIME ZONE zone) - interval '24 hours'),
          coalesce(@extschema@.voice_uuid_at((live_until::timestamp AT TIME ZONE zone) + interval '24 hours 1 millisecond'),
                   uuid 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
          live_from::timestamp AT TIME ZONE zone, coalesce(live_until::timestamp AT TIME ZONE zone, timestamptz 'infinity'),
          zone, tenant, first_day, live_from, summed;
END
$$;
COMMENT ON FUNCTION voice_scorecard(timestamptz, text) IS
    'how calls of the day of since and later were judged, by agent, vertical or day: of each analysis and version how many passed, the mean score, and the pass rate of each criterion; each call counts for the newest version that judged it';
