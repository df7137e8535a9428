-- The deliveries of calls whose analysis has just been stored, in the same transaction. Once per call, webhook and event,
-- however often the call is judged: analytics remembers, and leaves with its call and its month. Who tells of one call
-- holds the call's lock, so nobody else announces it meanwhile. $4: a delivery is as urgent as the analysis was. A call
-- that is older than the setting webhook_max_age is no hot lead any more.
WITH news AS (
    SELECT DISTINCT a.call_id, a.tenant_id, p.priority, w.id AS webhook_id, e.event, w.id || ' ' || e.event AS mark
    FROM unnest($1::uuid[], $4::smallint[]) p(call_id, priority)
    JOIN voice.analytics a ON a.call_id = p.call_id AND a.call_id BETWEEN $2 AND $3
    JOIN voice.webhook w ON w.tenant_id = a.tenant_id AND w.enabled
    CROSS JOIN LATERAL pg_catalog.unnest(w.events) e(event)
    CROSS JOIN (SELECT pg_catalog.current_setting('voice_analytics.webhook_max_age')::interval AS max_age) s
    WHERE (e.event = 'call.analyzed' OR (a.lead_score >= w.min_lead_score AND a.intent = ANY (w.intents)
        AND (s.max_age = interval '0' OR a.started_at >= pg_catalog.now() - s.max_age)))
      AND (w.id || ' ' || e.event = ANY (a.announced)) IS NOT TRUE
), remembered AS (
    UPDATE voice.analytics a SET announced = a.announced || n.marks
    FROM (SELECT call_id, pg_catalog.array_agg(mark ORDER BY mark) AS marks FROM news GROUP BY call_id) n
    WHERE a.call_id = n.call_id AND a.call_id BETWEEN $2 AND $3
)
INSERT INTO voice.job (tenant_id, kind, call_id, priority, webhook_id, event)
SELECT n.tenant_id, 'deliver', n.call_id, n.priority, n.webhook_id, n.event FROM news n
RETURNING 1
