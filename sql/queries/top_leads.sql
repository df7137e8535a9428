-- In braces goes a condition on the vertical ($1), or nothing. $5 is the first id that a call since $2 may have: at
-- execution it prunes to the months that count. The tenant is named beside row-level security, for those whom it does not
-- hold, in the words of the policy: the planner then sees one condition. Runs as whoever asks, so schemas are named.
SELECT t.call_id, t.agent_id, t.vertical, t.from_number, t.started_at, t.lead_score::pg_catalog.int4, t.sentiment, t.intent,
       t.entities, t.summary, t.next_action
FROM voice.analytics t
WHERE t.tenant_id OPERATOR(pg_catalog.=) voice._tenant() {vertical}
  AND t.lead_score OPERATOR(pg_catalog.>=) $3 AND t.started_at OPERATOR(pg_catalog.>=) $2
  AND t.call_id OPERATOR(pg_catalog.>=) $5 AND t.deleted_at IS NULL
ORDER BY t.lead_score DESC, t.started_at DESC
LIMIT $4
