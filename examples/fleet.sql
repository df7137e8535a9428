-- Figures over all servers (cells) that tenants are spread over: roll-ups, scorecards, costs and metrics, read by postgres_fdw. Run it
-- as superuser in a database of its own, which needs no voice_analytics:
--     createdb fleet && psql -d fleet -f fleet.sql
-- Then, for each server:
--     CALL fleet.add('eu-1', 'host=eu-1 dbname=voice', 'fleet', 'password');
-- The role must see the roll-ups of all tenants there, and nothing that was said:
--     CREATE ROLE fleet LOGIN BYPASSRLS PASSWORD '…'; SELECT voice_grant('fleet', 'analyst'); GRANT pg_monitor TO fleet;
-- These are figures of days, a few rows a tenant and agent: nothing is pushed down that would be worth it, and nothing needs to be.
-- Between the copy of a tenant and its switch the new server's roll-ups may have its past days as well: the views count a tenant's day
-- once, by the row with more calls. Calls of no tenant do not move: of_cell tells those of one server from another's.

CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE SCHEMA fleet;
CREATE TABLE fleet.cell (
    name text PRIMARY KEY CHECK (name ~ '^[a-z0-9_-]{1,40}$'),
    added_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE fleet.cell IS 'the servers: fleet.add(), fleet.remove()';

-- What is read of each server. Of metrics the server's own queue and worker are told.
CREATE FUNCTION fleet.tables() RETURNS text[] LANGUAGE sql IMMUTABLE
AS $$ SELECT '{daily,daily_detail,daily_result,daily_cost,daily_usage,metrics}'::text[] $$;

-- The views again, over all servers that there are.
CREATE PROCEDURE fleet.refresh() LANGUAGE plpgsql
AS $$
DECLARE
    relation text;
    parts text;
BEGIN
    FOREACH relation IN ARRAY fleet.tables() LOOP
        SELECT string_agg(format('SELECT %L::text AS cell, %s AS of_cell, r.* FROM %I.%I r', c.name,
                                 CASE WHEN relation = 'metrics' THEN quote_literal(c.name) ELSE format('CASE r.tenant_id WHEN '''' THEN %L ELSE '''' END', c.name) END,
                                 'cell ' || c.name, relation), ' UNION ALL ' ORDER BY c.name)
        INTO parts FROM fleet.cell c;
        EXECUTE format('DROP VIEW IF EXISTS fleet.%I CASCADE', relation);
        IF parts IS NOT NULL THEN
            EXECUTE format('CREATE VIEW fleet.%I AS %s', relation, parts);
        END IF;
    END LOOP;
    IF parts IS NULL THEN
        RETURN;
    END IF;
    CREATE VIEW fleet.figure AS
        SELECT DISTINCT ON (tenant_id, of_cell, day, agent_id) * FROM fleet.daily ORDER BY tenant_id, of_cell, day, agent_id, calls DESC, computed_at DESC;
    CREATE VIEW fleet.tenant AS
        SELECT d.tenant_id, (array_agg(d.cell ORDER BY d.day DESC, d.computed_at DESC))[1] AS cell, sum(d.calls) AS calls, sum(d.minutes) AS minutes,
               sum(d.calls) FILTER (WHERE d.day > current_date - 30) AS calls_30_days, count(DISTINCT d.cell) > 1 AS is_on_two_cells
        FROM fleet.figure d
        GROUP BY 1;
    CREATE VIEW fleet.day AS
        SELECT d.day, count(DISTINCT d.cell) AS cells, count(DISTINCT d.tenant_id) AS tenants, sum(d.calls) AS calls, sum(d.minutes) AS minutes,
               sum(d.analyzed) AS analyzed, sum(d.failed) AS failed, sum(d.hot_leads) AS hot_leads,
               sum(d.sentiment_sum) / nullif(sum(d.analyzed), 0) AS avg_sentiment,
               sum(d.tool_errors)::float8 / nullif(sum(d.tool_calls), 0) AS tool_error_share
        FROM fleet.figure d
        GROUP BY 1;
    CREATE VIEW fleet.scorecard AS
        SELECT r.tenant_id, r.analysis, r.day, sum(r.calls) AS calls, sum(r.passed)::float8 / nullif(sum(r.passed + r.failed), 0) AS success_rate,
               sum(r.score_sum)::float8 / nullif(sum(r.scored), 0) AS mean_score
        FROM (SELECT DISTINCT ON (tenant_id, of_cell, day, agent_id, vertical, analysis, version) * FROM fleet.daily_result
              ORDER BY tenant_id, of_cell, day, agent_id, vertical, analysis, version, calls DESC, computed_at DESC) r
        GROUP BY 1, 2, 3;
    CREATE VIEW fleet.call_cost AS
        SELECT k.tenant_id, k.day, k.currency, sum(k.calls) AS calls, sum(k.minutes) AS minutes, sum(k.cost) AS cost
        FROM (SELECT DISTINCT ON (tenant_id, of_cell, day, agent_id, currency) * FROM fleet.daily_cost
              ORDER BY tenant_id, of_cell, day, agent_id, currency, calls DESC, computed_at DESC) k
        GROUP BY 1, 2, 3;
    -- Tokens are booked where they were spent, and go with their tenant: at the switch one of the two servers has them.
    CREATE VIEW fleet.tokens AS
        SELECT u.tenant_id, u.day, u.model, sum(u.requests) AS requests, sum(u.prompt_tokens) AS prompt_tokens, sum(u.completion_tokens) AS completion_tokens
        FROM (SELECT DISTINCT ON (tenant_id, of_cell, day, agent_id, model, analysis) * FROM fleet.daily_usage
              ORDER BY tenant_id, of_cell, day, agent_id, model, analysis, requests DESC) u
        GROUP BY 1, 2, 3;
END
$$;

-- connection: host, port and dbname, as libpq writes them; words of it become options of the server.
CREATE PROCEDURE fleet.add(name text, connection text, role text, password text DEFAULT NULL) LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO fleet.cell (name) VALUES (name);
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER postgres_fdw OPTIONS (%s, fetch_size ''10000'', use_remote_estimate ''false'')', 'cell ' || name,
                   (SELECT string_agg(format('%I %L', m[1], m[2]), ', ') FROM regexp_matches(connection, '(\w+)=(\S+)', 'g') m));
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (user %L%s)', 'cell ' || name, role,
                   CASE WHEN password IS NOT NULL THEN format(', password %L', password) END);
    EXECUTE format('CREATE SCHEMA %I', 'cell ' || name);
    EXECUTE format('IMPORT FOREIGN SCHEMA voice LIMIT TO (%s) FROM SERVER %I INTO %2$I', array_to_string(fleet.tables(), ', '), 'cell ' || name);
    CALL fleet.refresh();
