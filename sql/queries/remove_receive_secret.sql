-- Runs as voice_worker, under whatever search path: operators name their schema too.
DELETE FROM voice._receive_secret s
WHERE s.tenant_id OPERATOR(pg_catalog.=) $1 AND s.format OPERATOR(pg_catalog.=) $2
