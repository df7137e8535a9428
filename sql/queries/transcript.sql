-- A call that exists and the lines that were said in it, in spoken order; one row without a line if there are none.
-- Runs as whoever asks, under whatever search path: schemas are named, of operators too.
SELECT coalesce(t.speaker, t.role) OPERATOR(pg_catalog.||) CASE WHEN t.interrupted THEN ' (interrupted): ' ELSE ': ' END OPERATOR(pg_catalog.||)
       CASE WHEN t.text OPERATOR(pg_catalog.<>) '' THEN t.text ELSE voice._streamed_words(t.call_id, t.id) END
FROM voice.call c
LEFT JOIN voice.turn t ON t.call_id OPERATOR(pg_catalog.=) $1
WHERE c.id OPERATOR(pg_catalog.=) $1 AND c.tenant_id OPERATOR(pg_catalog.=) voice._tenant() AND c.deleted_at IS NULL
ORDER BY t.started_at, t.id
