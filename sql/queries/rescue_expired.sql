-- One worker a database: whatever another epoch holds, nobody is working on; nor on what should long be done and is not
-- among the jobs $2 that the worker knows of. What somebody has locked is left for the next time. attempt stays: whoever
-- had these may have gone down because of them.
UPDATE voice.job j SET lease = NULL, leased_until = NULL
FROM (
    SELECT b.id FROM voice.job b
    WHERE b.lease IS NOT NULL AND (b.lease <> $1 OR (b.leased_until < pg_catalog.now() AND b.id <> ALL ($2)))
    FOR NO KEY UPDATE SKIP LOCKED
) abandoned
WHERE j.id = abandoned.id
