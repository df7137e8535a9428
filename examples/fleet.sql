-- Figures over all servers (cells) that tenants are spread over: roll-ups, scorecards, costs and metrics, read by postgres_fdw. Run it
-- as superuser in a database of its own, which needs no voice_analytics:
--     createdb fleet && psql -d fleet -f fleet.sql
-- Then, for each server:
--     CALL fleet.add('eu-1', 'host=eu-1 dbname=voice', 'fleet', 'password');
-- The role must see the roll-ups of all tenants there, and nothing that was said:
--     CREATE ROLE fleet LOGIN BYPASSRLS PASSWORD '…'; SELECT voice_grant('fleet', 'analyst'); GRANT pg_monitor TO fleet;
-- These are figures of days, a few rows a tenant and agent: nothing is pushed down that would be worth it, and nothing needs to be.
-- Between the copy of a tenant and its switch the new server's roll-ups may have its past days as well: the views count a tenant's day
-- once, by the row with more calls.

CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE SCHEMA fleet;
CREATE TABLE fleet.cell (
    name text PRIMARY KEY CHECK (name ~ '^[a-z0-9_-]{1,40}$'),
    added_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE fleet.cell IS 'the servers: fleet.add(), fleet.remove()';

-- What is read of each server. Of metrics the server's own queue and worker are told.
CREATE FUNCTION fleet.tables() RETURNS text[] LANGUAGE sql IMMUTABLE
AS $$ SELECT '{daily,daily_result,daily_cost,daily_usage,metrics}'::text[] $$;

-- The views again, over all servers that there are.
CREATE PROCEDURE fleet.refresh() LANGUAGE plpgsql
AS $$
DECLARE
    relation text;
    parts text;
BEGIN
    FOREACH relation IN ARRAY fleet.tables() LOOP
        SELECT string_agg(format('SELECT %L::text AS cell, r.* FROM %I.%I r', c.name, 'cell ' || c.name, relation), ' UNION ALL ' ORDER BY c.name)
        INTO parts FROM fleet.cell c;
        EXECUTE format('DROP VIEW IF EXISTS fleet.%I CASCADE', relation);
        IF parts IS NOT NULL THEN
            EXECUTE format('CREATE VIEW fleet.%I AS %s', relation, parts);
        END IF;
    END LOOP;
    IF parts IS NULL THEN
        RETURN;
    END IF;
    CREATE VIEW fleet.tenant AS
        SELECT d.tenant_id, (array_agg(d.cell ORDER BY d.day DESC, d.computed_at DESC))[1] AS cell, sum(d.calls) AS calls, sum(d.minutes) AS minutes,
               sum(d.calls) FILTER (WHERE d.day > current_date - 30) AS calls_30_days, count(DISTINCT d.cell) > 1 AS is_on_two_cells
        FROM (SELECT DISTINCT ON (tenant_id, day, agent_id) * FROM fleet.daily ORDER BY tenant_id, day, agent_id, calls DESC, computed_at DESC) d
        GROUP BY 1;
    CREATE VIEW fleet.day AS
        SELECT d.day, count(DISTINCT d.cell) AS cells, count(DISTINCT d.tenant_id) AS tenants, sum(d.calls) AS calls, sum(d.minutes) AS minutes,
               sum(d.analyzed) AS analyzed, sum(d.failed) AS failed, sum(d.hot_leads) AS hot_leads,
               sum(d.sentiment_sum) / nullif(sum(d.analyzed), 0) AS avg_sentiment,
               sum(d.tool_errors)::float8 / nullif(sum(d.tool_calls), 0) AS tool_error_share
        FROM (SELECT DISTINCT ON (tenant_id, day, agent_id) * FROM fleet.daily ORDER BY tenant_id, day, agent_id, calls DESC, computed_at DESC) d
        GROUP BY 1;
    CREATE VIEW fleet.scorecard AS
        SELECT r.tenant_id, r.analysis, r.day, sum(r.calls) AS calls, sum(r.passed)::float8 / nullif(sum(r.passed + r.failed), 0) AS success_rate,
               sum(r.score_sum)::float8 / nullif(sum(r.scored), 0) AS mean_score
        FROM (SELECT DISTINCT ON (tenant_id, day, agent_id, vertical, analysis, version) * FROM fleet.daily_result
              ORDER BY tenant_id, day, agent_id, vertical, analysis, version, calls DESC, computed_at DESC) r
        GROUP BY 1, 2, 3;
    CREATE VIEW fleet.call_cost AS
        SELECT k.tenant_id, k.day, k.currency, sum(k.calls) AS calls, sum(k.minutes) AS minutes, sum(k.cost) AS cost
        FROM (SELECT DISTINCT ON (tenant_id, day, agent_id, currency) * FROM fleet.daily_cost
              ORDER BY tenant_id, day, agent_id, currency, calls DESC, computed_at DESC) k
        GROUP BY 1, 2, 3;
    -- Tokens are booked where they were spent, and go with their tenant: at the switch one of the two servers has them.
    CREATE VIEW fleet.tokens AS
        SELECT u.tenant_id, u.day, u.model, sum(u.requests) AS requests, sum(u.prompt_tokens) AS prompt_tokens, sum(u.completion_tokens) AS completion_tokens
        FROM (SELECT DISTINCT ON (tenant_id, day, agent_id, model, analysis) * FROM fleet.daily_usage
              ORDER BY tenant_id, day, agent_id, model, analysis, requests DESC) u
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
