-- What waits of looks at calls in progress, a row a tenant: as look.sql, by job_trial_waiting_idx. Priority 5 is of looks alone.
WITH RECURSIVE tenant AS (
    (SELECT j.tenant_id FROM voice.job j WHERE j.lease IS NULL AND j.kind = 'live' AND j.priority = 5 ORDER BY j.tenant_id LIMIT 1)
    UNION ALL
    SELECT following.tenant_id
    FROM tenant t
    CROSS JOIN LATERAL (
        SELECT j.tenant_id FROM voice.job j
        WHERE j.lease IS NULL AND j.kind = 'live' AND j.priority = 5 AND j.tenant_id > t.tenant_id
        ORDER BY j.tenant_id LIMIT 1
    ) following
)
SELECT 5::smallint, t.tenant_id,
    ARRAY(SELECT j.id FROM voice.job j
          WHERE j.lease IS NULL AND j.priority = 5 AND j.tenant_id = t.tenant_id AND j.run_at <= pg_catalog.now() AND j.kind = 'live'
          ORDER BY j.run_at, j.id LIMIT (SELECT greatest($1 / pg_catalog.count(*), 1) FROM tenant)),
    (SELECT pg_catalog.date_part('epoch', j.run_at - pg_catalog.now()) FROM voice.job j
     WHERE j.lease IS NULL AND j.priority = 5 AND j.tenant_id = t.tenant_id AND j.run_at > pg_catalog.now() AND j.kind = 'live'
     ORDER BY j.run_at LIMIT 1)
FROM tenant t
