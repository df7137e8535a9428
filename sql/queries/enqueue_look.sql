-- The job of a call in progress that is looked at every $3 milliseconds, and its row of voice.live. The first look is an interval
-- away, so that something was said by then. Priority 5 is of looks alone (look_live.sql).
-- Runs under whatever search path the session has, as voice_worker: operators name their schema too.
WITH shown AS (
    INSERT INTO voice.live (call_id, tenant_id) VALUES ($2, $1) ON CONFLICT (call_id) DO NOTHING
)
INSERT INTO voice.job (tenant_id, kind, call_id, priority, event, run_at)
VALUES ($1, 'live', $2, 5, 'look', greatest(
    pg_catalog.clock_timestamp(),
    coalesce((SELECT l.asked_at FROM voice.live l WHERE l.call_id OPERATOR(pg_catalog.=) $2), pg_catalog.clock_timestamp())
        OPERATOR(pg_catalog.+) ($3 OPERATOR(pg_catalog.*) interval '1 millisecond')))
ON CONFLICT (call_id, event) WHERE kind OPERATOR(pg_catalog.=) ANY ('{trial,live}') DO NOTHING
