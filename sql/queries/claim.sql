-- Takes those of the jobs $1 that still wait. The CTE is materialised: without it the planner may run the inner query
-- again and lock more rows than it takes.
WITH due AS MATERIALIZED (
    SELECT j.id FROM voice.job j
    WHERE j.id = ANY ($1) AND j.lease IS NULL AND j.run_at <= pg_catalog.now()
    ORDER BY j.id
    FOR UPDATE SKIP LOCKED
)
UPDATE voice.job j
SET attempt = j.attempt + 1, lease = $2, leased_until = pg_catalog.now() + $3 * interval '1 millisecond'
FROM due
WHERE j.id = due.id
RETURNING j.id, j.call_id, j.attempt, j.priority, j.tenant_id
