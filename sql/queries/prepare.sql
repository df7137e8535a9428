-- What the analysis of each claimed call needs, in one query. $2 and $3 bound the call ids, so that planning prunes
-- to the months of this batch. The words of a turn are its text or, where streaming never closed it, its final
-- chunks; the hash covers exactly these words. settle_words.sql must compute it alike. The turns are sorted once, in a
-- subquery that nothing else is done to.
SELECT w.ord, c.id IS NOT NULL, c.status, c.agent_id, g.vertical,
       CASE WHEN pg_catalog.isfinite(c.ended_at) THEN (pg_catalog.date_part('epoch', c.ended_at) * 1000)::bigint END,
       c.deleted_at IS NOT NULL,
       a.transcript_hash, a.prompt_version, a.model,
       t.roles, t.texts, t.hash
FROM pg_catalog.unnest($1::uuid[]) WITH ORDINALITY w(call_id, ord)
LEFT JOIN voice.call c ON c.id = w.call_id AND c.id BETWEEN $2 AND $3
LEFT JOIN voice.agent g ON g.id = c.agent_id AND g.tenant_id = c.tenant_id
LEFT JOIN voice.analytics a ON a.call_id = w.call_id AND a.call_id BETWEEN $2 AND $3
LEFT JOIN LATERAL (
    SELECT pg_catalog.array_agg(s.role) AS roles,
           pg_catalog.array_agg(s.words) AS texts,
           pg_catalog.substr(pg_catalog.sha256(pg_catalog.convert_to(
               pg_catalog.string_agg(s.role || E'\x1f' || s.words, E'\x1e'), 'UTF8')), 1, 16) AS hash
    FROM (
        SELECT u.role, CASE WHEN u.text <> '' THEN u.text ELSE voice._final_chunks(u.call_id, u.id) END AS words
        FROM voice.turn u
        WHERE u.call_id = w.call_id AND u.call_id BETWEEN $2 AND $3
        ORDER BY u.started_at, u.id
    ) s
) t ON true
ORDER BY w.ord
