-- Every column with its value, for who imports need not be allowed to read them.
UPDATE voice.call c
SET ended_at = $3, duration_ms = $4, status = $5, from_number = $6, to_number = $7, end_reason = $8, recording_url = $9,
    language = $10, cost = $11::pg_catalog.numeric, cost_currency = $12, meta = $13::pg_catalog.jsonb
WHERE c.id OPERATOR(pg_catalog.=) $1 AND c.tenant_id OPERATOR(pg_catalog.=) $2
