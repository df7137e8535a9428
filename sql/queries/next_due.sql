-- When the next job that nobody works on may run; one index probe a priority.
SELECT pg_catalog.date_part('epoch', pg_catalog.min(first.run_at) - pg_catalog.now())
FROM (VALUES (0::smallint), (10::smallint)) p(priority)
CROSS JOIN LATERAL (
    SELECT run_at FROM voice.job j WHERE j.lease IS NULL AND j.priority = p.priority ORDER BY run_at LIMIT 1
) first
