-- Without an order or a limit: asked for the lowest id of all, the planner may walk every month in the order of ids,
-- expecting the one that it wants soon, and there is none as a rule.
-- Runs as whoever imports, under whatever search path: schemas are named, of operators too.
SELECT c.id, c.status OPERATOR(pg_catalog.=) 'in_progress'
FROM voice.call c
WHERE c.external_id OPERATOR(pg_catalog.=) $1 AND c.tenant_id OPERATOR(pg_catalog.=) $2
