-- Runs as voice_worker, under whatever search path: operators name their schema too. Both secrets while one replaces another.
SELECT x.secret FROM voice._receive_secret s
CROSS JOIN LATERAL (
    SELECT s.secret
    UNION ALL
    SELECT s.previous_secret WHERE s.previous_until OPERATOR(pg_catalog.>) pg_catalog.now()
) x
WHERE s.tenant_id OPERATOR(pg_catalog.=) $1 AND s.format OPERATOR(pg_catalog.=) $2 AND x.secret IS NOT NULL
