-- What voice_cost() says of calls is what a plain sum over voice.call says, by whatever it is grouped: days that are rolled up and
-- days that are not, calls whose ids lie hours beside their start, deleted ones, several currencies. The report has the same sums.
BEGIN;
SET LOCAL timezone = 'UTC';
INSERT INTO voice.agent (id, vertical, tenant_id) VALUES ('a', 'salon', ''), ('b', 'dental', ''), ('c', 'salon', ''), ('o', 'salon', 'other');
SET LOCAL client_min_messages = error;   -- ids lie hours beside
INSERT INTO voice.call (id, agent_id, tenant_id, started_at, duration_ms, status, cost, cost_currency, deleted_at)
SELECT voice_uuidv7(t.at + (n % 5 - 2) * interval '11 hours'), a.agent, CASE a.agent WHEN 'o' THEN 'other' ELSE '' END, t.at,
       CASE WHEN n % 11 > 0 THEN 1000 * n END, CASE WHEN n % 11 = 0 THEN 'in_progress' WHEN n % 3 = 0 THEN 'failed' ELSE 'completed' END,
       CASE WHEN n % 11 > 0 AND n % 4 > 0 THEN 0.01 * n END, (ARRAY['USD', ' usd', 'EUR', NULL])[1 + n % 4], CASE WHEN n % 13 = 0 THEN now() END
FROM generate_series(1, 600) n
CROSS JOIN LATERAL (SELECT now() - n * interval '23 minutes') t(at)
CROSS JOIN LATERAL (SELECT (ARRAY['a', 'b', 'c', 'o'])[1 + n % 7 % 4]) a(agent);
RESET client_min_messages;
CREATE FUNCTION pg_temp.plain("by" text) RETURNS TABLE (key text, currency text, calls bigint, minutes double precision, calls_with_cost bigint, cost numeric, per_minute numeric) LANGUAGE sql AS $$
    WITH c AS (
        SELECT CASE "by" WHEN 'day' THEN to_char(c.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') WHEN 'agent' THEN c.agent_id WHEN 'vertical' THEN g.vertical
                         ELSE c.tenant_id END AS key, c.*
        FROM voice.call c JOIN voice.agent g ON g.id = c.agent_id
        WHERE c.deleted_at IS NULL AND (c.tenant_id = '' OR "by" = 'tenant')
          AND c.started_at >= date_trunc('day', (now() - interval '7 days') AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
    )
    SELECT k.key, u.currency, k.calls, k.minutes, u.calls, trim_scale(u.cost), round(u.cost / u.minutes, 6)
    FROM (SELECT c.key, count(*) AS calls, sum(c.duration_ms) / 60000.0 AS minutes FROM c WHERE c.status <> 'in_progress' GROUP BY 1) k
    LEFT JOIN (SELECT c.key, upper(btrim(c.cost_currency)) AS currency, count(*) AS calls, sum(c.cost) AS cost, sum(c.duration_ms) / 60000.0 AS minutes
               FROM c WHERE c.cost IS NOT NULL GROUP BY 1, 2) u ON u.key = k.key
$$;
CREATE FUNCTION pg_temp.differences() RETURNS TABLE ("by" text, rows bigint, different bigint) LANGUAGE sql AS $$
    SELECT b, count(*), count(*) FILTER (WHERE d.is_different)
    FROM (VALUES ('day'), ('agent'), ('vertical'), ('tenant')) v(b)
    CROSS JOIN LATERAL (
        SELECT c.group_key IS NULL OR p.key IS NULL OR c.calls <> p.calls OR abs(c.minutes - p.minutes) > 1e-9
               OR (c.calls_with_cost, c.call_cost, c.call_cost_per_minute) IS DISTINCT FROM (p.calls_with_cost, p.cost, p.per_minute) AS is_different
        FROM voice_cost(by => b) c FULL JOIN pg_temp.plain(b) p ON p.key = c.group_key AND coalesce(p.currency, '-') = coalesce(c.currency, '-')) d
    GROUP BY 1 ORDER BY 1
$$;
SELECT "by", rows > 1 AS has_rows, different FROM pg_temp.differences();
-- Some days are rolled up, then all that are over.
SELECT count(voice_rollup(current_date - n)) FROM generate_series(4, 9) n;
SELECT "by", different FROM pg_temp.differences();
SELECT count(*) > 0 AS rolled_up FROM voice._roll_up_due();
SELECT "by", different FROM pg_temp.differences();
-- The report: the same sums by currency, and by day.
INSERT INTO voice.daily_usage (day, agent_id, model, analysis, requests, prompt_tokens, completion_tokens) VALUES
    (current_date, 'a', 'gpt-4o-mini', 'fixed', 2, 1000000, 0), (current_date - 1, 'b', 'gpt-4o-mini', 'fixed', 1, 0, 1000000), (current_date, 'b', 'mine', 'fixed', 5, 10, 10);
SELECT s->>'currency' AS currency, (s->>'call_cost')::numeric = p.cost AS cost, (s->>'calls_with_cost')::int = p.calls AS calls, (s->>'call_cost_per_minute')::numeric = p.per_minute AS a_minute,
       s->'requests' AS requests, s->'analysis_cost' AS analyses,
       (s->>'analysis_cost_per_minute')::numeric = round(0.75 / (SELECT sum(minutes) FROM (SELECT DISTINCT key, minutes FROM pg_temp.plain('day')) d)::numeric, 6) AS analyses_a_minute,
       (SELECT sum((d->>'call_cost')::numeric) FROM jsonb_array_elements(s->'days') d) = p.cost AS days, r->'unpriced_requests' AS unpriced
FROM (SELECT voice_report_data()->'cost') r(r) CROSS JOIN LATERAL jsonb_array_elements(r->'currencies') s
LEFT JOIN (SELECT p.currency, sum(p.cost) AS cost, sum(p.calls_with_cost) AS calls,
                  (SELECT round(sum(c.cost) / (sum(c.duration_ms) / 60000.0), 6) FROM voice.call c
                   WHERE c.tenant_id = '' AND c.deleted_at IS NULL AND c.cost IS NOT NULL AND upper(btrim(c.cost_currency)) IS NOT DISTINCT FROM p.currency
                     AND c.started_at >= date_trunc('day', now() - interval '7 days')) AS per_minute
           FROM pg_temp.plain('day') p GROUP BY 1) p ON p.currency IS NOT DISTINCT FROM s->>'currency'
ORDER BY 1;
-- Of an agent its own.
SELECT s->>'currency' AS currency, (s->>'call_cost')::numeric = (SELECT p.cost FROM pg_temp.plain('agent') p WHERE p.key = 'b' AND p.currency = s->>'currency') AS cost, s->'requests' AS requests
FROM jsonb_array_elements(voice_report_data(agent_id => 'b')->'cost'->'currencies') s ORDER BY 1;
-- The page shows them.
SELECT r LIKE '%>What it cost<%' AS on_the_page, r LIKE '%>0.7500 USD<%' AS analyses, r LIKE '% EUR</bdi> a minute%' AS calls FROM voice_report() r;
ROLLBACK;
