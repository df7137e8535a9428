-- Those of the external ids $1 that the tenant has. Runs as whoever imports, under whatever search path: schemas are named,
-- of operators too.
SELECT c.external_id
FROM voice.call c
WHERE c.external_id OPERATOR(pg_catalog.=) ANY ($1) AND c.tenant_id OPERATOR(pg_catalog.=) $2
