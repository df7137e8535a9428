-- A recogniser guesses late: what is final stays as it was.
-- Runs under whatever search path the session has, as voice_worker: operators name their schema too.
UPDATE voice.transcript_chunk k
SET text = $4, is_final = true, start_ms = $5, end_ms = $6, confidence = $7
WHERE k.call_id OPERATOR(pg_catalog.=) $1 AND k.turn_id OPERATOR(pg_catalog.=) $2 AND k.seq OPERATOR(pg_catalog.=) $3
