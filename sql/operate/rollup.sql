-- The same day rolled up again is the same row. Nobody marks a day as changed: a fingerprint of what was rolled up is
-- compared with what is there, and that only in months whose counters have moved. Ingest pays nothing for it.

-- Without a setting of its own, so that the planner takes it apart: the worker asks for it with every result.
CREATE FUNCTION voice._zone() RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT CASE WHEN pg_catalog.current_setting('voice_analytics.timezone', true) OPERATOR(pg_catalog.<>) ''
        THEN pg_catalog.current_setting('voice_analytics.timezone', true) ELSE 'UTC' END
$$;
COMMENT ON FUNCTION voice._zone() IS 'the time zone whose days are rolled up';

CREATE FUNCTION voice._yesterday() RETURNS date
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT (now() AT TIME ZONE voice._zone())::date - 1 $$;
COMMENT ON FUNCTION voice._yesterday() IS 'the last day that is over, in the setting voice_analytics.timezone';

-- The plan is made for these very bounds, so that it prunes. A call counts for the day of its start; its id may lie 24
-- hours beside.
CREATE FUNCTION voice._day_fingerprints(first_day date, past_day date, OUT day date, OUT print bigint) RETURNS SETOF record
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    zone CONSTANT text := voice._zone();
    since CONSTANT timestamptz := first_day::timestamp AT TIME ZONE zone;
    until CONSTANT timestamptz := past_day::timestamp AT TIME ZONE zone;
