-- Keeps a call from being deleted under its analysis; a call that is being deleted is left alone.
SELECT id FROM voice.call WHERE id = ANY ($1::uuid[]) AND id BETWEEN $2 AND $3 FOR KEY SHARE SKIP LOCKED
