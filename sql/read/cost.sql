-- What calls and their analyses cost. Tokens are booked on the day on which they were spent (voice.daily_usage) and priced when they
-- are read, so that a price that is put right holds for days past too. What has no price has no cost: NULL, and a count.

-- Users' own prices, and list prices.
CREATE FUNCTION voice._prices(OUT is_own boolean, OUT model text, OUT valid_from date, OUT currency text,
    OUT prompt numeric, OUT cached_prompt numeric, OUT completion numeric) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT true, lower(p.model), p.valid_from, p.currency, p.prompt, p.cached_prompt, p.completion FROM voice.model_price p
    UNION ALL
    SELECT false, l.model, l.valid_from, l.currency, l.prompt, l.cached_prompt, l.completion FROM @extschema@.voice_list_prices() l
$$;
COMMENT ON FUNCTION voice._prices() IS 'what a million tokens of each model cost, from a day on: voice.model_price and voice_list_prices()';

-- The price of each model on its day: of the longest pattern that fits its name, whole or without the date at its end; one's own goes
-- before the list's.
CREATE FUNCTION voice._model_prices(models text[], days date[],
    OUT model text, OUT day date, OUT currency text, OUT prompt numeric, OUT cached_prompt numeric, OUT completion numeric) RETURNS SETOF record
LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, voice, pg_temp
AS $$
    WITH price AS MATERIALIZED (SELECT p.* FROM voice._prices() p)
    SELECT w.model, w.day, b.currency, b.prompt, b.cached_prompt, b.completion
    FROM unnest($1, $2) w(model, day)
    CROSS JOIN LATERAL (
        SELECT p.currency, p.prompt, coalesce(p.cached_prompt, p.prompt) AS cached_prompt, p.completion
        FROM (VALUES (lower(w.model), regexp_replace(lower(w.model), '[-@](20\d{6}|20\d\d-\d\d-\d\d)$', ''))) n(whole, undated)
        JOIN price p ON p.valid_from <= w.day AND (n.whole LIKE p.model OR n.undated LIKE p.model)
        ORDER BY p.is_own DESC, char_length(p.model) DESC, n.whole LIKE p.model DESC, p.model, p.valid_from DESC LIMIT 1) b
$$;
COMMENT ON FUNCTION voice._model_prices(text[], date[]) IS 'what a million tokens of each model cost on the day beside it; no row: it is not known';

CREATE FUNCTION voice._model_price(model text, day date,
    OUT currency text, OUT prompt numeric, OUT cached_prompt numeric, OUT completion numeric) RETURNS SETOF record
LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT p.currency, p.prompt, p.cached_prompt, p.completion FROM voice._model_prices(ARRAY[$1], ARRAY[$2]) p $$;
COMMENT ON FUNCTION voice._model_price(text, date) IS 'what a million tokens of this model cost that day; no row: it is not known';

