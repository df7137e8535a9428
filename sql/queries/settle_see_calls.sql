SELECT id FROM voice.call WHERE id = ANY ($1::uuid[]) AND id BETWEEN $2 AND $3
