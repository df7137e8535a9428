SELECT role, text FROM voice.turn WHERE call_id = $1 ORDER BY started_at, id
