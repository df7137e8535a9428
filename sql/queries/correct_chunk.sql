-- Runs under whatever search path the session has, as voice_worker: operators name their schema too.
UPDATE voice.transcript_chunk k
SET end_ms = CASE WHEN k.end_ms OPERATOR(pg_catalog.<) k.start_ms THEN k.start_ms ELSE k.end_ms END,
    confidence = CASE WHEN k.confidence OPERATOR(pg_catalog.<) 0 THEN 0 WHEN k.confidence OPERATOR(pg_catalog.>) 1 THEN 1 ELSE k.confidence END
WHERE k.call_id OPERATOR(pg_catalog.=) $1 AND k.turn_id OPERATOR(pg_catalog.=) $2 AND k.seq OPERATOR(pg_catalog.=) $3