CREATE FUNCTION voice._usage_cost(prompt_tokens numeric, cached_tokens numeric, completion_tokens numeric,
    prompt numeric, cached_prompt numeric, completion numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT (($1 - $2) * $4 + $2 * $5 + $3 * $6) * 0.000001 $$;
COMMENT ON FUNCTION voice._usage_cost(numeric, numeric, numeric, numeric, numeric, numeric) IS
    'what so many tokens cost; cached_tokens are among prompt_tokens, prices are of a million';

-- Few agents have an index that leads to their calls; of many, all calls of a time are read.
CREATE FUNCTION voice._few_agents(tenant text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT array_agg(g.id) FROM voice.agent g WHERE g.tenant_id = $1 HAVING count(*) <= 20 $$;
COMMENT ON FUNCTION voice._few_agents(text) IS 'the agents of a tenant that has 20 at most; NULL: it has none, or more';

-- Planned for its very days. Groups are few, and the planner does not know it: no sort. agents: of these only; NULL: of all.
CREATE FUNCTION voice._costs(first_day date, by text, agents text[],
    OUT group_key text, OUT currency text, OUT calls bigint, OUT minutes double precision,
    OUT calls_with_cost bigint, OUT minutes_with_cost double precision, OUT call_cost numeric,
    OUT requests bigint, OUT prompt_tokens bigint, OUT completion_tokens bigint, OUT unpriced_requests bigint, OUT analysis_cost numeric)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off SET enable_sort = off SET datestyle = 'ISO, YMD'
AS $$
DECLARE
    zone CONSTANT text := voice._zone();
    today CONSTANT date := (now() AT TIME ZONE zone)::date;
    -- By tenant, row-level security alone says which: for superusers all.
    own CONSTANT text := CASE WHEN by = 'tenant' THEN '' ELSE format('AND d.tenant_id = %L ', voice._tenant()) END
                         || CASE WHEN agents IS NULL THEN '' ELSE 'AND d.agent_id = ANY ($7)' END;
    -- Of a row d of a roll-up, and of its agent g.
    key CONSTANT text := CASE by WHEN 'day' THEN 'd.day' WHEN 'agent' THEN 'd.agent_id' WHEN 'tenant' THEN 'd.tenant_id'
                              WHEN 'vertical' THEN 'coalesce(g.vertical, '''')' WHEN 'model' THEN 'd.model' WHEN 'analysis' THEN 'd.analysis' END;
    agents_of CONSTANT text := CASE WHEN by = 'vertical' THEN 'LEFT JOIN voice.agent g ON g.id = d.agent_id' ELSE '' END;
    live_from date;
    price_days date[];
    few text[] := agents;
    -- Rows (key, currency, calls, minutes, calls with a cost, their minutes, cost).
    calls_query text := format('SELECT NULL::%s, NULL::text, NULL::bigint, NULL::double precision, NULL::bigint, NULL::double precision, NULL::numeric WHERE false',
                               CASE WHEN by = 'day' THEN 'date' ELSE 'text' END);
BEGIN
    SELECT coalesce(array_agg(DISTINCT p.valid_from ORDER BY p.valid_from), '{}') INTO price_days FROM voice._prices() p;
    IF by NOT IN ('model', 'analysis') THEN
        EXECUTE format('SELECT max(d.day) + 1 FROM voice.daily d WHERE d.day < $1 %s', replace(own, 'AND d.agent_id = ANY ($7)', '')) USING today INTO live_from;
        live_from := greatest(first_day, coalesce(live_from, first_day), date '1970-01-03');
        calls_query := format($text$
            SELECT %1$s, NULL::text, sum(d.calls - d.in_progress)::bigint, sum(d.minutes), NULL::bigint, NULL::double precision, NULL::numeric
            FROM voice.daily d %2$s WHERE d.day >= $1 AND d.day < $2 %3$s GROUP BY 1
            UNION ALL
            SELECT %1$s, nullif(d.currency, ''), NULL, NULL, sum(d.calls)::bigint, sum(d.minutes), sum(d.cost)
            FROM voice.daily_cost d %2$s WHERE d.day >= $1 AND d.day < $2 %3$s GROUP BY 1, 2
            $text$, key, agents_of, own);
        -- Days that are not rolled up, for whoever reads calls.
        IF has_column_privilege('voice.call', 'cost', 'SELECT') THEN
            IF few IS NULL AND by <> 'tenant' THEN
                few := voice._few_agents(voice._tenant());
            END IF;
            calls_query := calls_query || format($text$
                UNION ALL
                SELECT %1$s, upper(btrim(d.cost_currency)), d.calls, d.duration_ms / 60000.0, d.calls_with_cost, d.ms_with_cost / 60000.0, d.cost
                FROM (SELECT %2$s, d.cost_currency, count(*) FILTER (WHERE d.status <> 'in_progress') AS calls,
                             sum(d.duration_ms) FILTER (WHERE d.status <> 'in_progress') AS duration_ms, count(d.cost) AS calls_with_cost,
                             sum(d.duration_ms) FILTER (WHERE d.cost IS NOT NULL) AS ms_with_cost, sum(d.cost) AS cost
                      FROM voice.call d WHERE d.id >= $4 AND d.started_at >= $6 AND d.deleted_at IS NULL AND ($8 IS NULL OR d.agent_id = ANY ($8)) %3$s
                      GROUP BY %4$s) d %5$s$text$,
                key,
                CASE by WHEN 'tenant' THEN 'd.tenant_id' WHEN 'day' THEN CASE WHEN live_from = today THEN '$2 AS day' ELSE '(d.started_at AT TIME ZONE $5)::date AS day' END
                        ELSE 'd.agent_id' END,
                own, CASE WHEN by = 'day' AND live_from = today THEN '2' ELSE '1, 2' END, agents_of);
        END IF;
    END IF;
    RETURN QUERY EXECUTE format($query$
        WITH used AS MATERIALIZED (
            -- Days between two changes of prices have one price.
            SELECT %1$s AS key, d.model, ($3)[width_bucket(d.day, $3)] AS price_day, sum(d.requests)::bigint AS requests,
                   sum(d.unmetered)::bigint AS unmetered, sum(d.prompt_tokens)::bigint AS prompt, sum(d.cached_tokens)::bigint AS cached,
                   sum(d.completion_tokens)::bigint AS completion
            FROM voice.daily_usage d %2$s WHERE d.day >= $1 %3$s GROUP BY 1, 2, 3
        ), price AS MATERIALIZED (
            SELECT p.* FROM (SELECT array_agg(u.model) AS models, array_agg(u.price_day) AS days FROM (SELECT DISTINCT x.model, x.price_day FROM used x) u) w
            CROSS JOIN LATERAL voice._model_prices(w.models, w.days) p
        ), analyses AS (
            SELECT u.key, p.currency, sum(u.requests - u.unmetered)::bigint AS requests, sum(u.prompt)::bigint AS prompt,
                   sum(u.completion)::bigint AS completion,
                   sum(voice._usage_cost(u.prompt, u.cached, u.completion, p.prompt, p.cached_prompt, p.completion)) AS cost
            FROM used u JOIN price p ON p.model = u.model AND p.day = u.price_day GROUP BY 1, 2
        ), unpriced AS (
            SELECT u.key, sum(CASE WHEN p.currency IS NULL THEN u.requests ELSE u.unmetered END)::bigint AS requests
            FROM used u LEFT JOIN price p ON p.model = u.model AND p.day = u.price_day GROUP BY 1
        ), called AS MATERIALIZED (
            SELECT c.* FROM (%4$s) c(key, currency, calls, minutes, calls_with_cost, minutes_with_cost, cost)
        ), ended AS (
            SELECT c.key, sum(c.calls)::bigint AS calls, sum(c.minutes) AS minutes FROM called c GROUP BY 1 HAVING sum(c.calls) > 0
        ), own AS (
            SELECT c.key, c.currency, sum(c.calls_with_cost)::bigint AS calls, sum(c.minutes_with_cost) AS minutes, sum(c.cost) AS cost
            FROM called c WHERE c.calls_with_cost > 0 GROUP BY 1, 2
        ), place AS (
            SELECT o.key, o.currency FROM own o UNION SELECT a.key, a.currency FROM analyses a WHERE a.requests > 0
        ), groups AS (
            SELECT e.key FROM ended e UNION SELECT u.key FROM unpriced u UNION SELECT o.key FROM own o
        )
        SELECT g.key::text, p.currency, e.calls, e.minutes, o.calls, o.minutes, trim_scale(o.cost), a.requests, a.prompt, a.completion,
               coalesce(u.requests, 0), trim_scale(a.cost)
        FROM groups g
        LEFT JOIN place p ON p.key = g.key
        LEFT JOIN ended e ON e.key = g.key
        LEFT JOIN own o ON o.key = g.key AND o.currency IS NOT DISTINCT FROM p.currency
        LEFT JOIN analyses a ON a.key = g.key AND a.currency = p.currency AND a.requests > 0
        LEFT JOIN unpriced u ON u.key = g.key
        ORDER BY 1, 2$query$, key, agents_of, own, calls_query)
    USING first_day, live_from, price_days, @extschema@.voice_uuid_at((live_from::timestamp AT TIME ZONE zone) - interval '24 hours'),
          zone, live_from::timestamp AT TIME ZONE zone, agents, few;
END
$$;
COMMENT ON FUNCTION voice._costs(date, text, text[]) IS
    'what voice_cost() gives, from this day on, with the minutes of the calls that have a cost, of these agents or of all';

CREATE FUNCTION voice_cost(since timestamptz DEFAULT now() - interval '7 days', by text DEFAULT 'day',
    OUT group_key text, OUT currency text, OUT calls bigint, OUT minutes double precision,
    OUT calls_with_cost bigint, OUT call_cost numeric, OUT call_cost_per_minute numeric,
    OUT requests bigint, OUT prompt_tokens bigint, OUT completion_tokens bigint, OUT unpriced_requests bigint,
    OUT analysis_cost numeric, OUT analysis_cost_per_minute numeric)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET datestyle = 'ISO, YMD'
AS $$
DECLARE
    zone CONSTANT text := voice._zone();
BEGIN
    IF since IS NULL OR by IS NULL OR by NOT IN ('day', 'agent', 'vertical', 'tenant', 'model', 'analysis') THEN
        RAISE EXCEPTION 'a cost needs a time and a grouping'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('since is %s, by %s.', coalesce(since::text, 'NULL'), coalesce(quote_literal(by), 'NULL')),
                  HINT = 'voice_cost(now() - interval ''7 days'', by => ''day''); by is day, agent, vertical, tenant, model or analysis.';
    END IF;
    RETURN QUERY
    SELECT c.group_key, c.currency, c.calls, c.minutes, c.calls_with_cost, c.call_cost,
           round(c.call_cost / nullif(c.minutes_with_cost, 0)::numeric, 6), c.requests, c.prompt_tokens, c.completion_tokens,
           c.unpriced_requests, c.analysis_cost, round(c.analysis_cost / nullif(c.minutes, 0)::numeric, 6)
    FROM voice._costs(CASE WHEN isfinite(since) THEN (since AT TIME ZONE zone)::date
                           WHEN since > now() THEN (now() AT TIME ZONE zone)::date + 1 ELSE date '0001-01-01' END, by, NULL) c;
END
$$;
COMMENT ON FUNCTION voice_cost(timestamptz, text) IS
    'what calls of the day of since and later cost, and what analyses cost since then, by day, agent, vertical, tenant, model or analysis, a row a currency: calls that have ended and their minutes, the calls'' own cost, requests and tokens to models, priced by voice.model_price or else voice_list_prices(), both a minute; unpriced_requests: requests whose cost is not known, which no sum contains';
