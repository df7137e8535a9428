-- What the delivery of each claimed job needs. As in prepare.sql, every table is read by its key. A webhook that is not
-- enabled, or of which no secret is known, is told nothing; nor is any of a look at a call that is not in progress any more.
-- An event of an alert has no call: its own id stands in the place of one.
SELECT w.ord, j.webhook_id, j.event, h.id IS NOT NULL AND h.enabled, h.url, h.format, s.secret, s.old_secret,
    e.told IS NOT NULL OR c.id IS NOT NULL AND c.deleted_at IS NULL
        AND CASE WHEN n.is_live THEN c.status = 'in_progress' AND l.computed_at IS NOT NULL ELSE a.call_id IS NOT NULL END,
    c.agent_id, coalesce(g.name, ''), a.vertical, a.lead_score::int, a.sentiment, a.intent, a.entities::text, a.summary, a.next_action,
    t.started_at, t.ended_at, t.analyzed_at, c.direction, voice._contact_number(c.direction, c.from_number, c.to_number), c.external_id,
    coalesce(g.vertical, ''), l.turn, l.looks, l.sentiment, l.lead_score::int, l.intent, l.criteria::text, l.alerts, l.summary, t.asked_at, t.looked_at, t.alerted_at, e.told
FROM unnest($4::bigint[], $1::uuid[]) WITH ORDINALITY w(job_id, call_id, ord)
LEFT JOIN LATERAL (SELECT j.* FROM voice.job j WHERE j.id = w.job_id LIMIT 1) j ON true
LEFT JOIN LATERAL (SELECT h.* FROM voice.webhook h WHERE h.id = j.webhook_id AND h.tenant_id = j.tenant_id LIMIT 1) h ON true
LEFT JOIN LATERAL (
    SELECT s.secret, CASE WHEN s.replaced_at > pg_catalog.now() - interval '1 day' THEN s.old_secret END AS old_secret
    FROM voice._webhook_secret s WHERE s.webhook_id = h.id LIMIT 1
) s ON true
LEFT JOIN LATERAL (
    SELECT c.* FROM {call} c WHERE c.id = w.call_id AND {within c.id} AND c.tenant_id = j.tenant_id LIMIT 1
) c ON true
LEFT JOIN LATERAL (SELECT a.* FROM {analytics} a WHERE a.call_id = w.call_id AND {within a.call_id} LIMIT 1) a ON true
LEFT JOIN LATERAL (SELECT g.name, g.vertical FROM voice.agent g WHERE g.id = c.agent_id AND g.tenant_id = c.tenant_id LIMIT 1) g ON true
CROSS JOIN LATERAL (SELECT j.event IN ('call.live', 'call.alert') AS is_live) n
LEFT JOIN LATERAL (SELECT l.* FROM voice.live l WHERE n.is_live AND l.call_id = w.call_id LIMIT 1) l ON true
LEFT JOIN LATERAL (
    SELECT pg_catalog.jsonb_build_object('event_id', e.id, 'alert', e.alert, 'metric', e.metric, 'op', e.op, 'threshold', e.threshold,
        'window_s', pg_catalog.date_part('epoch', e."window")::bigint, 'value', e.value, 'calls', e.calls, 'agent_id', e.agent_id, 'vertical', e.vertical,
        'analysis', CASE WHEN e.metric <> 'cost' THEN e.part END, 'currency', CASE WHEN e.metric = 'cost' THEN e.part END, 'reason', e.reason,
        'at', pg_catalog.to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'raised_at', pg_catalog.to_char(e.raised_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))::text AS told
    FROM voice.alert_event e
    WHERE j.event IN ('alert.raised', 'alert.cleared') AND e.id = w.call_id AND e.tenant_id = j.tenant_id LIMIT 1
) e ON true
CROSS JOIN LATERAL (
    SELECT pg_catalog.to_char(c.started_at AT TIME ZONE 'UTC', f.format), pg_catalog.to_char(c.ended_at AT TIME ZONE 'UTC', f.format),
        pg_catalog.to_char(a.computed_at AT TIME ZONE 'UTC', f.format), pg_catalog.to_char(l.asked_at AT TIME ZONE 'UTC', f.format),
        pg_catalog.to_char(l.computed_at AT TIME ZONE 'UTC', f.format), pg_catalog.to_char(l.alerted_at AT TIME ZONE 'UTC', f.format)
    FROM (VALUES ('YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) f(format)
) t(started_at, ended_at, analyzed_at, asked_at, looked_at, alerted_at)
ORDER BY w.ord