BEGIN
    RETURN QUERY EXECUTE $query$
        SELECT p.day, bit_xor(p.print) FROM (
            SELECT (c.started_at AT TIME ZONE $5)::date,
                   bit_xor(hash_record_extended(ROW(c.id, c.agent_id, c.status, c.started_at, c.duration_ms, a.computed_at, a.transcript_hash), 0)
                           -- Calls without a cost have the fingerprint that they had before there were any.
                           # CASE WHEN c.cost IS NULL THEN 0 ELSE hash_record_extended(ROW(c.id, c.cost, c.cost_currency), 1) END)
            FROM voice.call c
            LEFT JOIN voice.analytics a ON a.call_id = c.id AND a.call_id >= $1 AND a.call_id < $2
            WHERE c.id >= $1 AND c.id < $2 AND c.started_at >= $3 AND c.started_at < $4 AND c.deleted_at IS NULL
            GROUP BY 1
            UNION ALL
            SELECT (r.started_at AT TIME ZONE $5)::date,
                   bit_xor(hash_record_extended(ROW(r.call_id, r.analysis, r.version, r.agent_id, r.computed_at), 0))
            FROM voice.result r
            WHERE r.call_id >= $1 AND r.call_id < $2 AND r.started_at >= $3 AND r.started_at < $4 AND r.deleted_at IS NULL
            GROUP BY 1
        ) p(day, print) GROUP BY 1$query$
    USING @extschema@.voice_uuid_at(since - interval '24 hours'),
          @extschema@.voice_uuid_at(until + interval '24 hours 1 millisecond'), since, until, zone;
END
$$;
COMMENT ON FUNCTION voice._day_fingerprints(date, date) IS 'a fingerprint of each day that has calls';

CREATE FUNCTION voice_rollup(day date DEFAULT voice._yesterday()) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    zone CONSTANT text := voice._zone();
    since CONSTANT timestamptz := day::timestamp AT TIME ZONE zone;
    until CONSTANT timestamptz := (day + 1)::timestamp AT TIME ZONE zone;
    first_id uuid;
    past_id uuid;
    seen bigint;
    made bigint;
BEGIN
    IF day IS NULL OR NOT isfinite(day) THEN
        RAISE EXCEPTION 'a roll-up needs a day'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('day is %s.', coalesce(day::text, 'NULL')),
                  HINT = 'Leave it out: it is yesterday.';
    ELSIF day > voice._yesterday() + 1 THEN
        RAISE NOTICE 'the day % has not begun', day;
        RETURN 0;
    ELSIF since - interval '24 hours' < timestamptz '1970-01-01 00:00:00+00' THEN
        RAISE NOTICE 'there are no calls of %', day;
        RETURN 0;
    END IF;
    -- In the order in which everybody locks them, whatever the plans below open first.
    LOCK TABLE voice.tool_call, voice.turn, voice.call, voice.analytics, voice.result IN ACCESS SHARE MODE;
    -- Two at once would each insert.
    PERFORM pg_advisory_xact_lock(hashtextextended('voice_rollup ' || day, 0));
    IF voice._has_left(day) THEN
        RAISE NOTICE 'the calls of % have left', day USING DETAIL = 'Their roll-up stays as it is.';
        RETURN 0;
    END IF;
    first_id := @extschema@.voice_uuid_at(since - interval '24 hours');
    past_id := @extschema@.voice_uuid_at(until + interval '24 hours 1 millisecond');
    -- First: what changes between the two is then seen the next time.
    SELECT p.print INTO seen FROM voice._day_fingerprints(day, day + 1) p;
    INSERT INTO voice._rolled_day AS r (day, zone, print) VALUES (voice_rollup.day, voice._zone(), seen)
    ON CONFLICT ON CONSTRAINT _rolled_day_pkey DO UPDATE
    SET zone = EXCLUDED.zone, print = EXCLUDED.print, rolled_at = EXCLUDED.rolled_at;
    DELETE FROM voice.daily d WHERE d.day = voice_rollup.day AND NOT voice._came_with(d.tenant_id, d.day);
    PERFORM voice._roll_up_results(day, first_id, past_id, since, until);
    PERFORM voice._roll_up_costs(day, first_id, past_id, since, until);
    PERFORM voice._roll_up_detail(day, first_id, past_id, since, until);
    EXECUTE $query$
        WITH c AS MATERIALIZED (
            SELECT c.id, c.tenant_id, c.agent_id, c.status, c.duration_ms FROM voice.call c
            WHERE c.id >= $1 AND c.id < $2 AND c.started_at >= $3 AND c.started_at < $4 AND c.deleted_at IS NULL
        ), calls AS (
            SELECT c.tenant_id, c.agent_id, count(*) AS calls,
                   count(*) FILTER (WHERE c.status = 'in_progress') AS in_progress,
                   count(*) FILTER (WHERE c.status = 'completed') AS completed,
                   count(*) FILTER (WHERE c.status = 'failed') AS failed,
                   count(*) FILTER (WHERE c.status = 'transferred') AS transferred,
                   coalesce(sum(c.duration_ms) FILTER (WHERE c.status <> 'in_progress'), 0) / 60000.0 AS minutes
            FROM c GROUP BY 1, 2
        ), judged AS (
            SELECT c.tenant_id, c.agent_id, count(*) AS analyzed, sum(a.sentiment ORDER BY a.call_id) AS sentiment_sum,
                   sum(a.lead_score) AS lead_score_sum, count(*) FILTER (WHERE voice._is_hot_lead(a.lead_score, a.intent)) AS hot_leads
            FROM c JOIN voice.analytics a ON a.call_id = c.id AND a.call_id >= $1 AND a.call_id < $2
            GROUP BY 1, 2
        ), tools AS (
            SELECT c.tenant_id, c.agent_id, count(*) AS tool_calls, count(k.error_text) AS tool_errors,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY k.latency_ms) AS p50,
                   percentile_cont(0.95) WITHIN GROUP (ORDER BY k.latency_ms) AS p95
            FROM c JOIN voice.tool_call k ON k.call_id = c.id AND k.call_id >= $1 AND k.call_id < $2
            GROUP BY 1, 2
        ), turns AS (
            SELECT c.tenant_id, c.agent_id, count(*) AS measured,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY t.e2e_latency_ms) AS p50,
                   percentile_cont(0.95) WITHIN GROUP (ORDER BY t.e2e_latency_ms) AS p95
            FROM c JOIN voice.turn t ON t.call_id = c.id AND t.call_id >= $1 AND t.call_id < $2
            WHERE t.e2e_latency_ms IS NOT NULL
            GROUP BY 1, 2
        )
        INSERT INTO voice.daily (tenant_id, day, agent_id, calls, in_progress, completed, failed, transferred, minutes,
            analyzed, sentiment_sum, lead_score_sum, hot_leads, tool_calls, tool_errors, tool_p50_ms, tool_p95_ms,
            turns_measured, e2e_p50_ms, e2e_p95_ms, analyses_passed, analyses_failed)
        SELECT tenant_id, $5, agent_id, n.calls, n.in_progress, n.completed, n.failed, n.transferred, n.minutes,
               coalesce(j.analyzed, 0), coalesce(j.sentiment_sum, 0), coalesce(j.lead_score_sum, 0), coalesce(j.hot_leads, 0),
               coalesce(k.tool_calls, 0), coalesce(k.tool_errors, 0), k.p50, k.p95, coalesce(t.measured, 0), t.p50, t.p95,
               coalesce(s.passed, 0), coalesce(s.failed, 0)
        FROM calls n
        LEFT JOIN judged j USING (tenant_id, agent_id)
        LEFT JOIN tools k USING (tenant_id, agent_id)
        LEFT JOIN turns t USING (tenant_id, agent_id)
        LEFT JOIN (SELECT r.tenant_id, r.agent_id, sum(r.passed) AS passed, sum(r.failed) AS failed
                   FROM voice.daily_result r WHERE r.day = $5 GROUP BY 1, 2) s USING (tenant_id, agent_id)
        ON CONFLICT DO NOTHING$query$
    USING first_id, past_id, since, until, day;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END
