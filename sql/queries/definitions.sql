-- The analyses that apply: of each name of a tenant the newest version, where it is not retired.
SELECT d.tenant_id, d.name, d.version, d.schema::text, d.criteria::text, d.instructions, d.vertical, d.agent_id, d.model, d.min_user_turns
FROM (SELECT DISTINCT ON (a.tenant_id, a.name) a.* FROM voice.analysis a ORDER BY a.tenant_id, a.name, a.version DESC) d
WHERE d.retired_at IS NULL
ORDER BY d.tenant_id, d.name
