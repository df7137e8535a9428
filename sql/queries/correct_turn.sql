-- Runs under whatever search path the session has, as voice_worker: operators name their schema too.
UPDATE voice.turn t SET ended_at = t.started_at
WHERE t.call_id OPERATOR(pg_catalog.=) $1 AND t.id OPERATOR(pg_catalog.=) $2 AND t.ended_at OPERATOR(pg_catalog.<) t.started_at
