-- Without an order or a limit: for the first row in the order of ids the planner would walk the ids of all calls.
-- Runs as whoever imports, under whatever search path: schemas are named, of operators too.
SELECT c.id, c.status OPERATOR(pg_catalog.=) 'in_progress',
       EXISTS (SELECT FROM voice.turn t WHERE t.call_id OPERATOR(pg_catalog.=) c.id)
FROM voice.call c
WHERE c.external_id OPERATOR(pg_catalog.=) $1 AND c.tenant_id OPERATOR(pg_catalog.=) $2
