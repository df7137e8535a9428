-- Figures over many calls. A range of time becomes a range of ids first, bound as constants of a plan made for them, so
-- that planning prunes to the months that count: a bound computed inside the query costs several times the query.
-- The tenant is named beside row-level security, for those whom it does not hold, in the words of the policy: the
-- planner then sees one condition.

-- As core/src/vocabulary.rs says it; what webhooks ask for unless they are told otherwise is the same.
CREATE FUNCTION voice._is_hot_lead(lead_score int, intent text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT lead_score OPERATOR(pg_catalog.>=) 80 AND intent OPERATOR(pg_catalog.=) 'sales' $$;
COMMENT ON FUNCTION voice._is_hot_lead(int, text) IS 'whether a call that was judged so is a hot lead: score 80 and more, intent sales';

-- In Rust (src/api/leads.rs).
CREATE FUNCTION voice_top_leads(vertical text, since timestamptz, min_score int DEFAULT 70, max_rows int DEFAULT 50,
    OUT call_id uuid, OUT agent_id text, OUT vertical text, OUT from_number text, OUT started_at timestamptz,
    OUT lead_score int, OUT sentiment double precision, OUT intent text, OUT entities jsonb, OUT summary text,
    OUT next_action text, OUT contact_number text, OUT external_id text) RETURNS SETOF record
LANGUAGE c STABLE ROWS 50 AS 'MODULE_PATHNAME', 'voice_top_leads';
COMMENT ON FUNCTION voice_top_leads(text, timestamptz, int, int) IS
    'calls with the highest lead scores since then, the newer first among equals; vertical NULL: all; contact_number: whom to ring, the caller or, of an outbound call, who was called';

CREATE FUNCTION voice._sentiment_trend(timestamptz, text, text,
    OUT bucket timestamptz, OUT agent_id text, OUT calls bigint, OUT avg_sentiment double precision,
    OUT avg_lead_score double precision) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    since ALIAS FOR $1;
    wanted_agent ALIAS FOR $2;
    width ALIAS FOR $3;
    zone CONSTANT text := coalesce(nullif(current_setting('voice_analytics.timezone', true), ''), 'UTC');
    first_id CONSTANT uuid := @extschema@.voice_uuid_at(since - interval '24 hours');
    -- Less than the shortest bucket of its kind, wherever clocks change.
    step CONSTANT interval := CASE width WHEN 'hour' THEN '15 minutes' WHEN 'day' THEN '12 hours'
                                         WHEN 'week' THEN '3 days' ELSE '14 days' END;
    first timestamptz := since;
    starts timestamptz[];
    last timestamptz;
BEGIN
    IF since IS NULL OR width IS NULL OR width NOT IN ('hour', 'day', 'week', 'month') THEN
        RAISE EXCEPTION 'a trend needs a time and a bucket'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('since is %s, bucket %s.', coalesce(since::text, 'NULL'), coalesce(quote_literal(width), 'NULL')),
                  HINT = 'The bucket is hour, day, week or month, in the time zone of the setting voice_analytics.timezone.';
    END IF;
    IF NOT isfinite(since) THEN
        SELECT coalesce(min(t.started_at), now()) INTO first
        FROM voice.analytics t WHERE t.tenant_id = voice._tenant() AND isfinite(t.started_at);
    END IF;
    -- Where the buckets begin, once for all calls: date_trunc() with a time zone for each costs more than reading it.
    SELECT array_agg(DISTINCT date_trunc(width, s, zone) ORDER BY date_trunc(width, s, zone)) INTO starts
    FROM generate_series(first, greatest(first, now()) + ('1 ' || width)::interval + step, step) s;
    -- Where clocks go back by half an hour (Australia/Lord_Howe), an hour begins within the one before it: then each call is
    -- asked for its own.
    last := CASE WHEN (SELECT bool_and(date_trunc(width, s, zone) = s) FROM unnest(starts) s) THEN starts[cardinality(starts)]
                 ELSE '-infinity' END;
    -- What lies behind the last of them (calls of the future) is rare. The tenant as a value: a function is called for
    -- each row where no index does the work. The sums first, then their order: else the planner
    -- sorts all calls by agent. (avg() of floating-point numbers also keeps what a variance needs.)
    RETURN QUERY EXECUTE format($query$
        WITH sums AS MATERIALIZED (
            SELECT CASE WHEN t.started_at < $7 THEN width_bucket(t.started_at, $4)
                        ELSE -EXTRACT(epoch FROM date_trunc($5, t.started_at, $6))::bigint END AS place,
                   t.agent_id, count(*) AS calls, sum(t.sentiment) AS sentiment, sum(t.lead_score) AS lead_score
            FROM voice.analytics t
            WHERE t.tenant_id = $8 %s AND t.started_at >= $1 AND t.call_id >= $3 AND t.deleted_at IS NULL
            GROUP BY 1, 2
        )
        SELECT CASE WHEN s.place >= 0 THEN $4[s.place] ELSE to_timestamp(-s.place) END AS bucket, s.agent_id, s.calls,
               s.sentiment / s.calls, s.lead_score::double precision / s.calls
        FROM sums s ORDER BY 1, 2$query$,
        CASE WHEN wanted_agent IS NOT NULL THEN 'AND t.agent_id = $2' END)
    USING since, wanted_agent, first_id, starts, width, zone, last, voice._tenant();
END
$$;
COMMENT ON FUNCTION voice._sentiment_trend(timestamptz, text, text) IS 'does the work of voice_sentiment_trend';

CREATE FUNCTION voice_sentiment_trend(since timestamptz, agent_id text DEFAULT NULL, bucket text DEFAULT 'day',
    OUT bucket timestamptz, OUT agent_id text, OUT calls bigint, OUT avg_sentiment double precision,
    OUT avg_lead_score double precision) RETURNS SETOF record
LANGUAGE sql STABLE
AS $$ SELECT * FROM voice._sentiment_trend($1, $2, $3) $$;
COMMENT ON FUNCTION voice_sentiment_trend(timestamptz, text, text) IS
    'analysed calls, mean sentiment and mean lead score by hour, day, week or month and agent; agent_id NULL: every agent';

-- By when the tool was called. Its call may have started up to a day before, and an id may lie a day before the start.
-- From sums, days are those in which their calls began, and since counts from the start of its day; what comes after the last day
-- that was rolled up is read from the calls.
CREATE FUNCTION voice_tool_stats(since timestamptz, approximate boolean DEFAULT false,
    OUT name text, OUT calls bigint, OUT errors bigint, OUT error_rate double precision, OUT p50_ms double precision,
    OUT p95_ms double precision) RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 20 SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    zone CONSTANT text := voice._zone();
    first_day date;
    -- From here on days are read from the calls.
    live_from date;
    live_since timestamptz;
BEGIN
    IF since IS NULL OR approximate IS NULL THEN
        RAISE EXCEPTION 'tool statistics need a time'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('since is %s, approximate %s.', coalesce(since::text, 'NULL'), coalesce(approximate::text, 'NULL')),
                  HINT = 'voice_tool_stats(now() - interval ''7 days''), or ''-infinity'' for all; approximate => true: from sums by day.';
    END IF;
    IF approximate THEN
        first_day := (since AT TIME ZONE zone)::date;
        SELECT greatest(first_day, max(d.day) + 1) INTO live_from
        FROM voice.daily d WHERE d.tenant_id = voice._tenant() AND d.day < (now() AT TIME ZONE zone)::date;
        -- A day that goes on and is summed up every few minutes: voice._roll_up_open_detail().
        WHILE EXISTS (SELECT 1 FROM voice.daily_detail d
                      WHERE d.tenant_id = voice._tenant() AND d.day = live_from AND d.agent_id = '' AND d.computed_at > now() - interval '5 minutes') LOOP
            live_from := live_from + 1;
        END LOOP;
        live_since := live_from::timestamp AT TIME ZONE zone;
        RETURN QUERY EXECUTE $query$
            SELECT s.name, s.calls, s.errors, s.errors::double precision / s.calls, s.p50_ms, s.p95_ms
            FROM voice._add_up_tools(ARRAY(
                SELECT d.tools FROM voice.daily_detail d
                WHERE d.tenant_id = voice._tenant() AND d.agent_id = '' AND d.day >= $3 AND d.day < $4
                UNION ALL
                SELECT jsonb_strip_nulls(jsonb_build_object(b.name, jsonb_build_object(
                           'calls', sum(b.n), 'errors', sum(b.errors), 'ms', jsonb_object_agg(b.bucket, b.n) FILTER (WHERE b.bucket IS NOT NULL))))
                FROM (SELECT k.name, voice._latency_bucket(k.latency_ms) AS bucket, count(*) AS n, count(k.error_text) AS errors
                      FROM voice.tool_call k
                      JOIN voice.call c ON c.id = k.call_id AND c.id >= $2 AND c.tenant_id = voice._tenant() AND c.deleted_at IS NULL AND c.started_at >= $1
                      WHERE k.tenant_id = voice._tenant() AND k.call_id >= $2
                      GROUP BY 1, 2) b
                GROUP BY b.name)) s
            ORDER BY 2 DESC, 1$query$
        USING live_since, @extschema@.voice_uuid_at(live_since - interval '24 hours'), first_day, live_from;
        RETURN;
    END IF;
    RETURN QUERY EXECUTE $query$
        SELECT k.name, count(*), count(k.error_text), count(k.error_text)::double precision / count(*),
               percentile_cont(0.5) WITHIN GROUP (ORDER BY k.latency_ms),
               percentile_cont(0.95) WITHIN GROUP (ORDER BY k.latency_ms)
        FROM voice.tool_call k
        JOIN voice.call c ON c.id = k.call_id AND c.id >= $2 AND c.tenant_id = voice._tenant() AND c.deleted_at IS NULL
        WHERE k.tenant_id = voice._tenant() AND k.invoked_at >= $1 AND k.call_id >= $2
        GROUP BY k.name ORDER BY 2 DESC, 1$query$
    USING since, @extschema@.voice_uuid_at(since - interval '48 hours');
END
$$;
COMMENT ON FUNCTION voice_tool_stats(timestamptz, boolean) IS
    'how often each tool was called and failed, and its latency (median and 95th percentile, milliseconds); approximate: from roll-ups, since the start of its day, latencies of the nearest call, within 2.5 % from 1 ms on';
