WITH buried AS (
    DELETE FROM voice.job j
    USING unnest($1::bigint[], $2::text[]) w(id, error)
    WHERE j.id = w.id
    RETURNING j.id, j.tenant_id, j.kind, j.call_id, j.priority, j.attempt, j.webhook_id, j.event, w.error
)
INSERT INTO voice.dead_job (id, tenant_id, kind, call_id, priority, attempts, webhook_id, event, last_error)
SELECT id, tenant_id, kind, call_id, priority, attempt, webhook_id, event, error FROM buried
