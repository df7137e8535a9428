-- A call that exists and the lines that were said in it, in spoken order; one row without a line if there are none.
-- Runs as whoever asks, under whatever search path: schemas are named, of operators too.
SELECT voice._turn_speaker(t.role, t.speaker, t.interrupted) OPERATOR(pg_catalog.||) ': ' OPERATOR(pg_catalog.||)
       voice._turn_words(t.text, t.call_id, t.id)
FROM voice.call c
LEFT JOIN voice.turn t ON t.call_id OPERATOR(pg_catalog.=) $1
WHERE c.id OPERATOR(pg_catalog.=) $1 AND c.tenant_id OPERATOR(pg_catalog.=) voice._tenant() AND c.deleted_at IS NULL
ORDER BY t.started_at, t.id
