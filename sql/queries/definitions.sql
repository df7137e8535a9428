-- The analyses that apply: of each name of a tenant the newest version that is not retired.
SELECT DISTINCT ON (a.tenant_id, a.name)
    a.tenant_id, a.name, a.version, a.schema::text, a.criteria::text, a.instructions, a.vertical, a.agent_id, a.model, a.min_user_turns
FROM voice.analysis a
WHERE a.retired_at IS NULL
ORDER BY a.tenant_id, a.name, a.version DESC
