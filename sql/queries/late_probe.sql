-- {call} is the leaf that the turn's own leaf references: one index probe, however many months there are.
SELECT c.status <> 'in_progress', c.ended_at > pg_catalog.clock_timestamp() - interval '10 minutes'
FROM ONLY {call} c
WHERE c.id = $1 AND c.deleted_at IS NULL