$$;
COMMENT ON FUNCTION voice_rollup(date) IS
    'computes a day of voice.daily, voice.daily_result, voice.daily_detail and voice.daily_cost anew (yesterday, when left out), and returns how many rows voice.daily has; a day whose calls have left stays as it is';

-- A month that was dropped took calls of that day with it: computed anew, it would forget them.
CREATE FUNCTION voice._has_left(day date) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    first_id CONSTANT uuid := @extschema@.voice_uuid_at(day::timestamp AT TIME ZONE voice._zone());
    past_id CONSTANT uuid := @extschema@.voice_uuid_at((day + 1)::timestamp AT TIME ZONE voice._zone());
    covered bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM voice._rolled_day r WHERE r.day = _has_left.day) THEN
        RETURN false;
    END IF;
    -- Its first and its last id lie in months that exist: a day is shorter than a month.
    SELECT count(DISTINCT i.id) INTO covered
    FROM (VALUES (first_id), (@extschema@.voice_uuid_at(@extschema@.voice_uuid_time(past_id) - interval '1 millisecond'))) i(id)
    JOIN voice._partitions('call') l ON l.lower <= i.id AND l.upper > i.id;
    RETURN covered < 2 AND NOT EXISTS (SELECT 1 FROM voice.call_default c WHERE c.id >= first_id AND c.id < past_id);
END
$$;
COMMENT ON FUNCTION voice._has_left(date) IS 'whether a day that was rolled up has lost its calls to retention';

-- What the tables of a month have counted; it moves with every row that is written. NULL where nothing is counted.
CREATE FUNCTION voice._write_counters(lower uuid) RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT CASE WHEN current_setting('track_counts')::boolean THEN
        sum(pg_stat_get_tuples_inserted(l.partition) + pg_stat_get_tuples_updated(l.partition) + pg_stat_get_tuples_deleted(l.partition)
            + pg_relation_size(l.partition)) END::bigint
    FROM (VALUES ('call'), ('analytics'), ('result')) f(name) CROSS JOIN LATERAL voice._partitions(f.name) l
    WHERE l.lower = $1
$$;
COMMENT ON FUNCTION voice._write_counters(uuid) IS 'a number that moves when calls, analytics or results of the month that begins there are written';

