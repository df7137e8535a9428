UPDATE voice.job j
SET lease = NULL, leased_until = NULL, attempt = j.attempt - w.refund,
    run_at = pg_catalog.now() + w.pause * interval '1 second'
FROM unnest($1::bigint[], $2::double precision[], $3::smallint[]) w(id, pause, refund)
WHERE j.id = w.id
