-- The trials that jobs are of, and the version of the analysis that each tries.
SELECT j.id, t.id, t.model, t.instructions,
       a.name, a.version, a.schema::text, a.criteria::text, a.instructions, a.vertical, a.agent_id, a.model, a.min_user_turns
FROM voice.job j
JOIN voice.trial t ON t.id = j.event::bigint AND t.tenant_id = j.tenant_id
LEFT JOIN voice.analysis a ON a.tenant_id = t.tenant_id AND a.name = t.name AND a.version = t.version
WHERE j.id = ANY ($1::bigint[]) AND j.kind = 'trial' AND (t.name IS NULL OR a.name IS NOT NULL)
