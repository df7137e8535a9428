-- What calls and their analyses cost. Tokens are booked on the day on which they were spent (voice.daily_usage) and priced when they
-- are read, so that a price that is put right holds for days past too. What has no price has no cost: NULL, and a count.

-- Users' own prices, and list prices of models of which they have none of that day.
CREATE FUNCTION voice._prices(OUT model text, OUT valid_from date, OUT currency text,
    OUT prompt numeric, OUT cached_prompt numeric, OUT completion numeric) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT lower(p.model), p.valid_from, p.currency, p.prompt, p.cached_prompt, p.completion FROM voice.model_price p
    UNION ALL
    SELECT l.model, l.valid_from, l.currency, l.prompt, l.cached_prompt, l.completion FROM @extschema@.voice_list_prices() l
    WHERE NOT EXISTS (SELECT 1 FROM voice.model_price p WHERE lower(p.model) = l.model AND p.valid_from = l.valid_from)
$$;
COMMENT ON FUNCTION voice._prices() IS 'what a million tokens of each model cost, from a day on: voice.model_price, else voice_list_prices()';

-- The price of a model on a day: of the longest pattern that fits, first of its whole name, then of its name without the date at its end.
CREATE FUNCTION voice._model_price(model text, day date,
    OUT currency text, OUT prompt numeric, OUT cached_prompt numeric, OUT completion numeric) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT p.currency, p.prompt, coalesce(p.cached_prompt, p.prompt), p.completion
    FROM (VALUES (lower($1), regexp_replace(lower($1), '[-@](20\d{6}|20\d\d-\d\d-\d\d)$', ''))) n(whole, undated)
    JOIN voice._prices() p ON p.valid_from <= $2 AND (n.whole LIKE p.model OR n.undated LIKE p.model)
    ORDER BY n.whole LIKE p.model DESC, char_length(p.model) DESC, p.model, p.valid_from DESC LIMIT 1
$$;
COMMENT ON FUNCTION voice._model_price(text, date) IS 'what a million tokens of this model cost that day; no row: it is not known';

