-- Receivers that want nothing any more. One that somebody is changing is left alone: it will say so again.
UPDATE voice.webhook h SET enabled = false, disabled_reason = w.reason
FROM unnest($1::uuid[], $2::text[]) w(id, reason),
    (SELECT b.id FROM voice.webhook b WHERE b.id = ANY ($1) AND b.enabled FOR NO KEY UPDATE SKIP LOCKED) ours
WHERE h.id = w.id AND h.id = ours.id
RETURNING h.id::text
