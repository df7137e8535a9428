WITH buried AS (
    DELETE FROM voice.job j
    USING unnest($1::bigint[], $2::text[]) w(id, error)
    WHERE j.id = w.id
    RETURNING j.id, j.tenant_id, j.kind, j.call_id, j.priority, j.attempt, w.error
)
INSERT INTO voice.dead_job (id, tenant_id, kind, call_id, priority, attempts, last_error)
SELECT id, tenant_id, kind, call_id, priority, attempt, error FROM buried
