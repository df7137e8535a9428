-- The same with what the agent did between the lines.
-- Runs as whoever asks, under whatever search path: schemas are named, of operators too.
SELECT l.line
FROM voice.call c
LEFT JOIN (
    SELECT t.started_at AS at, 0 AS kind, t.id,
           voice._turn_speaker(t.role, t.speaker, t.interrupted) OPERATOR(pg_catalog.||) ': ' OPERATOR(pg_catalog.||)
           voice._turn_words(t.text, t.call_id, t.id) AS line
    FROM voice.turn t WHERE t.call_id OPERATOR(pg_catalog.=) $1
    UNION ALL
    SELECT k.invoked_at, 1, k.id,
           pg_catalog.concat(
               'tool: ', k.name,
               '(', CASE WHEN k.args OPERATOR(pg_catalog.<>) '{}' THEN k.args END, ') → ',
               CASE WHEN k.error_text IS NOT NULL THEN pg_catalog.concat('error: ', k.error_text)
                    ELSE coalesce(k.result::pg_catalog.text, '(no result)') END)
    FROM voice.tool_call k WHERE k.call_id OPERATOR(pg_catalog.=) $1
) l ON true
WHERE c.id OPERATOR(pg_catalog.=) $1 AND c.tenant_id OPERATOR(pg_catalog.=) voice._tenant() AND c.deleted_at IS NULL
ORDER BY l.at, l.kind, l.id
