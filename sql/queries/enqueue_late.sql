-- A second's pause gathers the turns that trickle in. Where the job is there already it is locked, not changed: a
-- worker that is about to settle it leaves it alone until this transaction is over, and then sees its turns.
INSERT INTO voice.job (tenant_id, kind, call_id, run_at)
VALUES ($1, 'analyze', $2, pg_catalog.clock_timestamp() + interval '1 second')
ON CONFLICT (call_id) WHERE kind = 'analyze' DO UPDATE SET run_at = EXCLUDED.run_at WHERE false
