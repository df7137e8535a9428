-- When an alert would have fired, had it been evaluated each minute: from the same facts and by the same rule as the evaluation.

-- Steps of the sums: the minute, the part (in order of its name), and by how much calls, counts and sums change there. A fact counts
-- from the minute after it was known until its call's start leaves the window.
CREATE FUNCTION voice._alert_steps(
    tenant text, name text, since timestamptz, until timestamptz,
    OUT minute timestamptz, OUT part text, OUT calls bigint, OUT n bigint, OUT hits double precision)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
DECLARE
    a record;
    first timestamptz;
    edges timestamptz[];
BEGIN
    SELECT b.* INTO a FROM voice.alert b WHERE b.tenant_id = tenant AND b.name = _alert_steps.name;
    first := voice._alert_start(since, a."window");
    IF a.metric = 'drift' THEN
        RETURN;
    ELSIF a.metric = 'dead_jobs' THEN
        RETURN QUERY
        SELECT s.minute, '', 0::bigint, s.sign, 0::double precision
        FROM voice.dead_job d
        CROSS JOIN LATERAL (VALUES (voice._minute(d.died_at) + interval '1 minute', 1::bigint),
                                   (voice._minute(d.died_at) + a."window" + interval '1 minute', -1)) s(minute, sign)
        WHERE d.tenant_id = tenant AND d.died_at >= since - a."window" AND d.died_at < until;
        RETURN;
    END IF;
    FOR weeks IN 0 .. CASE WHEN a.metric = 'volume' THEN 4 ELSE 0 END LOOP
        edges := ARRAY(SELECT voice._weeks_before(e, weeks) FROM generate_series(first, until, interval '1 minute') e ORDER BY 1);
        RETURN QUERY
        SELECT s.minute, CASE WHEN a.metric = 'volume' THEN weeks::text ELSE f.part END, s.sign * f.calls, s.sign * f.n, s.sign * f.hits
        FROM voice._alert_facts(ARRAY[a.metric], ARRAY[tenant], ARRAY[edges[1]], edges, edges[cardinality(edges)], edges[cardinality(edges)], true) f
        CROSS JOIN LATERAL (SELECT first + (f.slot - 1) * interval '1 minute' AS started, first + greatest(f.slot, f.known) * interval '1 minute' AS known) t
        CROSS JOIN LATERAL (SELECT a."window" + CASE WHEN a."window" <= interval '1 hour' THEN t.started + interval '1 minute'
                                                     ELSE voice._hour(t.started) + interval '1 hour' END AS gone) g
        CROSS JOIN LATERAL (VALUES (t.known, 1), (g.gone, -1)) s(minute, sign)
        WHERE t.known < g.gone
          AND (a.agent_id IS NULL OR f.agent_id = a.agent_id) AND (a.part IS NULL OR f.part = a.part)
          AND (a.vertical IS NULL OR EXISTS (SELECT 1 FROM voice.agent v WHERE v.id = f.agent_id AND v.tenant_id = tenant AND v.vertical = a.vertical));
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._alert_steps(text, text, timestamptz, timestamptz) IS 'where the sums that an alert is made of change, and by how much';

-- As voice_worker (voice._access_to_functions()): it gives figures of the session's tenant, and reads calls for them.
CREATE FUNCTION voice_alert_history(
    name text, since timestamptz, until timestamptz DEFAULT now(),
    OUT event text, OUT at timestamptz, OUT value double precision, OUT calls bigint, OUT reason text)
RETURNS SETOF record
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
DECLARE
    tenant CONSTANT text := voice._tenant();
    a record;
    step record;
    next record;
    now_is record;
    minute timestamptz;
    is_raised boolean := false;
    known timestamptz;
    place int;
    parts text[] := '{}';
    of_calls bigint[] := '{}';
    of_n bigint[] := '{}';
    of_hits numeric[] := '{}';
    changed boolean := true;
BEGIN
    SELECT b.* INTO a FROM voice.alert b WHERE b.tenant_id = tenant AND b.name = voice_alert_history.name;
    IF NOT FOUND THEN
        PERFORM voice._no_such_alert(name);
    ELSIF since IS NULL OR until IS NULL OR NOT isfinite(since) OR NOT isfinite(until) OR since >= until OR until - since > interval '31 days' THEN
        RAISE EXCEPTION 'a backtest needs a stretch of time'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('since is %s, until %s.', coalesce(since::text, 'NULL'), coalesce(until::text, 'NULL')),
                  HINT = 'since lies before until, which is now where it is left out, by 31 days at most.';
    END IF;
    minute := voice._minute(since);
    until := voice._minute(until);
    FOR step IN
        SELECT s.minute, s.part, sum(s.calls)::bigint AS calls, sum(s.n)::bigint AS n, sum(s.hits::numeric) AS hits
        FROM voice._alert_steps(tenant, name, minute, until) s WHERE s.minute <= until GROUP BY 1, 2
        UNION ALL
        SELECT until + interval '1 minute', NULL, NULL, NULL, NULL
        ORDER BY 1
    LOOP
        WHILE minute < step.minute LOOP
            IF a.metric = 'drift' AND (changed OR minute = voice._hour(minute)) THEN
                SELECT d.value, d.calls INTO now_is FROM voice._alert_drift d
                WHERE d.tenant_id = tenant AND d."window" = a."window" AND d.hour = voice._hour(minute);
                IF NOT FOUND THEN
                    SELECT d.value, d.calls INTO now_is FROM voice._drift_value(tenant, a."window", voice._hour(minute)) d;
                END IF;
            ELSIF changed THEN
                SELECT v.value, v.calls INTO now_is FROM voice._alert_value(a.metric, parts, of_calls, of_n, of_hits::double precision[]) v;
            END IF;
            changed := false;
            next := voice._alert_next(is_raised, known, a.metric, a.op, a.threshold, a."window", a.min_calls, minute, now_is.value, now_is.calls);
            known := next.known;
            IF next.is_raised <> is_raised THEN
                is_raised := next.is_raised;
                event := CASE WHEN is_raised THEN 'alert.raised' ELSE 'alert.cleared' END;
                at := minute;
                value := now_is.value;
                calls := now_is.calls;
                reason := next.reason;
                RETURN NEXT;
            END IF;
            minute := minute + interval '1 minute';
        END LOOP;
        IF step.part IS NOT NULL THEN
            place := array_position(parts, step.part);
            IF place IS NULL THEN
                parts := parts || step.part;
                of_calls := of_calls || 0::bigint;
                of_n := of_n || 0::bigint;
                of_hits := of_hits || 0::numeric;
                place := cardinality(parts);
            END IF;
            of_calls[place] := of_calls[place] + step.calls;
            of_n[place] := of_n[place] + step.n;
            of_hits[place] := of_hits[place] + step.hits;
            changed := true;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice_alert_history(text, timestamptz, timestamptz) IS
    'when an alert of the tenant would have been raised and cleared, had it been evaluated each minute from since on: as the evaluation does, from what is stored now';
