-- Live calls before backfill, the longest waiting first. The CTE is materialised: without it the planner may run the
-- inner query again and lock more rows than it takes.
WITH due AS MATERIALIZED (
    SELECT id FROM voice.job
    WHERE lease IS NULL AND run_at <= pg_catalog.now() AND kind = 'analyze'
    ORDER BY priority, run_at, id
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE voice.job j
SET attempt = j.attempt + 1, lease = $2, leased_until = pg_catalog.now() + $3 * interval '1 millisecond'
FROM due
WHERE j.id = due.id
RETURNING j.id, j.call_id, j.attempt, j.priority
