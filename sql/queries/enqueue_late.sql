-- A second's pause gathers the turns that trickle in. Where the job is there already it is locked, not changed: a
-- worker that is about to settle it leaves it alone until this transaction is over, and then sees its turns.
-- Runs under whatever search path the session has, as voice_worker: operators name their schema too.
INSERT INTO voice.job (tenant_id, kind, call_id, run_at)
VALUES ($1, 'analyze', $2, pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) interval '1 second')
ON CONFLICT (call_id) WHERE kind OPERATOR(pg_catalog.=) 'analyze' DO UPDATE SET run_at = EXCLUDED.run_at WHERE false
