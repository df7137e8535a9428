-- What waits of trials, a row a priority and tenant: the jobs that are due, the longest waiting first, $1 at most; and in how many
-- seconds the next one will be. Trials are few and nobody waits for them: no tenant has a share of its own.
WITH due AS (
    SELECT j.priority, j.tenant_id, j.id FROM voice.job j
    WHERE j.lease IS NULL AND j.kind = 'trial' AND j.run_at <= pg_catalog.now()
    ORDER BY j.priority, j.tenant_id, j.run_at, j.id LIMIT $1
)
SELECT d.priority, d.tenant_id, pg_catalog.array_agg(d.id ORDER BY d.id), NULL::double precision FROM due d GROUP BY 1, 2
UNION ALL
(SELECT j.priority, j.tenant_id, '{}', pg_catalog.date_part('epoch', j.run_at - pg_catalog.now()) FROM voice.job j
 WHERE j.lease IS NULL AND j.kind = 'trial' AND j.run_at > pg_catalog.now() ORDER BY j.run_at LIMIT 1)
