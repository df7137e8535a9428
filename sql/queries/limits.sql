-- What is said of single tenants; of all others the settings speak. With whether the budget of today is spent (NULL: there is none),
-- and how many seconds the day has left.
SELECT l.tenant_id, l.max_concurrency, l.requests_per_minute,
    CASE WHEN l.budget_per_day IS NOT NULL THEN
        (SELECT s.spent >= l.budget_per_day FROM voice._spent(l.tenant_id, d.day, l.budget_currency) s) END,
    extract(epoch FROM (d.day + 1)::pg_catalog.timestamp AT TIME ZONE voice._zone() - pg_catalog.clock_timestamp())::pg_catalog.float8
FROM voice.tenant_limit l
CROSS JOIN (SELECT (pg_catalog.now() AT TIME ZONE voice._zone())::pg_catalog.date AS day) d
