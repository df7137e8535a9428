-- What the delivery of each claimed job needs. $3 and $4 bound the call ids, so that planning prunes to the months of this
-- batch. A webhook that is not enabled, or of which no secret is known, is told nothing.
SELECT w.ord, j.webhook_id, j.event, h.id IS NOT NULL AND h.enabled, h.url, h.format, s.secret,
    c.id IS NOT NULL AND c.deleted_at IS NULL AND a.call_id IS NOT NULL,
    c.agent_id, coalesce(g.name, ''), a.vertical, a.lead_score::int, a.sentiment, a.intent, a.entities::text, a.summary, a.next_action,
    t.started_at, t.ended_at, t.analyzed_at
FROM unnest($1::bigint[], $2::uuid[]) WITH ORDINALITY w(job_id, call_id, ord)
LEFT JOIN voice.job j ON j.id = w.job_id
LEFT JOIN voice.webhook h ON h.id = j.webhook_id AND h.tenant_id = j.tenant_id
LEFT JOIN voice._webhook_secret s ON s.webhook_id = h.id
LEFT JOIN voice.call c ON c.id = w.call_id AND c.id BETWEEN $3 AND $4 AND c.tenant_id = j.tenant_id
LEFT JOIN voice.analytics a ON a.call_id = w.call_id AND a.call_id BETWEEN $3 AND $4
LEFT JOIN voice.agent g ON g.id = c.agent_id AND g.tenant_id = c.tenant_id
CROSS JOIN LATERAL (
    SELECT pg_catalog.to_char(c.started_at AT TIME ZONE 'UTC', f.format), pg_catalog.to_char(c.ended_at AT TIME ZONE 'UTC', f.format),
        pg_catalog.to_char(a.computed_at AT TIME ZONE 'UTC', f.format)
    FROM (VALUES ('YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) f(format)
) t(started_at, ended_at, analyzed_at)
ORDER BY w.ord
