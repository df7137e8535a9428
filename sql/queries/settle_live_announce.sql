-- The deliveries of looks that have just been stored: $1 calls, $2 their tenants, $3 whether the look raised an alert. One that
-- waits already tells what is newest when it is sent.
INSERT INTO voice.job (tenant_id, kind, call_id, webhook_id, event)
SELECT w.tenant_id, 'deliver', p.call_id, w.id, e.event
FROM unnest($1::uuid[], $2::text[], $3::boolean[]) p(call_id, tenant_id, raised)
JOIN voice.webhook w ON w.tenant_id = p.tenant_id AND w.enabled
CROSS JOIN LATERAL pg_catalog.unnest(w.events) e(event)
WHERE (e.event = 'call.live' OR (e.event = 'call.alert' AND p.raised))
  AND NOT EXISTS (SELECT 1 FROM voice.job j
                  WHERE j.webhook_id = w.id AND j.call_id = p.call_id AND j.event = e.event AND j.lease IS NULL)
RETURNING 1
