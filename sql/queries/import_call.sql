INSERT INTO voice.call (id, tenant_id, agent_id, external_id, direction, from_number, to_number, started_at, ended_at,
                        duration_ms, status, end_reason, recording_url, language, meta, cost, cost_currency)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::pg_catalog.jsonb, $16::pg_catalog.numeric, $17)
