-- (unnest of several arrays is a form of syntax and takes no schema; the search path is pinned.)
-- The fence: (id, attempt, lease) as claimed, or the answer is too late. By its id: the index of leases keeps every job
-- that was ever taken until the next vacuum, and an equality would be looked up there.
SELECT j.id
FROM voice.job j
JOIN unnest($1::bigint[], $2::smallint[]) w(id, attempt) ON w.id = j.id AND w.attempt = j.attempt
WHERE j.lease IS NOT DISTINCT FROM $3
FOR UPDATE OF j SKIP LOCKED
