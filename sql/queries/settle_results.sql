-- $1: an array of rows of the table, as settle_analytics.sql has it. What another version said of the call stays.
INSERT INTO voice.result (call_id, analysis, version, tenant_id, agent_id, vertical, started_at, "values", criteria, score, success,
    evidence, unsupported, refused, model, prompt_version, transcript_hash, prompt_tokens, completion_tokens, computed_at)
SELECT w.call_id, w.analysis, w.version, w.tenant_id, w.agent_id, w.vertical, w.started_at, w."values", w.criteria, w.score, w.success,
    w.evidence, w.unsupported, w.refused, w.model, w.prompt_version, w.transcript_hash, w.prompt_tokens, w.completion_tokens,
    pg_catalog.clock_timestamp()
FROM pg_catalog.unnest($1) w
ON CONFLICT (call_id, analysis, version) DO UPDATE SET
    agent_id = EXCLUDED.agent_id, vertical = EXCLUDED.vertical, started_at = EXCLUDED.started_at, deleted_at = NULL,
    "values" = EXCLUDED."values", criteria = EXCLUDED.criteria, score = EXCLUDED.score, success = EXCLUDED.success,
    evidence = EXCLUDED.evidence, unsupported = EXCLUDED.unsupported, refused = EXCLUDED.refused, model = EXCLUDED.model,
    prompt_version = EXCLUDED.prompt_version, transcript_hash = EXCLUDED.transcript_hash,
    prompt_tokens = EXCLUDED.prompt_tokens, completion_tokens = EXCLUDED.completion_tokens, computed_at = EXCLUDED.computed_at
