-- The partition of calls that this partition of voice.turn (or transcript_chunk) references: a partition of any table, whatever
-- its name, whose key (id, tenant_id) it refers to. Chunks also refer to turns, by (call_id, id).
-- Runs under whatever search path the session has, as voice_worker: operators name their schema too.
SELECT k.confrelid
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_inherits i ON i.inhrelid OPERATOR(pg_catalog.=) k.confrelid
JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) k.confrelid AND a.attnum OPERATOR(pg_catalog.=) k.confkey[1]
JOIN pg_catalog.pg_attribute b ON b.attrelid OPERATOR(pg_catalog.=) k.confrelid AND b.attnum OPERATOR(pg_catalog.=) k.confkey[2]
WHERE k.conrelid OPERATOR(pg_catalog.=) $1 AND k.contype OPERATOR(pg_catalog.=) 'f'
  AND a.attname OPERATOR(pg_catalog.=) 'id'::pg_catalog.name AND b.attname OPERATOR(pg_catalog.=) 'tenant_id'::pg_catalog.name
