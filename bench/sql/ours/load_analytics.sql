-- As the worker stores it: agent, start, deletion, and whatever else the table keeps of its call, copied from
-- the call, the hash over the words as in sql/queries/settle_words.sql. The two arguments bound the ids of the batch.
-- The other design has no summary and no next action; ours are as long as an LLM's usually are.
INSERT INTO voice.analytics (call_id, tenant_id, agent_id, vertical, started_at, deleted_at, sentiment, lead_score, intent,
    entities, summary, next_action, model, prompt_version, transcript_hash, prompt_tokens, completion_tokens, computed_at {copies})
SELECT c.id, c.tenant_id, c.agent_id, g.vertical, c.started_at, c.deleted_at, j.sentiment, j.lead_score, j.intent,
       j.entities,
       'The caller asked about ' || (j.entities ->> 'topic') || ' and the agent offered three slots for a visit on Tuesday.',
       'Call ' || (j.entities ->> 'name') || ' back to confirm the visit.',
       'gpt-4o-mini', '1', w.hash, 900, 90, j.computed_at {copied}
FROM judged j
JOIN voice.call c ON c.id = j.call_id AND c.id >= $1::text::uuid AND c.id < $2::text::uuid
JOIN voice.agent g ON g.id = c.agent_id
JOIN (
    SELECT u.call_id, substr(sha256(convert_to(
               string_agg(u.role || E'\x1f' || u.text, E'\x1e' ORDER BY u.started_at, u.id), 'UTF8')), 1, 16) AS hash
    FROM voice.turn u WHERE u.call_id >= $1::text::uuid AND u.call_id < $2::text::uuid
    GROUP BY u.call_id
) w ON w.call_id = c.id
ORDER BY c.id
