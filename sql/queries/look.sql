-- What waits, a row a priority and tenant: the jobs that are due, the longest waiting first, of each tenant an equal
-- share of $1; and in how many seconds the next one will be. However long the queue is, this reads a few rows a tenant:
-- each step of the recursion is one probe of job_waiting_idx, which lands on the next tenant's first job. The ids are
-- an opinion: nothing is locked, and claim.sql looks again.
WITH RECURSIVE tenant AS (
    (SELECT j.priority, j.tenant_id FROM voice.job j WHERE j.lease IS NULL AND j.kind = 'analyze'
     ORDER BY j.priority, j.tenant_id LIMIT 1)
    UNION ALL
    SELECT following.priority, following.tenant_id
    FROM tenant t
    CROSS JOIN LATERAL (
        SELECT j.priority, j.tenant_id FROM voice.job j
        WHERE j.lease IS NULL AND j.kind = 'analyze' AND (j.priority, j.tenant_id) > (t.priority, t.tenant_id)
        ORDER BY j.priority, j.tenant_id LIMIT 1
    ) following
)
SELECT t.priority, t.tenant_id,
    ARRAY(SELECT j.id FROM voice.job j
          WHERE j.lease IS NULL AND j.priority = t.priority AND j.tenant_id = t.tenant_id AND j.run_at <= pg_catalog.now()
            AND j.kind = 'analyze'
          ORDER BY j.run_at, j.id LIMIT (SELECT greatest($1 / pg_catalog.count(*), 1) FROM tenant)),
    (SELECT pg_catalog.date_part('epoch', j.run_at - pg_catalog.now()) FROM voice.job j
     WHERE j.lease IS NULL AND j.priority = t.priority AND j.tenant_id = t.tenant_id AND j.run_at > pg_catalog.now()
       AND j.kind = 'analyze'
     ORDER BY j.run_at LIMIT 1)
FROM tenant t
