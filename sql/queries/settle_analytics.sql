-- agent, start, deletion and number are copies of the call's, taken here under its lock and kept true by a trigger.
INSERT INTO voice.analytics AS a (call_id, tenant_id, agent_id, vertical, started_at, deleted_at, from_number, sentiment, lead_score,
    intent, entities, summary, next_action, model, prompt_version, transcript_hash, prompt_tokens, completion_tokens, computed_at)
SELECT c.id, c.tenant_id, c.agent_id, w.vertical, c.started_at, c.deleted_at, c.from_number, w.sentiment, w.lead_score,
    w.intent, w.entities::jsonb, w.summary, w.next_action, w.model, w.prompt_version, w.transcript_hash,
    w.prompt_tokens, w.completion_tokens, pg_catalog.clock_timestamp()
FROM unnest($1::uuid[], $4::text[], $5::double precision[], $6::int[], $7::text[], $8::text[], $9::text[],
         $10::text[], $11::text[], $12::text[], $13::bytea[], $14::int[], $15::int[])
     w(call_id, vertical, sentiment, lead_score, intent, entities, summary, next_action, model, prompt_version,
         transcript_hash, prompt_tokens, completion_tokens)
JOIN voice.call c ON c.id = w.call_id AND c.id BETWEEN $2 AND $3
ON CONFLICT (call_id) DO UPDATE SET
    agent_id = EXCLUDED.agent_id, vertical = EXCLUDED.vertical, started_at = EXCLUDED.started_at,
    deleted_at = EXCLUDED.deleted_at, from_number = EXCLUDED.from_number, sentiment = EXCLUDED.sentiment, lead_score = EXCLUDED.lead_score,
    intent = EXCLUDED.intent, entities = EXCLUDED.entities, summary = EXCLUDED.summary,
    next_action = EXCLUDED.next_action, model = EXCLUDED.model, prompt_version = EXCLUDED.prompt_version,
    transcript_hash = EXCLUDED.transcript_hash, prompt_tokens = EXCLUDED.prompt_tokens,
    completion_tokens = EXCLUDED.completion_tokens, computed_at = EXCLUDED.computed_at
