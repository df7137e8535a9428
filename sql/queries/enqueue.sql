-- Runs under whatever search path the session has, as voice_worker: operators name their schema too.
INSERT INTO voice.job (tenant_id, kind, call_id, run_at)
VALUES ($1, 'analyze', $2, pg_catalog.now() OPERATOR(pg_catalog.+) ($3 OPERATOR(pg_catalog.*) interval '1 millisecond'))
ON CONFLICT (call_id) WHERE kind OPERATOR(pg_catalog.=) 'analyze' DO NOTHING
