-- What the analysis of each claimed call needs, in one query. The words of a turn are its text or, where streaming never
-- closed it, its chunks; the hash covers exactly these words, and who spoke them. settle_words.sql must compute it alike.
-- Every table is read for one call at a time (LIMIT 1): by its key, whatever the planner believes of it. The turns are sorted
-- once, in a subquery that nothing else is done to.
SELECT w.ord, c.id IS NOT NULL, c.status, c.agent_id, g.vertical,
       CASE WHEN pg_catalog.isfinite(c.ended_at) THEN (pg_catalog.date_part('epoch', c.ended_at) * 1000)::bigint END,
       c.deleted_at IS NOT NULL,
       a.transcript_hash, a.prompt_version, a.model,
       t.roles, t.texts, t.hash, t.speakers
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
           pg_catalog.substr(pg_catalog.sha256(pg_catalog.convert_to(
               pg_catalog.string_agg(s.speaker || E'\x1f' || s.words, E'\x1e'), 'UTF8')), 1, 16) AS hash
    FROM (
        SELECT u.role,
               voice._turn_speaker(u.role, u.speaker, u.interrupted) AS speaker,
               voice._turn_words(u.text, u.call_id, u.id) AS words
        FROM {turn} u
        WHERE u.call_id = w.call_id AND {within u.call_id}
        ORDER BY u.started_at, u.id
    ) s
) t ON true
ORDER BY w.ord
