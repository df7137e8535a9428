SELECT id FROM voice.call c WHERE c.status <> 'in_progress' AND c.deleted_at IS NULL
    AND NOT EXISTS (SELECT FROM voice.analytics a WHERE a.call_id = c.id)
