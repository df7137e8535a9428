-- Budgets of tenants: voice.tenant_limit has them, the worker keeps to them (src/db/limits.rs).

CREATE FUNCTION voice._spent(tenant text, day date, currency text, OUT spent numeric, OUT requests bigint, OUT unpriced_requests bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT trim_scale(coalesce(sum(CASE WHEN p.currency = $3 THEN
                   voice._usage_cost(u.prompt, u.cached, u.completion, p.prompt, p.cached_prompt, p.completion) END), 0)),
           coalesce(sum(u.requests), 0)::bigint,
           coalesce(sum(CASE WHEN p.currency = $3 THEN u.unmetered ELSE u.requests END), 0)::bigint
    FROM (SELECT d.model, sum(d.requests) AS requests, sum(d.unmetered) AS unmetered, sum(d.prompt_tokens) AS prompt,
                 sum(d.cached_tokens) AS cached, sum(d.completion_tokens) AS completion
          FROM voice.daily_usage d WHERE d.tenant_id = $1 AND d.day = $2 GROUP BY 1) u
    LEFT JOIN LATERAL voice._model_price(u.model, $2) p ON true
$$;
COMMENT ON FUNCTION voice._spent(text, date, text) IS 'what a tenant''s analyses cost on a day in this currency, and the requests that have no price in it';

-- Row-level security shows one tenant's usage at a time; whoever is pinned sees no limit but its own.
CREATE FUNCTION voice_budgets(
    OUT tenant_id text, OUT budget_per_day numeric, OUT currency text, OUT spent numeric, OUT remaining numeric, OUT is_spent boolean,
    OUT requests bigint, OUT unpriced_requests bigint, OUT waiting bigint, OUT next_day_at timestamptz)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    today CONSTANT date := voice._yesterday() + 1;
    before CONSTANT text := current_setting('voice_analytics.tenant', true);
    item record;
BEGIN
    next_day_at := (today + 1)::timestamp AT TIME ZONE voice._zone();
    FOR item IN SELECT l.* FROM voice.tenant_limit l WHERE l.budget_per_day IS NOT NULL ORDER BY l.tenant_id LOOP
        PERFORM set_config('voice_analytics.tenant', item.tenant_id, true);
        tenant_id := item.tenant_id;
        budget_per_day := item.budget_per_day;
        currency := item.budget_currency;
        SELECT s.* INTO spent, requests, unpriced_requests FROM voice._spent(item.tenant_id, today, item.budget_currency) s;
        remaining := greatest(item.budget_per_day - spent, 0);
        is_spent := spent >= item.budget_per_day;
        SELECT count(*) INTO waiting FROM voice.job j
        WHERE j.tenant_id = item.tenant_id AND j.lease IS NULL AND j.kind IN ('analyze', 'trial') AND j.run_at <= now();
        RETURN NEXT;
    END LOOP;
    PERFORM set_config('voice_analytics.tenant', before, true);
END
$$;
COMMENT ON FUNCTION voice_budgets() IS
    'tenants that have a budget (voice_limit_tenant()), what they have spent of it today, and the jobs that wait; is_spent: nothing is asked for them until next_day_at, or until the budget is raised; unpriced_requests: not counted, for their model has no price in this currency';
