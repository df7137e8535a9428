-- The columns of a call and of its agent. Runs as whoever asks, under whatever search path: schemas are named, of operators
-- too. No row: no such call, or it is deleted.
SELECT c.agent_id, g.name, g.vertical, g.prompt_hash, g.voice, c.external_id, c.direction, c.status, c.from_number,
       c.to_number, c.end_reason, c.recording_url, c.language, c.started_at, c.ended_at, c.duration_ms,
       c.cost::pg_catalog.float8, c.cost_currency, c.meta::pg_catalog.text
FROM voice.call c
LEFT JOIN voice.agent g ON g.id OPERATOR(pg_catalog.=) c.agent_id AND g.tenant_id OPERATOR(pg_catalog.=) c.tenant_id
WHERE c.id OPERATOR(pg_catalog.=) $1 AND c.tenant_id OPERATOR(pg_catalog.=) voice._tenant() AND c.deleted_at IS NULL
