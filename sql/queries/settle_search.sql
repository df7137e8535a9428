-- A call's words for full-text search, once a call, so that turns pay nothing at ingest. A tsvector holds at most
-- 1 MB; of a longer transcript the first 400,000 characters are found.
INSERT INTO voice.search_document AS d (call_id, tenant_id, document)
SELECT c.id, c.tenant_id, pg_catalog.to_tsvector($4::text::regconfig, coalesce(pg_catalog.left(t.words, 400000), ''))
FROM pg_catalog.unnest($1::uuid[]) w(call_id)
JOIN voice.call c ON c.id = w.call_id AND c.id BETWEEN $2 AND $3
LEFT JOIN LATERAL (
    SELECT pg_catalog.string_agg(CASE WHEN u.text <> '' THEN u.text ELSE voice._final_chunks(u.call_id, u.id) END,
                                 E'\n' ORDER BY u.started_at, u.id) AS words
    FROM voice.turn u WHERE u.call_id = w.call_id AND u.call_id BETWEEN $2 AND $3
) t ON true
ON CONFLICT (call_id) DO UPDATE SET document = EXCLUDED.document
