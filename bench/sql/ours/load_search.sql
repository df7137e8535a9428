-- What the worker writes (sql/queries/settle_search.sql), for every call that has ended.
INSERT INTO voice.search_document (call_id, tenant_id, document)
SELECT c.id, c.tenant_id, to_tsvector('simple', left(w.words, 400000))
FROM voice.call c
JOIN (
    SELECT u.call_id, string_agg(u.text, E'\n' ORDER BY u.started_at, u.id) AS words
    FROM voice.turn u WHERE u.call_id >= $1::text::uuid AND u.call_id < $2::text::uuid
    GROUP BY u.call_id
) w ON w.call_id = c.id
WHERE c.id >= $1::text::uuid AND c.id < $2::text::uuid AND c.status <> 'in_progress'
ORDER BY c.id
