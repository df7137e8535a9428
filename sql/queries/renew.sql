-- Whoever holds one of the jobs at this moment is not waited for: there is time to try again.
UPDATE voice.job j
SET leased_until = pg_catalog.now() + $3 * interval '1 millisecond'
FROM (SELECT b.id FROM voice.job b WHERE b.id = ANY ($1) AND b.lease = $2 FOR NO KEY UPDATE SKIP LOCKED) ours
WHERE j.id = ours.id
