-- Values of alerts for one minute. What alerts have in common is read once: facts of a metric for all tenants and windows, sums of an
-- hour for all alerts of a metric.

CREATE FUNCTION voice._alert_is_of_facts(metric text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT $1 NOT IN ('drift', 'dead_jobs') $$;
COMMENT ON FUNCTION voice._alert_is_of_facts(text) IS 'whether the metric is made of voice._alert_facts()';

-- Sums by alert and part; weeks_back: of the same time that many weeks before, of volume only. Long windows take the full hours that are
-- over for an hour from voice._alert_window, and the rest, as short ones do, from the rows.
CREATE FUNCTION voice._alert_sums(at timestamptz, weeks_back int,
    OUT metric text, OUT tenant_id text, OUT name text, OUT part text, OUT calls bigint, OUT n bigint, OUT hits double precision)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
DECLARE
    recent CONSTANT timestamptz := voice._weeks_before(voice._hour(at) - interval '1 hour', weeks_back);
    past CONSTANT timestamptz := voice._weeks_before(at, weeks_back);
    -- Windows, and where each begins.
    windows interval[];
    begins timestamptz[];
    metrics text[];
    tenants text[];
    firsts timestamptz[];
    edges timestamptz[];
BEGIN
    SELECT array_agg(d."window"), array_agg(voice._weeks_before(voice._alert_start(at, d."window"), weeks_back)) INTO windows, begins
    FROM (SELECT DISTINCT a."window" FROM voice.alert a WHERE voice._alert_is_of_facts(a.metric) AND (weeks_back = 0 OR a.metric = 'volume')) d;
    SELECT array_agg(w.metric), array_agg(w.tenant_id), array_agg(w.first) INTO metrics, tenants, firsts
    FROM (SELECT a.metric, a.tenant_id, min(greatest(b.first, recent)) AS first
          FROM voice.alert a JOIN unnest(windows, begins) b("window", first) ON b."window" = a."window"
          WHERE voice._alert_is_of_facts(a.metric) AND (weeks_back = 0 OR a.metric = 'volume') GROUP BY 1, 2) w;
    SELECT array_agg(DISTINCT greatest(b.first, recent) ORDER BY greatest(b.first, recent)) INTO edges FROM unnest(begins) b(first);
    RETURN QUERY
    WITH watched AS MATERIALIZED (
        SELECT a.metric, a.tenant_id, a.name, a.agent_id, a.vertical, a.part, b.first
        FROM voice.alert a JOIN unnest(windows, begins) b("window", first) ON b."window" = a."window"
        WHERE voice._alert_is_of_facts(a.metric) AND (weeks_back = 0 OR a.metric = 'volume')
    ), begun AS (
        SELECT DISTINCT w.metric, w.tenant_id, w.first FROM watched w
    ), fresh AS MATERIALIZED (
        SELECT f.metric, f.tenant_id, f.agent_id, f.part, edges[f.slot] AS edge, f.calls, f.n, f.hits
        FROM voice._alert_facts(metrics, tenants, firsts, edges, past, past, false) f
    ), facts AS (
        SELECT w.metric, w.tenant_id, w.first, f.agent_id, f.part, sum(f.calls) AS calls, sum(f.n) AS n, sum(f.hits) AS hits
        FROM begun w JOIN fresh f ON f.metric = w.metric AND f.tenant_id = w.tenant_id AND f.edge >= w.first GROUP BY 1, 2, 3, 4, 5
        UNION ALL
        SELECT w.metric, w.tenant_id, w.first, s.agent_id, s.part, s.calls, s.n, s.hits
        FROM begun w
        JOIN voice._alert_window s ON s.tenant_id = w.tenant_id AND s.metric = w.metric AND s.first = w.first AND s.past = recent
        WHERE w.first < recent AND s.agent_id <> ''
    )
    SELECT w.metric, w.tenant_id, w.name, f.part, sum(f.calls)::bigint, sum(f.n)::bigint, sum(f.hits)
    FROM watched w
    JOIN facts f ON f.metric = w.metric AND f.tenant_id = w.tenant_id AND f.first = w.first
    WHERE (w.agent_id IS NULL OR f.agent_id = w.agent_id) AND (w.part IS NULL OR f.part = w.part)
      AND (w.vertical IS NULL OR EXISTS (SELECT 1 FROM voice.agent g WHERE g.id = f.agent_id AND g.tenant_id = w.tenant_id AND g.vertical = w.vertical))
    GROUP BY 1, 2, 3, 4;
END
$$;
COMMENT ON FUNCTION voice._alert_sums(timestamptz, int) IS 'sums of facts for each alert, for the minute at, or of volume for the same time weeks before';

-- Hours that are over for an hour, of a window's own time and, of volume, of the four weeks before.
CREATE FUNCTION voice._alert_windows(at timestamptz, OUT tenant_id text, OUT metric text, OUT "window" interval, OUT first timestamptz, OUT past timestamptz)
RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
    WITH long AS MATERIALIZED (
        SELECT DISTINCT b.tenant_id, b.metric, b."window" FROM voice.alert b WHERE b."window" > interval '1 hour' AND voice._alert_is_of_facts(b.metric)
    ), stretch AS MATERIALIZED (
        SELECT w."window", weeks, voice._weeks_before(voice._alert_start(at, w."window"), weeks) AS first,
               voice._weeks_before(voice._hour(at) - interval '1 hour', weeks) AS past
        FROM (SELECT DISTINCT l."window" FROM long l) w CROSS JOIN generate_series(0, 4) weeks
    )
    SELECT l.tenant_id, l.metric, l."window", s.first, s.past
    FROM long l JOIN stretch s ON s."window" = l."window" AND (s.weeks = 0 OR l.metric = 'volume')
$$;
COMMENT ON FUNCTION voice._alert_windows(timestamptz) IS 'stretches of full hours whose sums are needed for alerts with a window of more than an hour';

CREATE FUNCTION voice._alert_values(at timestamptz, OUT tenant_id text, OUT name text, OUT value double precision, OUT calls bigint)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
DECLARE
    weeks_back CONSTANT int := CASE WHEN EXISTS (SELECT 1 FROM voice.alert a WHERE a.metric = 'volume') THEN 4 ELSE 0 END;
BEGIN
    RETURN QUERY
    WITH sums AS (
        SELECT s.metric, s.tenant_id, s.name, CASE WHEN s.metric = 'volume' THEN b.weeks::text ELSE s.part END AS part,
               sum(s.calls)::bigint AS calls, sum(s.n)::bigint AS n, sum(s.hits) AS hits
        FROM generate_series(0, weeks_back) b(weeks) CROSS JOIN LATERAL voice._alert_sums(at, b.weeks) s GROUP BY 1, 2, 3, 4
    ), waiting AS (
        -- Until its hours are summed up nothing is known.
        SELECT DISTINCT w.metric, w.tenant_id, w."window" FROM voice._alert_windows(at) w
        WHERE NOT EXISTS (
            SELECT 1 FROM voice._alert_window s
            WHERE s.tenant_id = w.tenant_id AND s.metric = w.metric AND s.first = w.first AND s.past = w.past AND s.agent_id = '' AND s.part = '')
    )
    SELECT a.tenant_id, a.name, v.value, v.calls
    FROM voice.alert a
    LEFT JOIN (SELECT s.tenant_id, s.name, array_agg(s.part) AS parts, array_agg(s.calls) AS calls, array_agg(s.n) AS n, array_agg(s.hits) AS hits
               FROM sums s GROUP BY 1, 2) s ON s.tenant_id = a.tenant_id AND s.name = a.name
    LEFT JOIN waiting w ON w.metric = a.metric AND w.tenant_id = a.tenant_id AND w."window" = a."window"
    LEFT JOIN LATERAL voice._alert_value(a.metric, s.parts, s.calls, s.n, s.hits) v ON w.tenant_id IS NULL
    WHERE voice._alert_is_of_facts(a.metric);
    RETURN QUERY
    SELECT a.tenant_id, a.name, coalesce(d.dead, 0)::double precision, NULL::bigint
    FROM voice.alert a
    LEFT JOIN (
        SELECT w.tenant_id, w."window", count(*) AS dead
        FROM (SELECT DISTINCT b.tenant_id, b."window" FROM voice.alert b WHERE b.metric = 'dead_jobs') w
        JOIN voice.dead_job d ON d.tenant_id = w.tenant_id AND d.died_at >= at - w."window" AND d.died_at < at
        GROUP BY 1, 2
    ) d ON d.tenant_id = a.tenant_id AND d."window" = a."window"
    WHERE a.metric = 'dead_jobs'
    UNION ALL
    SELECT a.tenant_id, a.name, d.value, d.calls
    FROM voice.alert a
    LEFT JOIN voice._alert_drift d ON d.tenant_id = a.tenant_id AND d."window" = a."window" AND d.hour = voice._hour(at)
    WHERE a.metric = 'drift';
END
$$;
COMMENT ON FUNCTION voice._alert_values(timestamptz) IS 'values of all alerts for the window before a minute, and the calls that they are made of';

CREATE FUNCTION voice._sum_up_alert_hour(hour timestamptz, metrics text[], tenants text[], at timestamptz) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
    DELETE FROM voice._alert_hour h USING unnest($2, $3) p(metric, tenant_id) WHERE h.tenant_id = p.tenant_id AND h.metric = p.metric AND h.hour = $1;
    INSERT INTO voice._alert_hour (tenant_id, metric, hour, agent_id, part, calls, n, hits)
    SELECT f.tenant_id, f.metric, $1, f.agent_id, f.part, f.calls, f.n, f.hits
    FROM voice._alert_facts($2, $3, array_fill($1, ARRAY[cardinality($2)]), ARRAY[$1], $1 + interval '1 hour', $4, false) f;
    INSERT INTO voice._alert_hour_done AS d (tenant_id, metric, hour, computed_at) SELECT p.tenant_id, p.metric, $1, $4 FROM unnest($2, $3) p(metric, tenant_id)
    ON CONFLICT ON CONSTRAINT _alert_hour_done_pkey DO UPDATE SET computed_at = EXCLUDED.computed_at;
$$;
COMMENT ON FUNCTION voice._sum_up_alert_hour(timestamptz, text[], text[], timestamptz) IS 'sums up an hour anew, each metric of the tenant beside it';

-- Groups are few, and the planner does not know it: no sort.
CREATE FUNCTION voice._sum_up_alert_windows(at timestamptz) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, voice, pg_temp SET jit = off SET enable_sort = off
AS $$
    -- One that is complete has a row of nobody.
    DELETE FROM voice._alert_window s USING (
        SELECT k.tenant_id, k.metric, k.first, k.past FROM voice._alert_window k WHERE k.agent_id = ''
        EXCEPT SELECT w.tenant_id, w.metric, w.first, w.past FROM voice._alert_windows(at) w) gone
    WHERE s.tenant_id = gone.tenant_id AND s.metric = gone.metric AND s.first = gone.first AND s.past = gone.past;
    WITH absent AS MATERIALIZED (
        SELECT w.tenant_id, w.metric, w.first, w.past FROM voice._alert_windows(at) w
        EXCEPT SELECT s.tenant_id, s.metric, s.first, s.past FROM voice._alert_window s WHERE s.agent_id = ''
    ), missing AS MATERIALIZED (
        SELECT w.* FROM absent w
        WHERE NOT EXISTS (
            SELECT 1 FROM generate_series(w.first, w.past - interval '1 second', interval '1 hour') h(hour)
            WHERE NOT EXISTS (SELECT 1 FROM voice._alert_hour_done d WHERE d.tenant_id = w.tenant_id AND d.metric = w.metric AND d.hour = voice._hour(h.hour)))
    )
    INSERT INTO voice._alert_window (tenant_id, metric, first, past, agent_id, part, calls, n, hits)
    SELECT w.tenant_id, w.metric, w.first, w.past, h.agent_id, h.part, sum(h.calls), sum(h.n), sum(h.hits)
    FROM missing w JOIN voice._alert_hour h ON h.tenant_id = w.tenant_id AND h.metric = w.metric AND h.hour >= w.first AND h.hour < w.past
    GROUP BY 1, 2, 3, 4, 5, 6
    UNION ALL
    SELECT w.tenant_id, w.metric, w.first, w.past, '', '', 0, 0, 0 FROM missing w;
$$;
COMMENT ON FUNCTION voice._sum_up_alert_windows(timestamptz) IS 'adds up the hours of windows that are complete, and forgets windows that nobody needs any more';

-- Windows stay as they are until the next hour: only then, or when an alert is new, is there one whose hours may be missing. Those are summed
-- up first, the newest before others. Then, one a minute, those that were summed up an hour ago, for a day: calls are still judged, and
-- corrected.
CREATE FUNCTION voice._sum_up_alert_hours(at timestamptz, patience interval) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    -- Stretches that are needed, and of these what is not there yet.
    needed jsonb;
    absent jsonb;
    due record;
    summed int := 0;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM voice.alert a WHERE a."window" > interval '1 hour' AND voice._alert_is_of_facts(a.metric)) THEN
        DELETE FROM voice._alert_hour;
        DELETE FROM voice._alert_hour_done;
        DELETE FROM voice._alert_window;
        RETURN 0;
    END IF;
    LOCK TABLE voice.tool_call, voice.turn, voice.call, voice.analytics, voice.result IN ACCESS SHARE MODE;
    SELECT jsonb_agg(w.*), jsonb_agg(w.*) FILTER (WHERE w.absent) INTO needed, absent
    FROM (SELECT v.tenant_id, v.metric, v.first, v.past, voice._hour(v.first) AS low, NOT EXISTS (
              SELECT 1 FROM voice._alert_window s
              WHERE s.tenant_id = v.tenant_id AND s.metric = v.metric AND s.first = v.first AND s.past = v.past AND s.agent_id = '' AND s.part = '') AS absent
          FROM voice._alert_windows(at) v) w;
    IF absent IS NOT NULL THEN
        DELETE FROM voice._alert_hour h WHERE h.hour < at - interval '37 days';
        DELETE FROM voice._alert_hour_done d WHERE d.hour < at - interval '37 days';
        FOR due IN
            SELECT m.hour, array_agg(m.metric) AS metrics, array_agg(m.tenant_id) AS tenants
            FROM (SELECT DISTINCT w.tenant_id, w.metric, voice._hour(h.hour) AS hour
                  FROM jsonb_to_recordset(absent) w(tenant_id text, metric text, first timestamptz, past timestamptz)
                  CROSS JOIN LATERAL generate_series(w.first, w.past - interval '1 second', interval '1 hour') h(hour)) m
            WHERE NOT EXISTS (SELECT 1 FROM voice._alert_hour_done d WHERE d.tenant_id = m.tenant_id AND d.metric = m.metric AND d.hour = m.hour)
            GROUP BY 1 ORDER BY 1 DESC LIMIT 1000
        LOOP
            EXIT WHEN summed > 0 AND clock_timestamp() - began > patience;
            PERFORM voice._sum_up_alert_hour(due.hour, due.metrics, due.tenants, at);
            summed := summed + 1;
        END LOOP;
        PERFORM voice._sum_up_alert_windows(at);
    END IF;
    IF summed = 0 THEN
        SELECT o.hour, array_agg(o.metric) AS metrics, array_agg(o.tenant_id) AS tenants INTO due
        FROM (SELECT d.hour, d.metric, d.tenant_id, d.computed_at FROM voice._alert_hour_done d
              -- As its index has it.
              WHERE d.computed_at - d.hour < interval '25 hours' AND d.computed_at < at - interval '1 hour'
                AND EXISTS (SELECT 1 FROM jsonb_to_recordset(needed) w(tenant_id text, metric text, low timestamptz, past timestamptz)
                            WHERE w.tenant_id = d.tenant_id AND w.metric = d.metric AND d.hour >= w.low AND d.hour < w.past)) o
        GROUP BY o.hour ORDER BY min(o.computed_at), o.hour LIMIT 1;
        IF FOUND THEN
            PERFORM voice._sum_up_alert_hour(due.hour, due.metrics, due.tenants, at);
            summed := 1;
        END IF;
    END IF;
    RETURN summed;
