-- The words and tool calls of each call as they stand now: their hash (alike to prepare.sql), that of those which the stored
-- analysis is of, and the words themselves as they are searched. A tsvector holds at most 1 MB: of a longer transcript the first
-- 400,000 characters are found. The turns are sorted once, in a subquery that nothing else is done to; their times, in this
-- order, say how many began before a tool call.
SELECT w.call_id,
    voice._lines_hash(t.lines, k.lines) AS hash,
    (SELECT a.transcript_hash FROM {analytics} a WHERE a.call_id = w.call_id AND {within a.call_id}),
    pg_catalog.left(t.words, 400000)
FROM (SELECT DISTINCT call_id FROM pg_catalog.unnest($1::uuid[]) x(call_id)) w
CROSS JOIN LATERAL (
    SELECT pg_catalog.string_agg(voice._turn_line(s.speaker, s.words), E'\x1e') AS lines, pg_catalog.string_agg(s.words, E'\n') AS words,
           pg_catalog.array_agg(s.started_at) AS starts
    FROM (
        SELECT u.started_at, voice._turn_speaker(u.role, u.speaker, u.interrupted) AS speaker,
               voice._turn_words(u.text, u.call_id, u.id) AS words
        FROM {turn} u
        WHERE u.call_id = w.call_id AND {within u.call_id}
        ORDER BY u.started_at, u.id
    ) s
) t
CROSS JOIN LATERAL (
    SELECT pg_catalog.string_agg(voice._tool_call_line(s.turns_before, s.name, s.args, s.result, s.error_text), E'\x1e') AS lines
    FROM (
        SELECT k.name, k.args, k.result, k.error_text,
               coalesce(pg_catalog.width_bucket(k.invoked_at, t.starts), 0)::bigint AS turns_before
        FROM {tool_call} k
        WHERE k.call_id = w.call_id AND {within k.call_id}
        ORDER BY k.invoked_at, k.id
    ) s
) k
