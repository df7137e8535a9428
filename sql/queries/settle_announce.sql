-- The deliveries of calls whose analysis has just been stored, in the same transaction. lead.hot and call.analyzed once per
-- call, webhook and event, however often the call is judged; call.updated whenever a call that the webhook was told of is
-- judged differently than what it was told last. analytics remembers, and leaves with its call and its month: `webhook event`,
-- and for webhooks that want updates `webhook #judgement`. Who tells of one call holds the call's lock, so nobody else
-- announces it meanwhile. $4: a delivery is as urgent as the analysis was. A call that is older than the setting
-- webhook_max_age is no hot lead any more. only_if looks at the newest result of one analysis, which is stored before.
WITH wanted AS (
    SELECT DISTINCT a.call_id, a.tenant_id, p.priority, w.id AS webhook_id, w.id::text AS webhook, w.events, a.announced,
        a.lead_score >= w.min_lead_score AND a.intent = ANY (w.intents)
            AND (s.max_age = interval '0' OR a.started_at >= pg_catalog.now() - s.max_age)
            AND (w.only_if IS NULL OR EXISTS (
                SELECT 1 FROM (SELECT r.success, r.score, r."values" FROM voice.result r
                             WHERE r.call_id = a.call_id AND r.call_id BETWEEN $2 AND $3 AND r.analysis = w.only_if->>'analysis'
                             ORDER BY r.version DESC LIMIT 1) r
                WHERE r.success = coalesce(w.only_if->>'success', r.success)
                  AND coalesce(r.score, -1) >= coalesce((w.only_if->>'min_score')::numeric, -1)
                  AND r."values" @> coalesce(w.only_if->'values', '{}'))) AS is_hot,
        CASE WHEN 'call.updated' = ANY (w.events) THEN w.id || ' #' || pg_catalog.md5(pg_catalog.concat_ws(E'\x1f',
            a.lead_score, a.sentiment, a.intent, a.entities, a.summary, a.next_action)) END AS judgement
    FROM unnest($1::uuid[], $4::smallint[]) p(call_id, priority)
    JOIN voice.analytics a ON a.call_id = p.call_id AND a.call_id BETWEEN $2 AND $3
    JOIN voice.webhook w ON w.tenant_id = a.tenant_id AND w.enabled
    CROSS JOIN (SELECT pg_catalog.current_setting('voice_analytics.webhook_max_age')::interval AS max_age) s
), news AS (
    SELECT w.*, e.event
    FROM wanted w CROSS JOIN LATERAL pg_catalog.unnest(w.events) e(event)
    WHERE e.event NOT IN ('call.live', 'call.alert', 'alert.raised', 'alert.cleared') AND CASE e.event
        WHEN 'call.updated' THEN w.announced && ARRAY[w.webhook || ' lead.hot', w.webhook || ' call.analyzed']
                                 AND NOT w.judgement = ANY (w.announced)
        ELSE (e.event = 'call.analyzed' OR w.is_hot) AND (w.webhook || ' ' || e.event = ANY (w.announced)) IS NOT TRUE END
), remembered AS (
    UPDATE voice.analytics a
    SET announced = ARRAY(SELECT m FROM unnest(a.announced) m WHERE NOT pg_catalog.split_part(m, ' #', 1) = ANY (n.judged)) || n.marks
    FROM (SELECT call_id, coalesce(pg_catalog.array_agg(DISTINCT webhook) FILTER (WHERE judgement IS NOT NULL), '{}') AS judged,
              pg_catalog.array_agg(DISTINCT m.mark ORDER BY m.mark) FILTER (WHERE m.mark IS NOT NULL) AS marks
          FROM news CROSS JOIN LATERAL (VALUES (CASE WHEN event <> 'call.updated' THEN webhook || ' ' || event END), (judgement)) m(mark)
          GROUP BY call_id) n
    WHERE a.call_id = n.call_id AND a.call_id BETWEEN $2 AND $3
)
INSERT INTO voice.job (tenant_id, kind, call_id, priority, webhook_id, event)
SELECT n.tenant_id, 'deliver', n.call_id, n.priority, n.webhook_id, n.event FROM news n
RETURNING 1
