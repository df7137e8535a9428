-- What the analysis of each claimed call needs, in one query. The words of a turn are its text or, where streaming never
-- closed it, its chunks; the hash covers exactly these words, who spoke them, and the tool calls. settle_words.sql must compute it
-- alike. turns_before: after how many of the turns, in their order, a tool call stands.
-- Every table is read for one call at a time (LIMIT 1): by its key, whatever the planner believes of it. The turns are sorted
-- once, in a subquery that nothing else is done to; their times, in this order, say how many began before a tool call.
SELECT w.ord, c.id IS NOT NULL, c.status, c.agent_id, g.vertical,
       CASE WHEN pg_catalog.isfinite(c.ended_at) THEN (pg_catalog.date_part('epoch', c.ended_at) * 1000)::bigint END,
       c.deleted_at IS NOT NULL,
       a.transcript_hash, a.prompt_version, a.model,
       t.roles, t.texts, voice._lines_hash(t.lines, k.lines), t.speakers,
       k.turns_before, k.names, k.args, k.results, k.errors, k.latencies
FROM pg_catalog.unnest($1::uuid[]) WITH ORDINALITY w(call_id, ord)
LEFT JOIN LATERAL (
    SELECT c.id, c.tenant_id, c.agent_id, c.status, c.ended_at, c.deleted_at
    FROM {call} c WHERE c.id = w.call_id AND {within c.id} LIMIT 1
) c ON true
LEFT JOIN LATERAL (
    SELECT g.vertical FROM voice.agent g WHERE g.id = c.agent_id AND g.tenant_id = c.tenant_id LIMIT 1
) g ON true
LEFT JOIN LATERAL (
    SELECT a.transcript_hash, a.prompt_version, a.model
    FROM {analytics} a WHERE a.call_id = w.call_id AND {within a.call_id} LIMIT 1
) a ON true
LEFT JOIN LATERAL (
    SELECT pg_catalog.array_agg(s.role) AS roles,
           pg_catalog.array_agg(s.words) AS texts,
           pg_catalog.array_agg(s.speaker) AS speakers,
           pg_catalog.array_agg(s.started_at) AS starts,
           pg_catalog.string_agg(voice._turn_line(s.speaker, s.words), E'\x1e') AS lines
    FROM (
        SELECT u.role, u.started_at,
               voice._turn_speaker(u.role, u.speaker, u.interrupted) AS speaker,
               voice._turn_words(u.text, u.call_id, u.id) AS words
        FROM {turn} u
        WHERE u.call_id = w.call_id AND {within u.call_id}
        ORDER BY u.started_at, u.id
    ) s
) t ON true
LEFT JOIN LATERAL (
    SELECT pg_catalog.array_agg(s.turns_before::int) AS turns_before,
           pg_catalog.array_agg(s.name) AS names,
           pg_catalog.array_agg(CASE WHEN s.args <> '{}' THEN s.args::text END) AS args,
           pg_catalog.array_agg(s.result::text) AS results,
           pg_catalog.array_agg(s.error_text) AS errors,
           pg_catalog.array_agg(s.latency_ms) AS latencies,
           pg_catalog.string_agg(voice._tool_call_line(s.turns_before, s.name, s.args, s.result, s.error_text), E'\x1e') AS lines
    FROM (
        SELECT k.name, k.args, k.result, k.error_text, k.latency_ms,
               coalesce(pg_catalog.width_bucket(k.invoked_at, t.starts), 0)::bigint AS turns_before
        FROM {tool_call} k
        WHERE k.call_id = w.call_id AND {within k.call_id}
        ORDER BY k.invoked_at, k.id
    ) s
) k ON true
ORDER BY w.ord
