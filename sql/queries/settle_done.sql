DELETE FROM voice.job WHERE id = ANY ($1)