-- Days that are over and not rolled up as they are now, oldest first; of one month, or of all.
CREATE FUNCTION voice._due_days(from_id uuid DEFAULT NULL, past_id uuid DEFAULT NULL, OUT day date) RETURNS SETOF date
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    zone_now CONSTANT text := voice._zone();
    past_now CONSTANT date := voice._yesterday() + 1;
    month record;
    first_day date;
    past_day date;
    counted bigint;
    due date[];
    all_due date[] := '{}';
BEGIN
    -- As voice_rollup() does: month by month, one's analytics would be held while the next one's calls are waited for.
    LOCK TABLE voice.tool_call, voice.turn, voice.call, voice.analytics, voice.result IN ACCESS SHARE MODE;
    FOR month IN
        SELECT l.lower, l.upper FROM voice._partitions('call') l
        WHERE l.lower IS NOT NULL AND (from_id IS NULL OR l.lower = from_id AND l.upper = past_id)
        UNION ALL
        SELECT NULL, NULL WHERE from_id IS NULL AND EXISTS (SELECT 1 FROM voice.call_default)
        ORDER BY 1
    LOOP
        IF month.lower IS NULL THEN
            SELECT (@extschema@.voice_uuid_time(c.id) AT TIME ZONE zone_now)::date - 1 INTO first_day
            FROM voice.call_default c ORDER BY c.id LIMIT 1;
            SELECT (@extschema@.voice_uuid_time(c.id) AT TIME ZONE zone_now)::date + 2 INTO past_day
            FROM voice.call_default c ORDER BY c.id DESC LIMIT 1;
        ELSE
            first_day := (@extschema@.voice_uuid_time(month.lower) AT TIME ZONE zone_now)::date - 1;
            past_day := (@extschema@.voice_uuid_time(month.upper) AT TIME ZONE zone_now)::date + 2;
        END IF;
        past_day := least(past_day, past_now);
        CONTINUE WHEN first_day >= past_day;
        counted := voice._write_counters(month.lower);
        CONTINUE WHEN EXISTS (SELECT 1 FROM voice._rolled_month m
                              WHERE m.lower = month.lower AND m.zone = zone_now AND m.changes = counted AND m.past = past_day);
        SELECT array_agg(coalesce(p.day, r.day)) INTO due
        FROM voice._day_fingerprints(first_day, past_day) p
        FULL JOIN (SELECT r.* FROM voice._rolled_day r WHERE r.day >= first_day AND r.day < past_day) r ON r.day = p.day
        WHERE (r.print IS DISTINCT FROM p.print OR r.zone <> zone_now) AND NOT voice._has_left(coalesce(p.day, r.day));
        IF due IS NOT NULL THEN
            all_due := all_due || due;
        ELSIF month.lower IS NOT NULL AND counted IS NOT NULL THEN
            INSERT INTO voice._rolled_month AS m (lower, zone, changes, past) VALUES (month.lower, zone_now, counted, past_day)
            ON CONFLICT ON CONSTRAINT _rolled_month_pkey DO UPDATE
            SET zone = EXCLUDED.zone, changes = EXCLUDED.changes, past = EXCLUDED.past;
        END IF;
    END LOOP;
    RETURN QUERY SELECT DISTINCT d FROM unnest(all_due) d ORDER BY 1;
END
$$;
COMMENT ON FUNCTION voice._due_days(uuid, uuid) IS 'days whose roll-up is missing or no longer true, of the month between these ids, or of all';

CREATE FUNCTION voice._roll_up_due(from_id uuid DEFAULT NULL, past_id uuid DEFAULT NULL) RETURNS SETOF date
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    due date;
BEGIN
    FOR due IN SELECT d.day FROM voice._due_days(from_id, past_id) d LOOP
        PERFORM @extschema@.voice_rollup(due);
        RETURN NEXT due;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._roll_up_due(uuid, uuid) IS 'rolls up the days that are due, and gives them';
