-- The tenant is the call's own.
INSERT INTO voice.attempt (call_id, tenant_id, kind, job_id, attempt, outcome, error, http_status, model,
    prompt_tokens, completion_tokens, latency_ms, webhook_id, event)
SELECT w.call_id, w.tenant_id, w.kind, w.job_id, w.attempt, w.outcome, w.error,
    w.http_status, w.model, w.prompt_tokens, w.completion_tokens, w.latency_ms, w.webhook_id, w.event
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::smallint[], $5::text[], $6::text[], $7::int[],
         $8::text[], $9::int[], $10::int[], $11::int[], $12::uuid[], $13::text[], $14::text[])
     w(call_id, tenant_id, job_id, attempt, outcome, error, http_status, model, prompt_tokens, completion_tokens, latency_ms, webhook_id, event, kind)
