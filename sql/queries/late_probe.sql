-- {call} is the leaf that the turn's own leaf references: one index probe, however many months there are.
-- Runs under whatever search path the session has, as voice_worker: operators name their schema too.
SELECT c.status OPERATOR(pg_catalog.<>) 'in_progress',
       c.ended_at OPERATOR(pg_catalog.>) (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) interval '10 minutes')
FROM ONLY {call} c
WHERE c.id OPERATOR(pg_catalog.=) $1 AND c.deleted_at IS NULL
