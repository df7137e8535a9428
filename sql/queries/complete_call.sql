-- What is stored of a call that comes again, locked until the transaction ends; the meta that it has with that of the
-- report, NULL where nothing is new. Runs as voice_worker for one tenant, under whatever search path: schemas are named,
-- of operators too.
SELECT c.deleted_at IS NOT NULL, c.started_at, c.ended_at, c.duration_ms, c.status, c.from_number, c.to_number,
       c.end_reason, c.recording_url, c.language, c.cost::pg_catalog.text, c.cost_currency,
       c.meta::pg_catalog.text, nullif(voice._merged_meta(c.meta, $3::pg_catalog.jsonb), c.meta)::pg_catalog.text,
       c.cost IS DISTINCT FROM $4::pg_catalog.numeric
FROM voice.call c
WHERE c.id OPERATOR(pg_catalog.=) $1 AND c.tenant_id OPERATOR(pg_catalog.=) $2
FOR NO KEY UPDATE
