-- Alerts on rates: raised and cleared once each, by the evaluation of one minute, whose transaction also queues the deliveries.

-- An alert is cleared when its value is a tenth of the way from the threshold to the best that the metric can be on the right side (0,
-- or 1 of a share, or for what has no upper end the threshold once more): a value about the threshold raises it once.
CREATE FUNCTION voice._alert_next(
    raised boolean, known_at timestamptz, metric text, op text, threshold double precision, "window" interval, min_calls int,
    at timestamptz, value double precision, calls bigint, OUT is_raised boolean, OUT known timestamptz, OUT reason text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    rises CONSTANT boolean := op IN ('>', '>=');
    is_over boolean;
    is_back boolean;
BEGIN
    is_raised := raised;
    known := known_at;
    IF value IS NULL OR coalesce(calls, min_calls) < min_calls THEN
        -- Nobody can say that it is better: it stays, but not for ever.
        IF raised AND at >= coalesce(known_at, '-infinity') + greatest("window", interval '1 hour') THEN
            is_raised := false;
            reason := 'too few calls';
        END IF;
        RETURN;
    END IF;
    known := at;
    is_over := CASE op WHEN '<' THEN value < threshold WHEN '<=' THEN value <= threshold WHEN '>' THEN value > threshold ELSE value >= threshold END;
    is_back := NOT is_over AND CASE
        WHEN rises THEN value <= 0.9 * threshold
        WHEN metric ~ '_(rate|share)$' THEN value >= threshold + 0.1 * (1 - threshold)
        ELSE value >= 1.1 * threshold END;
    IF is_over AND NOT raised THEN
        is_raised := true;
        reason := 'past the threshold';
    ELSIF is_back AND raised THEN
        is_raised := false;
        reason := 'back';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._alert_next(boolean, timestamptz, text, text, double precision, interval, int, timestamptz, double precision, bigint) IS
    'what an alert becomes with the value of a minute: the evaluation''s and the backtest''s one rule; reason NULL: it stays as it is';

-- The job carries the event's id in the place of a call's.
CREATE FUNCTION voice._tell_alert(event uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    UPDATE voice.alert_event e SET told_at = now() WHERE e.id = _tell_alert.event;
    INSERT INTO voice.job (tenant_id, kind, call_id, webhook_id, event)
    SELECT e.tenant_id, 'deliver', e.id, w.id, e.event
    FROM voice.alert_event e JOIN voice.webhook w ON w.tenant_id = e.tenant_id AND w.enabled AND e.event = ANY (w.events)
    WHERE e.id = _tell_alert.event;
    PERFORM voice._wake();
END
$$;
COMMENT ON FUNCTION voice._tell_alert(uuid) IS 'queues the deliveries of an event of an alert to the webhooks that want it';

CREATE FUNCTION voice._alert_event(
    tenant text, name text, event text, at timestamptz, raised_at timestamptz, reason text, value double precision, calls bigint) RETURNS uuid
LANGUAGE sql SET search_path = pg_catalog, voice, pg_temp
AS $$
    INSERT INTO voice.alert_event (id, tenant_id, alert, event, at, raised_at, reason, value, calls, metric, op, threshold, "window", agent_id, vertical, part)
    SELECT @extschema@.voice_uuidv7(), a.tenant_id, a.name, $3, $4, $5, $6, $7, $8, a.metric, a.op, a.threshold, a."window", a.agent_id, a.vertical, a.part
    FROM voice.alert a WHERE a.tenant_id = $1 AND a.name = $2
    RETURNING id
$$;
COMMENT ON FUNCTION voice._alert_event(text, text, text, timestamptz, timestamptz, text, double precision, bigint) IS 'writes that an alert was raised or cleared';

-- What was raised in silence is told when the silence ends, if it is still raised; what was told as raised is told as cleared.
CREATE FUNCTION voice._evaluate_alerts(at timestamptz DEFAULT voice._minute(now())) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
DECLARE
    a record;
    next record;
    news uuid;
    events int := 0;
    -- What becomes of each, for one UPDATE of all.
    tenants text[] := '{}';
    names text[] := '{}';
    known timestamptz[] := '{}';
    new_values double precision[] := '{}';
    new_calls bigint[] := '{}';
    event_ids uuid[] := '{}';
BEGIN
    IF NOT EXISTS (SELECT 1 FROM voice.alert) THEN
        RETURN 0;
    END IF;
    LOCK TABLE voice.tool_call, voice.turn, voice.call, voice.analytics, voice.result IN ACCESS SHARE MODE;
    FOR a IN
        SELECT b.*, v.value AS new_value, v.calls AS new_calls
        FROM voice._alert_values(at) v JOIN voice.alert b ON b.tenant_id = v.tenant_id AND b.name = v.name
        WHERE b.evaluated_at < at OR b.evaluated_at IS NULL
        ORDER BY b.tenant_id, b.name
        FOR NO KEY UPDATE OF b
    LOOP
        next := voice._alert_next(a.raised_at IS NOT NULL, a.known_at, a.metric, a.op, a.threshold, a."window", a.min_calls, at, a.new_value, a.new_calls);
        news := a.event_id;
        IF next.is_raised AND a.event_id IS NULL THEN
            news := voice._alert_event(a.tenant_id, a.name, 'alert.raised', at, at, next.reason, a.new_value, a.new_calls);
            events := events + 1;
        ELSIF NOT next.is_raised AND a.event_id IS NOT NULL THEN
            news := voice._alert_event(a.tenant_id, a.name, 'alert.cleared', at, a.raised_at, next.reason, a.new_value, a.new_calls);
            events := events + 1;
            IF EXISTS (SELECT 1 FROM voice.alert_event e WHERE e.id = a.event_id AND e.told_at IS NOT NULL) THEN
                PERFORM voice._tell_alert(news);
            END IF;
            news := NULL;
        END IF;
        IF news IS NOT NULL AND coalesce(a.silenced_until <= at, true)
           AND EXISTS (SELECT 1 FROM voice.alert_event e WHERE e.id = news AND e.told_at IS NULL) THEN
            PERFORM voice._tell_alert(news);
        END IF;
        tenants := tenants || a.tenant_id::text;
        names := names || a.name::text;
        known := known || next.known::timestamptz;
        new_values := new_values || a.new_value::double precision;
        new_calls := new_calls || a.new_calls::bigint;
        event_ids := event_ids || news;
    END LOOP;
    UPDATE voice.alert b
    SET evaluated_at = at, known_at = u.known, value = u.value, calls = u.calls, event_id = u.event_id,
        raised_at = CASE WHEN u.event_id IS NULL THEN NULL ELSE coalesce(b.raised_at, at) END
    FROM unnest(tenants, names, known, new_values, new_calls, event_ids) u(tenant_id, name, known, value, calls, event_id)
    WHERE b.tenant_id = u.tenant_id AND b.name = u.name;
    RETURN events;
END
$$;
COMMENT ON FUNCTION voice._evaluate_alerts(timestamptz) IS
    'evaluates all alerts for a minute, writes what was raised and cleared and queues its deliveries; a minute that was evaluated already changes nothing; returns how many events there were';

-- What the worker asks before it has anything evaluated; a statement of its own, for in half a restore there is no such table.
CREATE FUNCTION voice._has_alerts() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.alert') IS NULL THEN
        RETURN false;
    END IF;
    RETURN EXISTS (SELECT 1 FROM voice.alert);
END
$$;
COMMENT ON FUNCTION voice._has_alerts() IS 'whether there is an alert to evaluate';

CREATE FUNCTION voice._no_such_alert(name text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'there is no such alert'
        USING ERRCODE = 'no_data_found', DETAIL = format('%s is not among those of tenant "%s".', coalesce(quote_literal(left(name, 100)), 'NULL'), voice._tenant()),
              HINT = 'SELECT name FROM voice_alerts() lists them; the setting voice_analytics.tenant says whose are seen.';
END
$$;
COMMENT ON FUNCTION voice._no_such_alert(text) IS 'raises the error for an alert that does not exist';

CREATE FUNCTION voice._check_alert(
    name text, metric text, op text, threshold double precision, "window" interval, scope jsonb, min_calls int) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    metrics CONSTANT text := 'success_rate, negative_share, tool_failure_rate, e2e_p95_ms, transfer_share, volume, cost, drift, dead_jobs';
    tenant CONSTANT text := voice._tenant();
    seconds CONSTANT numeric := extract(epoch FROM "window");
    taken text;
    wrong text;
    hint text;
BEGIN
    SELECT a.name INTO taken FROM voice.alert a WHERE a.tenant_id = tenant AND lower(a.name) = lower(_check_alert.name);
    IF taken IS NOT NULL THEN
        RAISE EXCEPTION 'there is such an alert already'
            USING ERRCODE = 'unique_violation', DETAIL = format('Its name is %L; names that differ in case only are one.', taken),
                  HINT = format('SELECT voice_remove_alert(%L) first, or choose another name.', taken);
    END IF;
    CASE
    WHEN name IS NULL OR name !~ '\S' OR char_length(name) > 100 OR name ~ '[[:cntrl:]]' THEN
        wrong := format('name is %s.', coalesce(quote_literal(left(name, 120)), 'NULL'));
        hint := 'A name has 1 to 100 characters, and no line break.';
    WHEN metric IS NULL OR NOT metric = ANY (string_to_array(metrics, ', ')) THEN
        wrong := format('metric is %s.', coalesce(quote_literal(left(metric, 120)), 'NULL'));
        hint := format('The metrics are %s.', metrics);
    WHEN op IS NULL OR op NOT IN ('<', '<=', '>', '>=') THEN
        wrong := format('op is %s.', coalesce(quote_literal(left(op, 120)), 'NULL'));
        hint := 'It says on which side of the threshold the value is bad: <, <=, > or >=.';
    WHEN threshold IS NULL OR NOT (threshold >= 0 AND threshold < 'infinity') THEN
        wrong := format('threshold is %s.', coalesce(threshold::text, 'NULL'));
        hint := 'It is a number of 0 or more, in the unit of the metric.';
    WHEN metric ~ '_(rate|share)$' AND threshold > 1 THEN
        wrong := format('threshold is %s.', threshold);
        hint := format('%s is a share of 1: 0.8, not 80.', metric);
    WHEN "window" IS NULL OR seconds NOT BETWEEN 60 AND 604800 OR seconds % 60 <> 0 OR extract(month FROM "window") <> 0 THEN
        wrong := format('window is %s.', coalesce("window"::text, 'NULL'));
        hint := 'It is a number of full minutes, from 1 minute to 7 days.';
    WHEN metric = 'drift' AND seconds < 3600 THEN
        wrong := format('window is %s.', "window");
        hint := 'Drift is measured once an hour: of a window of 1 hour to 7 days against the four before it.';
    WHEN min_calls IS NULL OR min_calls NOT BETWEEN 0 AND 1000000 THEN
        wrong := format('min_calls is %s.', coalesce(min_calls::text, 'NULL'));
        hint := 'It is 0 to 1000000: on fewer calls the alert is not raised.';
    WHEN scope IS NULL OR jsonb_typeof(scope) <> 'object' OR EXISTS (
            SELECT 1 FROM jsonb_each(scope) s
            WHERE jsonb_typeof(s.value) <> 'string' OR s.value = '""'
               OR NOT (s.key IN ('agent_id', 'vertical') AND voice._alert_is_of_facts(metric) OR s.key = 'analysis' AND metric = 'success_rate'
                       OR s.key = 'currency' AND metric = 'cost'))
    THEN
        wrong := format('scope is %s.', coalesce(left(scope::text, 200), 'NULL'));
        hint := CASE WHEN NOT voice._alert_is_of_facts(metric) THEN format('%s is of all calls of the tenant: leave the scope out.', metric)
                     ELSE '{"agent_id": "…", "vertical": "…"}, of success_rate "analysis" too, of cost "currency" too; what is left out restricts nothing.' END;
    WHEN scope->>'currency' !~ '^[A-Za-z]{3}$' THEN
        wrong := format('The currency is %L.', left(scope->>'currency', 120));
        hint := 'It is three letters, as ISO 4217 writes it: USD.';
    WHEN scope ? 'agent_id' AND NOT EXISTS (SELECT 1 FROM voice.agent g WHERE g.id = scope->>'agent_id' AND g.tenant_id = tenant) THEN
        wrong := format('There is no agent %L of tenant "%s".', left(scope->>'agent_id', 120), tenant);
        hint := 'SELECT id FROM voice.agent lists them.';
    WHEN (SELECT count(*) FROM voice.alert a WHERE a.tenant_id = tenant) >= 200 THEN
        wrong := format('Tenant "%s" has 200 alerts, which is as many as one may have.', tenant);
        hint := 'SELECT voice_remove_alert(name) removes one.';
    ELSE
        NULL;
    END CASE;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'this is no alert' USING ERRCODE = 'invalid_parameter_value', DETAIL = wrong, HINT = hint;
    END IF;
    IF scope ? 'analysis' THEN
        PERFORM voice._no_such_analysis(scope->>'analysis');
    END IF;
END
$$;
COMMENT ON FUNCTION voice._check_alert(text, text, text, double precision, interval, jsonb, int) IS 'raises the error for what is no alert';

-- As voice_worker, like the three below (voice._access_to_functions()): nobody else writes alerts.
CREATE FUNCTION voice_add_alert(
    name text, metric text, op text, threshold double precision, "window" interval DEFAULT '1 hour', scope jsonb DEFAULT '{}', min_calls int DEFAULT 20)
RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    PERFORM voice._check_alert(name, metric, op, threshold, "window", scope, min_calls);
    INSERT INTO voice.alert (tenant_id, name, metric, op, threshold, "window", agent_id, vertical, part, min_calls)
    VALUES (voice._tenant(), name, metric, op, threshold, make_interval(secs => extract(epoch FROM "window")::double precision), scope->>'agent_id', scope->>'vertical',
            CASE metric WHEN 'success_rate' THEN scope->>'analysis' WHEN 'cost' THEN upper(coalesce(scope->>'currency', 'USD')) END, min_calls);
    RETURN true;
END
$$;
COMMENT ON FUNCTION voice_add_alert(text, text, text, double precision, interval, jsonb, int) IS
    'has a rate of the tenant''s calls looked at every minute: raised where the value of the metric over the window is on the wrong side of the threshold, and made of at least min_calls calls; true, or an error';

CREATE FUNCTION voice_remove_alert(name text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    a record;
BEGIN
    SELECT b.* INTO a FROM voice.alert b WHERE b.tenant_id = voice._tenant() AND b.name = voice_remove_alert.name FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM voice._no_such_alert(name);
    END IF;
    -- Whoever was told that it is raised is told that it is over.
    IF a.event_id IS NOT NULL THEN
        DECLARE
            event CONSTANT uuid := voice._alert_event(a.tenant_id, a.name, 'alert.cleared', voice._minute(now()), a.raised_at, 'removed', a.value, a.calls);
        BEGIN
            IF EXISTS (SELECT 1 FROM voice.alert_event e WHERE e.id = a.event_id AND e.told_at IS NOT NULL) THEN
                PERFORM voice._tell_alert(event);
            END IF;
        END;
    END IF;
    DELETE FROM voice.alert b WHERE b.tenant_id = a.tenant_id AND b.name = a.name;
    RETURN true;
END
$$;
COMMENT ON FUNCTION voice_remove_alert(text) IS 'removes an alert, and clears it where it is raised; what it was stays in voice.alert_event; true, or an error';

CREATE FUNCTION voice_silence_alert(name text, until timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    UPDATE voice.alert a SET silenced_until = CASE WHEN until > now() THEN until END
    WHERE a.tenant_id = voice._tenant() AND a.name = voice_silence_alert.name;
    IF NOT FOUND THEN
        PERFORM voice._no_such_alert(name);
    END IF;
    RETURN coalesce(until > now(), false);
END
$$;
COMMENT ON FUNCTION voice_silence_alert(text, timestamptz) IS
    'nobody is told of the alert until then; a time that has passed, or NULL, ends a silence; returns whether it is silenced now';

CREATE FUNCTION voice_alerts(
    OUT name text, OUT state text, OUT value double precision, OUT calls bigint, OUT metric text, OUT op text, OUT threshold double precision,
    OUT window_s int, OUT scope jsonb, OUT min_calls int, OUT raised_at timestamptz, OUT silenced_until timestamptz, OUT evaluated_at timestamptz)
RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT a.name, CASE WHEN a.raised_at IS NOT NULL THEN 'raised' WHEN a.known_at = a.evaluated_at THEN 'ok' ELSE 'unknown' END,
           a.value, a.calls, a.metric, a.op, a.threshold, extract(epoch FROM a."window")::int,
           jsonb_strip_nulls(jsonb_build_object('agent_id', a.agent_id, 'vertical', a.vertical,
                             CASE a.metric WHEN 'cost' THEN 'currency' ELSE 'analysis' END, a.part)),
           a.min_calls, a.raised_at, CASE WHEN a.silenced_until > now() THEN a.silenced_until END, a.evaluated_at
    FROM voice.alert a WHERE a.tenant_id = voice._tenant() ORDER BY a.name
$$;
COMMENT ON FUNCTION voice_alerts() IS
    'the tenant''s alerts and their last values; window_s: seconds; state: raised, ok, or unknown (not evaluated yet, fewer than min_calls calls, or hours still to be summed up)';
