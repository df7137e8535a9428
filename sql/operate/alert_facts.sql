-- What the values of alerts are sums of: facts of calls, counted by tenant, agent and the slot of time in which the call started.
-- The evaluation of a minute, the sums of past hours and voice_alert_history() all take them from here, so that they count alike.
--
-- A fact counts for a window that its call started in, from the minute on in which it is known: a hang-up when the call has ended, a
-- judgement when it was stored, a tool call when it was made, a latency when the turn was over.

CREATE FUNCTION voice._is_negative(sentiment double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT $1 OPERATOR(pg_catalog.<) '-0.3'::double precision $$;
COMMENT ON FUNCTION voice._is_negative(double precision) IS 'whether a call counts as a negative one: its sentiment is below -0.3';

-- These four have no setting of their own, so that the planner takes them apart.
CREATE FUNCTION voice._minute(at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT pg_catalog.date_bin('1 minute'::pg_catalog.interval, $1, '2000-01-01 00:00:00+00'::pg_catalog.timestamptz) $$;
COMMENT ON FUNCTION voice._minute(timestamptz) IS 'the full minute before; for evaluations of alerts';

CREATE FUNCTION voice._hour(at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT pg_catalog.date_bin('1 hour'::pg_catalog.interval, $1, '2000-01-01 00:00:00+00'::pg_catalog.timestamptz) $$;
COMMENT ON FUNCTION voice._hour(timestamptz) IS 'the full hour before, in UTC; for sums of alerts';

-- Rows come to the minute for windows of up to an hour; longer ones begin at a full hour, and take sums of hours.
CREATE FUNCTION voice._alert_start(at timestamptz, "window" interval) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN $2 OPERATOR(pg_catalog.<=) '1 hour'::pg_catalog.interval THEN $1 OPERATOR(pg_catalog.-) $2
                ELSE voice._hour($1 OPERATOR(pg_catalog.-) $2) END
$$;
COMMENT ON FUNCTION voice._alert_start(timestamptz, interval) IS 'where the window of an evaluation begins';

CREATE FUNCTION voice._weeks_before(at timestamptz, weeks int) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN $2 OPERATOR(pg_catalog.=) 0 THEN $1
                ELSE pg_catalog.timezone(voice._zone(), pg_catalog.timezone(voice._zone(), $1)
                         OPERATOR(pg_catalog.-) ($2 OPERATOR(pg_catalog.*) '7 days'::pg_catalog.interval)) END
$$;
COMMENT ON FUNCTION voice._weeks_before(timestamptz, int) IS 'the same time of day that many weeks before, in the setting voice_analytics.timezone';

-- Subqueries by metric. Parameters: $1 and $2 the lowest and past the highest id, $3 edges of slots, $4 past the last start, $5 tenants,
-- $6 what is known by then, $7 whether to count by the slot in which it became known. {calls}: the calls. Each gives tenant_id,
-- agent_id, part, slot, known, calls, n, hits. OFFSET 0: call by call, by its key. What the planner guesses of a range of ids is no reason
-- to read the whole range for each of them.

-- What a call costs is said here and nowhere else in alerts. No call costs more than 10^12: a sum that is no number would end the
-- evaluation of every tenant.
CREATE FUNCTION voice._alert_cost_facts() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT $text$
        SELECT c.tenant_id, c.agent_id, coalesce(nullif(upper(btrim(c.cost_currency)), ''), 'USD'), c.slot,
               CASE WHEN $7 THEN width_bucket(c.ended_at, $3) ELSE 0 END, count(*), count(*), sum(greatest(least(c.cost, 1e12), -1e12))::double precision
        FROM {calls} c WHERE c.ended_at < $6 AND c.cost IS NOT NULL GROUP BY 1, 2, 3, 4, 5$text$
$$;
COMMENT ON FUNCTION voice._alert_cost_facts() IS 'the subquery of what calls cost, part: the currency; USD where a call says none';

CREATE FUNCTION voice._alert_facts_of(metric text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT CASE $1
    WHEN 'volume' THEN $text$
        SELECT c.tenant_id, c.agent_id, '', c.slot, CASE WHEN $7 THEN c.slot ELSE 0 END, count(*), count(*), count(*)::double precision
        FROM {calls} c GROUP BY 1, 2, 3, 4, 5$text$
    WHEN 'transfer_share' THEN $text$
        SELECT c.tenant_id, c.agent_id, '', c.slot, CASE WHEN $7 THEN width_bucket(c.ended_at, $3) ELSE 0 END, count(*), count(*),
               (count(*) FILTER (WHERE c.status = 'transferred'))::double precision
        FROM {calls} c WHERE c.ended_at < $6 GROUP BY 1, 2, 3, 4, 5$text$
    WHEN 'cost' THEN voice._alert_cost_facts()
    WHEN 'negative_share' THEN $text$
        SELECT c.tenant_id, c.agent_id, '', c.slot, CASE WHEN $7 THEN width_bucket(a.computed_at, $3) ELSE 0 END, count(*), count(*),
               (count(*) FILTER (WHERE voice._is_negative(a.sentiment)))::double precision
        FROM {calls} c CROSS JOIN LATERAL (SELECT a.sentiment, a.computed_at FROM voice.analytics a WHERE a.call_id = c.id AND a.call_id >= $1 AND a.call_id < $2 OFFSET 0) a
        WHERE a.computed_at < $6 GROUP BY 1, 2, 3, 4, 5$text$
    -- Of each call and analysis the newest version that judged it.
    WHEN 'success_rate' THEN $text$
        SELECT r.tenant_id, r.agent_id, r.analysis, r.slot, r.known, count(*), count(*), (count(*) FILTER (WHERE r.success = 'pass'))::double precision
        FROM (
            SELECT c.tenant_id, c.agent_id, r.analysis, r.success, c.slot, CASE WHEN $7 THEN width_bucket(r.computed_at, $3) ELSE 0 END AS known,
                   row_number() OVER (PARTITION BY r.call_id, r.analysis ORDER BY r.version DESC) AS place
            FROM {calls} c CROSS JOIN LATERAL (SELECT r.call_id, r.analysis, r.success, r.computed_at, r.version FROM voice.result r WHERE r.call_id = c.id AND r.call_id >= $1 AND r.call_id < $2 OFFSET 0) r
            WHERE r.computed_at < $6
        ) r WHERE r.place = 1 AND r.success IN ('pass', 'fail') GROUP BY 1, 2, 3, 4, 5$text$
    -- A call counts once, with the first of its tools or turns.
    WHEN 'tool_failure_rate' THEN $text$
        SELECT k.tenant_id, k.agent_id, '', k.slot, k.known, count(*) FILTER (WHERE k.place = 1), count(*), count(k.error_text)::double precision
        FROM (
            SELECT c.tenant_id, c.agent_id, k.error_text, c.slot, CASE WHEN $7 THEN width_bucket(k.invoked_at, $3) ELSE 0 END AS known,
                   row_number() OVER (PARTITION BY k.call_id ORDER BY k.id) AS place
            FROM {calls} c CROSS JOIN LATERAL (SELECT k.call_id, k.id, k.error_text, k.invoked_at FROM voice.tool_call k WHERE k.call_id = c.id AND k.call_id >= $1 AND k.call_id < $2 OFFSET 0) k
            WHERE k.invoked_at < $6
        ) k GROUP BY 1, 2, 3, 4, 5$text$
    WHEN 'e2e_p95_ms' THEN $text$
        SELECT t.tenant_id, t.agent_id, t.bucket::text, t.slot, t.known, count(*) FILTER (WHERE t.place = 1), count(*), 0::double precision
        FROM (
            SELECT c.tenant_id, c.agent_id, voice._latency_bucket(t.e2e_latency_ms) AS bucket, c.slot,
                   CASE WHEN $7 THEN width_bucket(coalesce(t.ended_at, t.started_at), $3) ELSE 0 END AS known,
                   row_number() OVER (PARTITION BY t.call_id ORDER BY t.id) AS place
            FROM {calls} c CROSS JOIN LATERAL (SELECT t.call_id, t.id, t.e2e_latency_ms, t.started_at, t.ended_at FROM voice.turn t WHERE t.call_id = c.id AND t.call_id >= $1 AND t.call_id < $2 AND t.e2e_latency_ms IS NOT NULL OFFSET 0) t
            WHERE coalesce(t.ended_at, t.started_at) < $6
        ) t GROUP BY 1, 2, 3, 4, 5$text$
    END
$$;
COMMENT ON FUNCTION voice._alert_facts_of(text) IS 'the subquery of the facts of a metric; NULL: it has none';

-- The calls are read once for all metrics, by agent and start: ids may lie 24 hours beside the start of their calls. Planned for these very
-- bounds, so that it prunes. Groups are few, and the planner does not know it: no sort; nor are bitmaps of a whole range of ids any use.
CREATE FUNCTION voice._alert_facts(
    metrics text[], tenants text[], firsts timestamptz[], edges timestamptz[], until timestamptz, known_until timestamptz, by_known boolean,
    OUT metric text, OUT tenant_id text, OUT agent_id text, OUT part text, OUT slot int, OUT known int, OUT calls bigint, OUT n bigint, OUT hits double precision)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off SET enable_sort = off SET enable_bitmapscan = off
AS $$
DECLARE
    parts text;
    begins timestamptz[];
BEGIN
    SELECT string_agg(format('SELECT %L::text, f.* FROM (%s) f', w.metric,
               replace(voice._alert_facts_of(w.metric), '{calls}',
                       format('(SELECT c.* FROM c WHERE c.tenant_id = ANY (%L) AND c.started_at >= $8[%s])', w.tenants, w.place))), ' UNION ALL '),
           array_agg(w.first ORDER BY w.place)
    INTO parts, begins
    FROM (SELECT p.metric, array_agg(DISTINCT p.tenant_id) AS tenants, min(p.first) AS first, row_number() OVER (ORDER BY p.metric) AS place
          FROM unnest(metrics, tenants, firsts) p(metric, tenant_id, first) GROUP BY p.metric) w;
    IF parts IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE $query$
        WITH c AS MATERIALIZED (
            SELECT s.* FROM voice.agent g
            CROSS JOIN LATERAL (
                SELECT c.id, c.tenant_id, c.agent_id, c.status, c.started_at, c.ended_at, c.cost, c.cost_currency, width_bucket(c.started_at, $3) AS slot
                FROM voice.call c
                WHERE c.agent_id = g.id AND c.started_at >= $3[1] AND c.started_at < $4 AND c.id >= $1 AND c.id < $2 AND c.deleted_at IS NULL OFFSET 0) s
            WHERE g.tenant_id = ANY ($5)
        ) $query$ || parts
    USING @extschema@.voice_uuid_at(edges[1] - interval '24 hours'), @extschema@.voice_uuid_at(until + interval '24 hours 1 millisecond'),
          edges, until, tenants, known_until, by_known, begins;
END
$$;
COMMENT ON FUNCTION voice._alert_facts(text[], text[], timestamptz[], timestamptz[], timestamptz, timestamptz, boolean) IS
    'facts of metrics, each of the tenant beside it: of calls that started from the time beside it to until, by slots between edges, as far as they were known then: calls, what was counted of them and how much of that is what the metric is about';

-- By part: weeks of volume, buckets of latencies, analyses of results.
CREATE FUNCTION voice._alert_value(metric text, parts text[], counted_calls bigint[], counts bigint[], sums double precision[],
    OUT value double precision, OUT calls bigint)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT CASE
        WHEN metric = 'cost' THEN coalesce(sum(p.hits), 0)
        WHEN metric = 'dead_jobs' THEN coalesce(sum(p.n), 0)
        -- Of the weeks before, those that had a call at that time.
        WHEN metric = 'volume' THEN coalesce(sum(p.n) FILTER (WHERE p.part = '0'), 0) / avg(p.n) FILTER (WHERE p.part <> '0' AND p.n > 0)
        WHEN metric = 'e2e_p95_ms' THEN
            (SELECT round(voice._bucket_ms(b.bucket)) FROM (
                SELECT q.part::int AS bucket, sum(q.n) OVER (ORDER BY q.part::int) AS up_to, sum(q.n) OVER () AS total
                FROM unnest(parts, counts) q(part, n)) b
             WHERE b.up_to >= 0.95 * b.total AND b.total > 0 ORDER BY b.bucket LIMIT 1)
        ELSE sum(p.hits) / nullif(sum(p.n), 0) END,
        CASE WHEN metric = 'volume' THEN coalesce(round(avg(p.n) FILTER (WHERE p.part <> '0' AND p.n > 0)), 0)
             WHEN metric = 'success_rate' THEN coalesce(max(p.calls), 0)
             WHEN metric <> 'dead_jobs' THEN coalesce(sum(p.calls), 0) END::bigint
    FROM unnest(parts, counted_calls, counts, sums) p(part, calls, n, hits)
$$;
COMMENT ON FUNCTION voice._alert_value(text, text[], bigint[], bigint[], double precision[]) IS
    'the value of a metric and the calls it is made of, from the sums of its facts by part; of success_rate the calls of the analysis that judged most of them';