END
$$;
COMMENT ON FUNCTION voice._sum_up_alert_hours(timestamptz, interval) IS
    'sums up hours for alerts with long windows: those that are missing for as long as patience lasts, else one that may have changed; returns how many';

-- As the tenant: voice_drift() asks for the session's.
CREATE FUNCTION voice._drift_value(tenant text, "window" interval, hour timestamptz, OUT value double precision, OUT calls bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    before CONSTANT text := current_setting('voice_analytics.tenant', true);
BEGIN
    IF voice._tenant() <> tenant THEN
        PERFORM set_config('voice_analytics.tenant', tenant, true);
    END IF;
    -- Of all calls, not by week nor by model.
    SELECT max(d.psi), coalesce(max(d.calls), 0) INTO value, calls
    FROM @extschema@.voice_drift(hour - "window", hour - 5 * "window", hour) d WHERE d.week IS NULL AND d.model IS NULL;
    IF voice._tenant() <> coalesce(before, '') THEN
        PERFORM set_config('voice_analytics.tenant', coalesce(before, ''), true);
    END IF;
END
$$;
COMMENT ON FUNCTION voice._drift_value(text, interval, timestamptz) IS
    'the largest population stability index of a tenant''s calls of a window before the hour against the four windows before it, and the calls';

CREATE FUNCTION voice._measure_alert_drift(at timestamptz) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
DECLARE
    due record;
    measured int := 0;
BEGIN
    FOR due IN
        SELECT DISTINCT a.tenant_id, a."window" FROM voice.alert a
        WHERE a.metric = 'drift'
          AND NOT EXISTS (SELECT 1 FROM voice._alert_drift d WHERE d.tenant_id = a.tenant_id AND d."window" = a."window" AND d.hour = voice._hour(at))
    LOOP
        -- What is wrong with the scores of one tenant is no other's.
        BEGIN
            INSERT INTO voice._alert_drift (tenant_id, "window", hour, value, calls)
            SELECT due.tenant_id, due."window", voice._hour(at), v.value, v.calls FROM voice._drift_value(due.tenant_id, due."window", voice._hour(at)) v;
        EXCEPTION WHEN others THEN
            RAISE WARNING 'drift of tenant "%" cannot be measured: %', due.tenant_id, sqlerrm;
            INSERT INTO voice._alert_drift (tenant_id, "window", hour, value, calls) VALUES (due.tenant_id, due."window", voice._hour(at), NULL, 0);
        END;
        measured := measured + 1;
    END LOOP;
    DELETE FROM voice._alert_drift d WHERE d.hour < at - interval '37 days';
    RETURN measured;
END
$$;
COMMENT ON FUNCTION voice._measure_alert_drift(timestamptz) IS 'measures drift for the alerts that have none of this hour yet; returns how many times';
