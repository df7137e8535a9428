-- As enqueue.sql, for the calls of one statement.
INSERT INTO voice.job (tenant_id, kind, call_id, run_at)
SELECT $1, 'analyze', c.id, pg_catalog.now() OPERATOR(pg_catalog.+) ($3 OPERATOR(pg_catalog.*) interval '1 millisecond')
FROM pg_catalog.unnest($2) c(id)
ON CONFLICT (call_id) WHERE kind OPERATOR(pg_catalog.=) 'analyze' DO NOTHING
