-- $1: an array of rows of the table. Tenant, agent, start and number are copies of the call's, which is locked; a trigger keeps
-- them true. A deleted call is not judged, so no copy of the deletion is to be made.
INSERT INTO voice.analytics AS a (call_id, tenant_id, agent_id, vertical, started_at, deleted_at, from_number, sentiment, lead_score,
    intent, entities, summary, next_action, model, prompt_version, transcript_hash, prompt_tokens, completion_tokens, contact_number, external_id,
    evidence, unsupported, computed_at)
SELECT w.call_id, w.tenant_id, w.agent_id, w.vertical, w.started_at, NULL, w.from_number, w.sentiment, w.lead_score,
    w.intent, w.entities, w.summary, w.next_action, w.model, w.prompt_version, w.transcript_hash,
    w.prompt_tokens, w.completion_tokens, w.contact_number, w.external_id, w.evidence, w.unsupported, pg_catalog.clock_timestamp()
FROM pg_catalog.unnest($1) w
ON CONFLICT (call_id) DO UPDATE SET
    agent_id = EXCLUDED.agent_id, vertical = EXCLUDED.vertical, started_at = EXCLUDED.started_at,
    deleted_at = EXCLUDED.deleted_at, from_number = EXCLUDED.from_number, sentiment = EXCLUDED.sentiment, lead_score = EXCLUDED.lead_score,
    intent = EXCLUDED.intent, entities = EXCLUDED.entities, summary = EXCLUDED.summary,
    next_action = EXCLUDED.next_action, model = EXCLUDED.model, prompt_version = EXCLUDED.prompt_version,
    transcript_hash = EXCLUDED.transcript_hash, prompt_tokens = EXCLUDED.prompt_tokens,
    completion_tokens = EXCLUDED.completion_tokens, contact_number = EXCLUDED.contact_number,
    external_id = EXCLUDED.external_id, evidence = EXCLUDED.evidence, unsupported = EXCLUDED.unsupported, computed_at = EXCLUDED.computed_at
