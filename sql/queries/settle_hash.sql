-- The words of each call as they stand now (alike to prepare.sql), and those that the stored analysis is of.
SELECT w.call_id, pg_catalog.substr(pg_catalog.sha256(pg_catalog.convert_to(
           pg_catalog.string_agg(s.role || E'\x1f' || s.words, E'\x1e' ORDER BY s.started_at, s.id), 'UTF8')), 1, 16),
    (SELECT a.transcript_hash FROM voice.analytics a WHERE a.call_id = w.call_id AND a.call_id BETWEEN $2 AND $3)
FROM pg_catalog.unnest($1::uuid[]) w(call_id)
LEFT JOIN LATERAL (
    SELECT u.id, u.role, u.started_at,
           CASE WHEN u.text <> '' THEN u.text ELSE voice._final_chunks(u.call_id, u.id) END AS words
    FROM voice.turn u
    WHERE u.call_id = w.call_id AND u.call_id BETWEEN $2 AND $3
) s ON true
GROUP BY w.call_id
