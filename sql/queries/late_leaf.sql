-- The partition of voice.call that this partition of voice.turn (or transcript_chunk) references.
-- Runs under whatever search path the session has, as voice_worker: operators name their schema too.
SELECT k.confrelid
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_inherits i ON i.inhrelid OPERATOR(pg_catalog.=) k.confrelid
WHERE k.conrelid OPERATOR(pg_catalog.=) $1 AND k.contype OPERATOR(pg_catalog.=) 'f'
  AND i.inhparent OPERATOR(pg_catalog.=) 'voice.call'::pg_catalog.regclass
