-- The leaf of voice.call that this leaf of voice.turn (or transcript_chunk) references.
SELECT k.confrelid, k.confrelid::pg_catalog.regclass::text
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_inherits i ON i.inhrelid = k.confrelid
WHERE k.conrelid = $1 AND k.contype = 'f' AND i.inhparent = 'voice.call'::pg_catalog.regclass
