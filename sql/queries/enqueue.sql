INSERT INTO voice.job (tenant_id, kind, call_id, run_at)
VALUES ($1, 'analyze', $2, pg_catalog.now() + $3 * interval '1 millisecond')
ON CONFLICT (call_id) WHERE kind = 'analyze' DO NOTHING
