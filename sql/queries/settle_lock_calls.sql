-- Keeps a call from being deleted, or its copied columns from being changed, under its analysis; and gives those columns. A
-- call that somebody is changing is left alone; writers of its turns are not in the way.
SELECT c.id, c.status = 'in_progress', c.tenant_id, c.agent_id, c.started_at, c.from_number,
    voice._contact_number(c.direction, c.from_number, c.to_number), c.external_id,
    c.deleted_at IS NOT NULL
FROM {call} c WHERE c.id = ANY ($1::uuid[]) AND {within c.id} FOR NO KEY UPDATE SKIP LOCKED
