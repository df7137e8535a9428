-- $1: an array of rows of the table. The tenant is the call's own.
INSERT INTO voice.attempt (call_id, tenant_id, kind, job_id, attempt, outcome, error, http_status, model,
    prompt_tokens, completion_tokens, latency_ms, webhook_id, event, mended)
SELECT w.call_id, w.tenant_id, w.kind, w.job_id, w.attempt, w.outcome, w.error,
    w.http_status, w.model, w.prompt_tokens, w.completion_tokens, w.latency_ms, w.webhook_id, w.event, w.mended
FROM pg_catalog.unnest($1) w
