-- How the calls of a day are spread, for the roll-up of past days and for the report of days that are not rolled up yet: one text
-- for both, so that they count alike.

CREATE FUNCTION voice._end_reason_code(reason text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN $1 OPERATOR(pg_catalog.~) '^[A-Za-z][A-Za-z0-9_.:/ -]{0,59}$' AND $1 OPERATOR(pg_catalog.!~) '[0-9]{4}|[0-9][ .:/-][0-9]'
        THEN $1 WHEN $1 OPERATOR(pg_catalog.<>) '' THEN 'other' END
$$;
COMMENT ON FUNCTION voice._end_reason_code(text) IS 'an end reason that is a code, so that roll-ups keep no number; others are "other", none is NULL';

-- Parameters as of voice._counted_results(). by_agent: a row an agent and one of all together; else that one only. newest: turns are
-- read of so many calls of each tenant's day; NULL: of all.
CREATE FUNCTION voice._detail_sums(narrower text, by_agent boolean, newest int) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT format($text$
        WITH c AS MATERIALIZED (
            SELECT c.id, c.tenant_id, (c.started_at AT TIME ZONE $5)::date AS day, extract(hour FROM c.started_at AT TIME ZONE $5)::int AS hour,
                   %2$s AS agent_id, c.end_reason
            FROM voice.call c
            WHERE c.id >= $1 AND c.id < $2 AND c.started_at >= $3 AND c.started_at < $4 AND c.deleted_at IS NULL %1$s
        ), t AS MATERIALIZED (
            SELECT c.tenant_id, c.day, c.agent_id, c.id, t.transcription_ms, t.llm_ttft_ms, t.tts_ttfb_ms, t.e2e_latency_ms,
                   -- After a turn whose end is not known, nobody knows how long it was silent.
                   CASE WHEN lag(t.ended_at) OVER w IS NOT NULL THEN t.started_at - max(t.ended_at) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) END AS silence
            FROM (SELECT c.*, row_number() OVER (PARTITION BY c.tenant_id, c.day ORDER BY c.id DESC) AS place FROM c) c
            JOIN voice.turn t ON t.call_id = c.id AND t.call_id >= $1 AND t.call_id < $2
            -- Written before infinities were refused.
            WHERE c.place <= %5$s AND isfinite(t.started_at) AND coalesce(isfinite(t.ended_at), true)
            WINDOW w AS (PARTITION BY t.call_id ORDER BY t.started_at, t.id)
        ), counted AS (
            SELECT tenant_id, day, agent_id, 'hours' AS kind, '' AS part, hour::text AS key, count(*) AS n FROM c GROUP BY 1, 2, 3, 6
            UNION ALL
            SELECT r.tenant_id, r.day, r.agent_id, 'end_reasons', '', voice._end_reason_code(r.end_reason), sum(r.n)
            FROM (SELECT tenant_id, day, agent_id, end_reason, count(*) AS n FROM c WHERE end_reason <> '' GROUP BY 1, 2, 3, 4) r GROUP BY 1, 2, 3, 6
            UNION ALL
            SELECT c.tenant_id, c.day, c.agent_id, 'intents', '', a.intent, count(*)
            FROM c JOIN voice.analytics a ON a.call_id = c.id AND a.call_id >= $1 AND a.call_id < $2 GROUP BY 1, 2, 3, 6
            UNION ALL
            SELECT tenant_id, day, agent_id, 'latencies', 'transcription', voice._latency_bucket(transcription_ms)::text, count(*)
            FROM t WHERE transcription_ms IS NOT NULL GROUP BY 1, 2, 3, 6
            UNION ALL
            SELECT tenant_id, day, agent_id, 'latencies', 'first_token', voice._latency_bucket(llm_ttft_ms)::text, count(*)
            FROM t WHERE llm_ttft_ms IS NOT NULL GROUP BY 1, 2, 3, 6
            UNION ALL
            SELECT tenant_id, day, agent_id, 'latencies', 'first_byte', voice._latency_bucket(tts_ttfb_ms)::text, count(*)
            FROM t WHERE tts_ttfb_ms IS NOT NULL GROUP BY 1, 2, 3, 6
            UNION ALL
            SELECT tenant_id, day, agent_id, 'latencies', 'end_to_end', voice._latency_bucket(e2e_latency_ms)::text, count(*)
            FROM t WHERE e2e_latency_ms IS NOT NULL GROUP BY 1, 2, 3, 6
        ), part AS (
            SELECT tenant_id, day, coalesce(agent_id, '') AS agent_id, kind, part, key, sum(n) AS n
            FROM counted GROUP BY GROUPING SETS ((tenant_id, day, agent_id, kind, part, key)%3$s)
        ), histogram AS (
            SELECT tenant_id, day, agent_id, kind, part, jsonb_object_agg(key, n) AS counts FROM part GROUP BY 1, 2, 3, 4, 5
        ), spread AS (
            SELECT tenant_id, day, agent_id,
                   jsonb_object_agg(part, counts) FILTER (WHERE kind = 'latencies') AS latencies,
                   (array_agg(counts) FILTER (WHERE kind = 'hours'))[1] AS hours, (array_agg(counts) FILTER (WHERE kind = 'intents'))[1] AS intents,
                   (array_agg(counts) FILTER (WHERE kind = 'end_reasons'))[1] AS end_reasons
            FROM histogram GROUP BY 1, 2, 3
        ), tool_bucket AS (
            SELECT c.tenant_id, c.day, c.agent_id, k.name, voice._latency_bucket(k.latency_ms)::text AS bucket, count(*) AS n, count(k.error_text) AS errors
            FROM c JOIN voice.tool_call k ON k.call_id = c.id AND k.call_id >= $1 AND k.call_id < $2
            GROUP BY 1, 2, 3, 4, 5
        ), tool AS (
            SELECT tenant_id, day, coalesce(agent_id, '') AS agent_id, name, bucket, sum(n) AS n, sum(errors) AS errors
            FROM tool_bucket GROUP BY GROUPING SETS ((tenant_id, day, agent_id, name, bucket)%4$s)
        ), tools AS (
            SELECT tenant_id, day, agent_id, jsonb_object_agg(name, jsonb_strip_nulls(jsonb_build_object('calls', calls, 'errors', nullif(errors, 0), 'ms', ms))) AS tools
            FROM (SELECT tenant_id, day, agent_id, name, sum(n) AS calls, sum(errors) AS errors,
                         jsonb_object_agg(coalesce(bucket, ''), n) FILTER (WHERE bucket IS NOT NULL) AS ms
                  FROM tool GROUP BY 1, 2, 3, 4) k
            GROUP BY 1, 2, 3
        ), silent AS (
            SELECT tenant_id, day, agent_id, id, max(silence) AS silence FROM t WHERE silence > interval '0' GROUP BY 1, 2, 3, 4
        ), quietest AS (
            SELECT DISTINCT ON (tenant_id, day, agent_id) tenant_id, day, agent_id, id, silence
            FROM (SELECT tenant_id, day, '' AS agent_id, id, silence FROM silent UNION SELECT tenant_id, day, agent_id, id, silence FROM silent) q
            ORDER BY tenant_id, day, agent_id, silence DESC, id
        )
        SELECT tenant_id, day, agent_id, coalesce(s.hours, '{}') AS hours, coalesce(s.intents, '{}') AS intents, coalesce(s.latencies, '{}') AS latencies,
               coalesce(k.tools, '{}') AS tools, coalesce(s.end_reasons, '{}') AS end_reasons,
               CASE WHEN q.silence IS NOT NULL THEN least(extract(epoch FROM q.silence) * 1000, 2147483647)::int END AS longest_silence_ms, q.id AS longest_silence_call
        FROM spread s LEFT JOIN tools k USING (tenant_id, day, agent_id) LEFT JOIN quietest q USING (tenant_id, day, agent_id)$text$,
        narrower, CASE WHEN by_agent THEN 'c.agent_id' ELSE '''''::text' END,
        CASE WHEN by_agent THEN ', (tenant_id, day, kind, part, key)' ELSE '' END, CASE WHEN by_agent THEN ', (tenant_id, day, name, bucket)' ELSE '' END,
        coalesce(newest::text, 'c.place'))
$$;
COMMENT ON FUNCTION voice._detail_sums(text, boolean, int) IS 'the query that makes rows of voice.daily_detail; narrower: more conditions on c; parameters as of voice._counted_results()';

-- The percentile of a histogram is the bucket in which so many are reached.
CREATE FUNCTION voice._add_up_tools(tools jsonb[], OUT name text, OUT calls bigint, OUT errors bigint, OUT p50_ms double precision,
    OUT p95_ms double precision) RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 20 SET search_path = pg_catalog, voice, pg_temp
AS $$
    WITH tool AS MATERIALIZED (
        SELECT t.key AS name, t.value AS counts FROM unnest($1) s CROSS JOIN LATERAL jsonb_each(s) t
    ), latency AS (
        SELECT b.name, voice._bucket_ms(min(b.bucket) FILTER (WHERE b.up_to >= 0.5 * b.total)) AS p50_ms,
               voice._bucket_ms(min(b.bucket) FILTER (WHERE b.up_to >= 0.95 * b.total)) AS p95_ms
        FROM (SELECT b.*, sum(b.n) OVER (PARTITION BY b.name ORDER BY b.bucket) AS up_to, sum(b.n) OVER (PARTITION BY b.name) AS total
              FROM (SELECT t.name, b.key::int AS bucket, sum(b.value::bigint) AS n
                    FROM tool t CROSS JOIN LATERAL jsonb_each_text(t.counts -> 'ms') b GROUP BY 1, 2) b) b
        GROUP BY 1
    )
    SELECT t.name, sum((t.counts ->> 'calls')::bigint)::bigint, coalesce(sum((t.counts ->> 'errors')::bigint), 0)::bigint,
           min(l.p50_ms), min(l.p95_ms)
    FROM tool t LEFT JOIN latency l USING (name) GROUP BY t.name
$$;
COMMENT ON FUNCTION voice._add_up_tools(jsonb[]) IS 'how often each tool was called and failed, and how long it took, from values of voice.daily_detail.tools';

CREATE FUNCTION voice._roll_up_detail(day date, first_id uuid, past_id uuid, since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    DELETE FROM voice.daily_detail d WHERE d.day = _roll_up_detail.day AND NOT voice._came_with(d.tenant_id, d.day);
    EXECUTE 'INSERT INTO voice.daily_detail (tenant_id, day, agent_id, hours, intents, latencies, tools, end_reasons, longest_silence_ms, longest_silence_call) '
            || voice._detail_sums('', true, NULL) || ' ON CONFLICT DO NOTHING'
    USING first_id, past_id, since, until, voice._zone();
END
$$;
COMMENT ON FUNCTION voice._roll_up_detail(date, uuid, uuid, timestamptz, timestamptz) IS 'computes a day of voice.daily_detail anew';

-- A day that is not over, of the tenants that have many calls of it, for all of a tenant's agents together: voice_report() then does not
-- look at the same calls each time. Turns are those of the newest 500 calls: that costs the same at noon and at midnight.
CREATE FUNCTION voice._roll_up_open_detail(day date, first_id uuid, past_id uuid, since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    tenants text[];
BEGIN
    SELECT array_agg(m.tenant_id) INTO tenants FROM (
        SELECT c.tenant_id FROM voice.call c
        WHERE c.id >= first_id AND c.id < past_id AND c.started_at >= since AND c.started_at < until AND c.deleted_at IS NULL
        GROUP BY c.tenant_id HAVING count(*) >= voice._many_results()) m;
    IF tenants IS NULL THEN
        RETURN;
    END IF;
    DELETE FROM voice.daily_detail d WHERE d.day = _roll_up_open_detail.day AND d.tenant_id = ANY (tenants);
    EXECUTE 'INSERT INTO voice.daily_detail (tenant_id, day, agent_id, hours, intents, latencies, tools, end_reasons, longest_silence_ms, longest_silence_call) '
            || voice._detail_sums(format('AND c.tenant_id = ANY (%L)', tenants), false, 500)
    USING first_id, past_id, since, until, voice._zone();
END
$$;
COMMENT ON FUNCTION voice._roll_up_open_detail(date, uuid, uuid, timestamptz, timestamptz) IS
    'computes voice.daily_detail of a day that is not over for the tenants that have many calls of it';
