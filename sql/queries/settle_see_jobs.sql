SELECT j.id
FROM voice.job j
JOIN unnest($1::bigint[], $2::smallint[]) w(id, attempt) ON w.id = j.id AND w.attempt = j.attempt
WHERE j.lease IS NOT DISTINCT FROM $3
