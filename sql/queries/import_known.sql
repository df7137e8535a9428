-- Found first and put in order then: asked for the lowest id of all, the planner may walk every month in the order of ids,
-- expecting the one that it wants soon, and there is none as a rule.
-- Runs as whoever imports, under whatever search path: schemas are named, of operators too.
WITH known AS MATERIALIZED (
    SELECT c.id, c.status FROM voice.call c
    WHERE c.external_id OPERATOR(pg_catalog.=) $1 AND c.tenant_id OPERATOR(pg_catalog.=) $2
)
SELECT k.id, k.status OPERATOR(pg_catalog.=) 'in_progress',
       EXISTS (SELECT FROM voice.turn t WHERE t.call_id OPERATOR(pg_catalog.=) k.id)
FROM known k
ORDER BY k.id LIMIT 1
