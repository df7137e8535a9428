-- The ledger: one attempt for each analysed call, which went well.
INSERT INTO voice.attempt (call_id, tenant_id, kind, job_id, attempt, outcome, http_status, model, prompt_tokens,
    completion_tokens, latency_ms, created_at)
SELECT a.call_id, a.tenant_id, 'analyze', row_number() OVER (ORDER BY a.call_id), 1, 'ok', 200, a.model, a.prompt_tokens,
       a.completion_tokens, 800 + a.lead_score * 9, a.computed_at
FROM voice.analytics a WHERE a.call_id >= $1::text::uuid AND a.call_id < $2::text::uuid
ORDER BY a.call_id