CREATE FUNCTION voice._usage_cost(prompt_tokens numeric, cached_tokens numeric, completion_tokens numeric,
    prompt numeric, cached_prompt numeric, completion numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT (($1 - $2) * $4 + $2 * $5 + $3 * $6) * 0.000001 $$;
COMMENT ON FUNCTION voice._usage_cost(numeric, numeric, numeric, numeric, numeric, numeric) IS
    'what so many tokens cost; cached_tokens are among prompt_tokens, prices are of a million';

CREATE FUNCTION voice_cost(since timestamptz DEFAULT now() - interval '7 days', by text DEFAULT 'day',
    OUT group_key text, OUT currency text, OUT calls bigint, OUT minutes double precision,
    OUT calls_with_cost bigint, OUT call_cost numeric, OUT call_cost_per_minute numeric,
    OUT requests bigint, OUT prompt_tokens bigint, OUT completion_tokens bigint, OUT unpriced_requests bigint,
    OUT analysis_cost numeric, OUT analysis_cost_per_minute numeric)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off SET datestyle = 'ISO, YMD'
AS $$
DECLARE
    zone CONSTANT text := voice._zone();
    tenant CONSTANT text := voice._tenant();
    today CONSTANT date := (now() AT TIME ZONE zone)::date;
    -- By tenant, row-level security alone says which: for superusers all.
    own CONSTANT text := CASE WHEN by = 'tenant' THEN '' ELSE format('d.tenant_id = %L AND', tenant) END;
    -- Of a row d of a roll-up, and of its agent g.
    key CONSTANT text := CASE by WHEN 'day' THEN 'd.day::text' WHEN 'agent' THEN 'd.agent_id' WHEN 'tenant' THEN 'd.tenant_id'
                              WHEN 'vertical' THEN 'coalesce(g.vertical, '''')' WHEN 'model' THEN 'd.model' WHEN 'analysis' THEN 'd.analysis' END;
    agents CONSTANT text := CASE WHEN by = 'vertical' THEN 'LEFT JOIN voice.agent g ON g.id = d.agent_id' ELSE '' END;
    of_calls CONSTANT boolean := by NOT IN ('model', 'analysis');
    first_day date;
    live_from date;
    price_days date[];
    -- Rows (key, currency, calls, minutes, calls with a cost, their minutes, cost).
    calls_query text := 'SELECT NULL::text, NULL::text, NULL::bigint, NULL::double precision, NULL::bigint, NULL::double precision, NULL::numeric WHERE false';
BEGIN
    IF since IS NULL OR key IS NULL THEN
        RAISE EXCEPTION 'a cost needs a time and a grouping'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('since is %s, by %s.', coalesce(since::text, 'NULL'), coalesce(quote_literal(by), 'NULL')),
                  HINT = 'voice_cost(now() - interval ''7 days'', by => ''day''); by is day, agent, vertical, tenant, model or analysis.';
    END IF;
    first_day := CASE WHEN isfinite(since) THEN (since AT TIME ZONE zone)::date WHEN since > now() THEN today + 1 ELSE date '0001-01-01' END;
    SELECT coalesce(array_agg(DISTINCT p.valid_from ORDER BY p.valid_from), '{}') INTO price_days FROM voice._prices() p;
    IF of_calls THEN
        EXECUTE format('SELECT max(d.day) + 1 FROM voice.daily d WHERE %s d.day < $1', own) USING today INTO live_from;
        live_from := greatest(first_day, coalesce(live_from, first_day), date '1970-01-03');
        calls_query := format($text$
            SELECT %1$s, NULL, d.calls - d.in_progress, d.minutes, NULL, NULL, NULL FROM voice.daily d %2$s WHERE %3$s d.day >= $1 AND d.day < $2
            UNION ALL
            SELECT %1$s, nullif(d.currency, ''), NULL, NULL, d.calls, d.minutes, d.cost FROM voice.daily_cost d %2$s WHERE %3$s d.day >= $1 AND d.day < $2
            $text$, key, agents, own);
        -- Days that are not rolled up, for whoever reads calls.
        IF has_column_privilege('voice.call', 'cost', 'SELECT') THEN
            calls_query := calls_query || format($text$
                UNION ALL
                SELECT %s, upper(btrim(d.cost_currency)), d.calls, d.minutes, d.calls_with_cost, d.minutes_with_cost, d.cost
                FROM (SELECT c.tenant_id, c.agent_id, c.cost_currency, %s AS day, count(*) FILTER (WHERE c.status <> 'in_progress') AS calls,
                             sum(c.duration_ms) FILTER (WHERE c.status <> 'in_progress') / 60000.0 AS minutes, count(c.cost) AS calls_with_cost,
                             sum(c.duration_ms) FILTER (WHERE c.cost IS NOT NULL) / 60000.0 AS minutes_with_cost, sum(c.cost) AS cost
                      FROM voice.call c WHERE c.id >= $4 AND c.started_at >= $6 AND c.deleted_at IS NULL %s GROUP BY 1, 2, 3, 4) d %s$text$,
                key, CASE WHEN by <> 'day' THEN 'NULL::date' WHEN live_from = today THEN '$2' ELSE '(c.started_at AT TIME ZONE $5)::date' END,
                CASE WHEN by <> 'tenant' THEN format('AND c.tenant_id = %L', tenant) END, agents);
        END IF;
    END IF;
    RETURN QUERY EXECUTE format($query$
        WITH used AS MATERIALIZED (
            -- Days between two changes of prices have one price.
            SELECT %1$s AS key, d.model, width_bucket(d.day, $3) AS price_day, sum(d.requests)::bigint AS requests,
                   sum(d.unmetered)::bigint AS unmetered, sum(d.prompt_tokens)::bigint AS prompt, sum(d.cached_tokens)::bigint AS cached,
                   sum(d.completion_tokens)::bigint AS completion
            FROM voice.daily_usage d %2$s WHERE %3$s d.day >= $1 GROUP BY 1, 2, 3
        ), price AS MATERIALIZED (
            SELECT u.model, u.price_day, p.* FROM (SELECT DISTINCT x.model, x.price_day FROM used x) u
            CROSS JOIN LATERAL voice._model_price(u.model, ($3)[u.price_day]) p
        ), analyses AS (
            SELECT u.key, p.currency, sum(u.requests - u.unmetered)::bigint AS requests, sum(u.prompt)::bigint AS prompt,
                   sum(u.completion)::bigint AS completion,
                   sum(voice._usage_cost(u.prompt, u.cached, u.completion, p.prompt, p.cached_prompt, p.completion)) AS cost
            FROM used u JOIN price p USING (model, price_day) GROUP BY 1, 2
        ), unpriced AS (
            SELECT u.key, sum(CASE WHEN p.currency IS NULL THEN u.requests ELSE u.unmetered END)::bigint AS requests
            FROM used u LEFT JOIN price p USING (model, price_day) GROUP BY 1
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
        SELECT g.key, p.currency, e.calls, e.minutes::double precision, o.calls, trim_scale(o.cost),
               round(o.cost / nullif(o.minutes, 0)::numeric, 6), a.requests, a.prompt, a.completion, coalesce(u.requests, 0), trim_scale(a.cost),
               round(a.cost / nullif(e.minutes, 0)::numeric, 6)
        FROM groups g
        LEFT JOIN place p ON p.key = g.key
        LEFT JOIN ended e ON e.key = g.key
        LEFT JOIN own o ON o.key = g.key AND o.currency IS NOT DISTINCT FROM p.currency
        LEFT JOIN analyses a ON a.key = g.key AND a.currency = p.currency AND a.requests > 0
        LEFT JOIN unpriced u ON u.key = g.key
        ORDER BY 1, 2$query$, key, agents, own, calls_query)
    USING first_day, live_from, price_days, @extschema@.voice_uuid_at((live_from::timestamp AT TIME ZONE zone) - interval '24 hours'),
          zone, live_from::timestamp AT TIME ZONE zone;
END
$$;
COMMENT ON FUNCTION voice_cost(timestamptz, text) IS
    'what calls of the day of since and later cost, and what analyses cost since then, by day, agent, vertical, tenant, model or analysis, a row a currency: calls that have ended and their minutes, the calls'' own cost, requests and tokens to models, priced by voice.model_price or else voice_list_prices(), both a minute; unpriced_requests: requests whose cost is not known, which no sum contains';
