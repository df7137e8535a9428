-- The tenant is the call's own.
INSERT INTO voice.attempt (call_id, tenant_id, kind, job_id, attempt, outcome, error, http_status, model,
    prompt_tokens, completion_tokens, latency_ms, webhook_id, event)
SELECT c.id, c.tenant_id, CASE WHEN w.webhook_id IS NULL THEN 'analyze' ELSE 'deliver' END, w.job_id, w.attempt, w.outcome, w.error, w.http_status, w.model,
    w.prompt_tokens, w.completion_tokens, w.latency_ms, w.webhook_id, w.event
FROM unnest($1::uuid[], $4::bigint[], $5::smallint[], $6::text[], $7::text[], $8::int[],
         $9::text[], $10::int[], $11::int[], $12::int[], $13::uuid[], $14::text[])
     w(call_id, job_id, attempt, outcome, error, http_status, model, prompt_tokens, completion_tokens, latency_ms, webhook_id, event)
JOIN voice.call c ON c.id = w.call_id AND c.id BETWEEN $2 AND $3
