-- Runs as whoever imports, under whatever search path: schemas are named, of operators too.
SELECT 1 FROM voice.turn t WHERE t.call_id OPERATOR(pg_catalog.=) $1 LIMIT 1