END
$$;

CREATE PROCEDURE fleet.remove(name text) LANGUAGE plpgsql
AS $$
BEGIN
    DELETE FROM fleet.cell c WHERE c.name = remove.name;
    CALL fleet.refresh();
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', 'cell ' || name);
    EXECUTE format('DROP SERVER IF EXISTS %I CASCADE', 'cell ' || name);
END
$$;

-- What voice_report() shows of one tenant's calls, of all tenants on all servers: days that are over, the week (or weeks) before behind
-- them, tenants, intents, hours, latencies, what calls cost, and the servers with their queues. Of no call, and nobody's words.
-- zone: that of the servers' setting voice_analytics.timezone, whose days these are.
CREATE FUNCTION fleet.report_data(since date DEFAULT current_date - 7, zone text DEFAULT current_setting('timezone')) RETURNS jsonb LANGUAGE plpgsql STABLE
AS $$
DECLARE
    today CONSTANT date := (now() AT TIME ZONE zone)::date;
    shift int;
    data jsonb;
BEGIN
    IF since IS NULL OR since >= today OR since < today - 400 THEN
        RAISE EXCEPTION 'a report needs a day of the last 400 that is over'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('since is %s.', coalesce(since::text, 'NULL')),
                  HINT = 'fleet.report_data(current_date - 7)';
    ELSIF NOT EXISTS (SELECT 1 FROM fleet.cell) THEN
        RAISE EXCEPTION 'there are no cells'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'fleet.cell is empty.', HINT = 'CALL fleet.add(name, connection, role, password) adds one.';
    ELSIF to_regprocedure('voice._bucket_ms(int)') IS NULL THEN
        RAISE EXCEPTION 'the report is made by voice_analytics'
            USING ERRCODE = 'undefined_function', DETAIL = 'This database does not have the extension.',
                  HINT = 'CREATE EXTENSION voice_analytics here as well, on a server that has its library: it needs no call and no worker.';
    END IF;
    shift := 7 * greatest(1, ceil((today - since) / 7.0)::int);
    WITH figure AS MATERIALIZED (
        SELECT f.* FROM fleet.figure f WHERE f.day >= since - shift AND f.day < today
    ), summed AS MATERIALIZED (
        SELECT CASE WHEN grouping(f.day) = 0 THEN f.day END AS day, f.tenant_id, grouping(f.day) = 0 AS is_day, sum(f.calls) AS calls, sum(f.in_progress) AS in_progress,
               sum(f.completed) AS completed, sum(f.failed) AS failed, sum(f.transferred) AS transferred, sum(f.minutes) AS minutes, sum(f.analyzed) AS analyzed,
               sum(f.sentiment_sum) / nullif(sum(f.analyzed), 0) AS sentiment, sum(f.lead_score_sum)::float8 / nullif(sum(f.analyzed), 0) AS lead_score,
               sum(f.hot_leads) AS hot_leads, sum(f.analyses_passed) AS passed, sum(f.analyses_failed) AS not_passed, (array_agg(f.cell ORDER BY f.day DESC))[1] AS cell
        FROM figure f GROUP BY GROUPING SETS ((f.day), (f.tenant_id, f.day >= since)) HAVING grouping(f.day) = 0 OR f.day >= since
    ), detail AS MATERIALIZED (
        SELECT DISTINCT ON (d.tenant_id, d.of_cell, d.day) d.day, d.hours, d.intents, d.latencies
        FROM fleet.daily_detail d WHERE d.agent_id = '' AND d.day >= since - shift AND d.day < today
        ORDER BY d.tenant_id, d.of_cell, d.day,
                 (SELECT sum(h.value::bigint) FROM jsonb_each_text(d.hours) h) DESC NULLS LAST, d.computed_at DESC
    ), bucket AS (
        SELECT l.stage, b.key::int AS bucket, d.day < since AS before, sum(b.value::bigint)::bigint AS n
        FROM detail d CROSS JOIN (VALUES ('transcription'), ('first_token'), ('first_byte'), ('end_to_end')) l(stage)
        CROSS JOIN LATERAL jsonb_each_text(d.latencies->l.stage) b GROUP BY 1, 2, 3
    ), stage AS (
        SELECT b.stage, b.before, max(b.total) AS turns, voice._bucket_ms(min(b.bucket) FILTER (WHERE b.up_to >= 0.5 * b.total)) AS p50,
               voice._bucket_ms(min(b.bucket) FILTER (WHERE b.up_to >= 0.95 * b.total)) AS p95
        FROM (SELECT b.*, sum(b.n) OVER (PARTITION BY b.before, b.stage ORDER BY b.bucket) AS up_to, sum(b.n) OVER (PARTITION BY b.before, b.stage) AS total FROM bucket b) b
        GROUP BY 1, 2
    ), cost AS (
        SELECT k.currency, sum(k.calls) AS calls_with_cost, sum(k.cost) AS call_cost, sum(k.cost)::float8 / nullif(sum(k.minutes), 0) AS call_cost_per_minute
        FROM fleet.call_cost k WHERE k.day >= since AND k.day < today GROUP BY 1
    )
    SELECT jsonb_build_object('by', 'tenant', 'zone', zone, 'today', today, 'shift_days', shift,
        'period', concat_ws(' to ', to_char(since, 'FMDD Mon YYYY'), CASE WHEN since < today - 1 THEN to_char(today - 1, 'FMDD Mon YYYY') END),
        'as_of', to_char(now() AT TIME ZONE zone, 'Dy FMDD Mon YYYY, HH24:MI'),
        'days', (SELECT jsonb_agg(jsonb_build_object('day', d.day, 'label', to_char(d.day, 'Dy FMDD Mon'), 'before', to_jsonb(b)) || coalesce(to_jsonb(f), '{}') ORDER BY d.day)
                 FROM (SELECT since + n AS day FROM generate_series(0, today - 1 - since) n) d
                 LEFT JOIN summed f ON f.is_day AND f.day = d.day LEFT JOIN summed b ON b.is_day AND b.day = d.day - shift),
        'agents', (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.calls DESC, t.agent_id), '[]')
                   FROM (SELECT coalesce(nullif(s.tenant_id, ''), '(no tenant)') AS agent_id, s.cell AS vertical, s.*
                         FROM summed s WHERE NOT s.is_day ORDER BY s.calls DESC, s.tenant_id LIMIT 50) t),
        'latencies', (SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY s.stage, s.before), '[]') FROM stage s),
        'intents', (SELECT coalesce(jsonb_agg(to_jsonb(i) ORDER BY i.calls DESC, i.intent), '[]') FROM (
            SELECT e.key AS intent, coalesce(sum(e.value::bigint) FILTER (WHERE d.day >= since), 0) AS calls, coalesce(sum(e.value::bigint) FILTER (WHERE d.day < since), 0) AS before
            FROM detail d CROSS JOIN LATERAL jsonb_each_text(d.intents) e GROUP BY 1) i),
        'hours', (SELECT coalesce(jsonb_agg(jsonb_build_array(h.dow, h.hour, h.calls) ORDER BY h.dow, h.hour), '[]') FROM (
            SELECT extract(isodow FROM d.day)::int AS dow, e.key::int AS hour, sum(e.value::bigint) AS calls
            FROM detail d CROSS JOIN LATERAL jsonb_each_text(d.hours) e WHERE d.day >= since GROUP BY 1, 2) h),
        'cost', jsonb_build_object('currencies', (SELECT coalesce(jsonb_agg(to_jsonb(k) ORDER BY k.call_cost DESC, k.currency), '[]') FROM cost k)),
        'cells', (SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.name), '[]') FROM (
            SELECT c.name, count(DISTINCT f.tenant_id) AS tenants, coalesce(sum(f.calls), 0) AS calls, m.worker_up = 1 AS worker_up, m.live_queued + m.backfill_queued AS queued,
                   m.running, m.dead, greatest(m.live_wait_seconds, m.backfill_wait_seconds) * 1000 AS wait_ms, m.analysis_p95_seconds * 1000 AS p95_ms
            FROM fleet.cell c LEFT JOIN figure f ON f.cell = c.name AND f.day >= since LEFT JOIN fleet.metrics m ON m.cell = c.name
            GROUP BY c.name, m.worker_up, m.live_queued, m.backfill_queued, m.running, m.dead, m.live_wait_seconds, m.backfill_wait_seconds, m.analysis_p95_seconds) c),
        'left_out', '[]'::jsonb)
    INTO data;
    RETURN data;
END
$$;

-- The page of it, as voice_report() draws one: SELECT fleet.report() \g page.html
CREATE FUNCTION fleet.report(since date DEFAULT current_date - 7, zone text DEFAULT current_setting('timezone')) RETURNS text LANGUAGE plpgsql STABLE
AS $$
DECLARE
    data CONSTANT jsonb := fleet.report_data(since, zone);
BEGIN
    RETURN voice._report_page(data);
END
$$;
