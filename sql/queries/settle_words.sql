-- The words of each call as they stand now: their hash (alike to prepare.sql), that of the words which the stored analysis
-- is of, and the words themselves as they are searched. A tsvector holds at most 1 MB: of a longer transcript the first
-- 400,000 characters are found. The turns are sorted once, in a subquery that nothing else is done to.
SELECT w.call_id,
    pg_catalog.substr(pg_catalog.sha256(pg_catalog.convert_to(t.lines, 'UTF8')), 1, 16),
    (SELECT a.transcript_hash FROM {analytics} a WHERE a.call_id = w.call_id AND {within a.call_id}),
    pg_catalog.left(t.words, 400000)
FROM (SELECT DISTINCT call_id FROM pg_catalog.unnest($1::uuid[]) x(call_id)) w
CROSS JOIN LATERAL (
    SELECT pg_catalog.string_agg(s.speaker || E'\x1f' || s.words, E'\x1e') AS lines, pg_catalog.string_agg(s.words, E'\n') AS words
    FROM (
        SELECT voice._turn_speaker(u.role, u.speaker, u.interrupted) AS speaker,
               voice._turn_words(u.text, u.call_id, u.id) AS words
        FROM {turn} u
        WHERE u.call_id = w.call_id AND {within u.call_id}
        ORDER BY u.started_at, u.id
    ) s
) t
