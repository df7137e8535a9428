-- Keeps a call from being deleted, or its copied columns from being changed, under its analysis. A call that somebody
-- is changing is left alone; writers of its turns are not in the way.
SELECT id, status = 'in_progress' OR deleted_at IS NOT NULL FROM voice.call WHERE id = ANY ($1::uuid[]) AND id BETWEEN $2 AND $3 FOR NO KEY UPDATE SKIP LOCKED
