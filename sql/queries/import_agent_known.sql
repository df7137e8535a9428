-- Runs as whoever imports, under whatever search path: schemas are named, of operators too.
SELECT 1 FROM voice.agent a WHERE a.id OPERATOR(pg_catalog.=) $1 AND a.tenant_id OPERATOR(pg_catalog.=) $2
