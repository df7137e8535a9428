-- In braces goes a condition on the vertical ($1), or nothing. $5 is the first id that a call since $2 may have: at
-- execution it prunes to the months that count. The tenant is named beside row-level security, for those whom it does not
-- hold, in the words of the policy: the planner then sees one condition. Runs as whoever asks, so schemas are named;
-- a caller without a privilege on the number and the words gets NULL in their place (src/api/leads.rs);
-- the rows are handed on as they are, so they have the types of the function whatever those of the table are.
SELECT t.call_id::pg_catalog.uuid, t.agent_id::pg_catalog.text, t.vertical::pg_catalog.text, t.from_number::pg_catalog.text,
       t.started_at::pg_catalog.timestamptz, t.lead_score::pg_catalog.int4, t.sentiment::pg_catalog.float8,
       t.intent::pg_catalog.text, t.entities::pg_catalog.jsonb, t.summary::pg_catalog.text, t.next_action::pg_catalog.text,
       t.contact_number::pg_catalog.text, t.external_id::pg_catalog.text
FROM voice.analytics t
WHERE t.tenant_id OPERATOR(pg_catalog.=) voice._tenant() {vertical}
  AND t.lead_score OPERATOR(pg_catalog.>=) $3 AND t.started_at OPERATOR(pg_catalog.>=) $2
  AND t.call_id OPERATOR(pg_catalog.>=) $5 AND t.deleted_at IS NULL
ORDER BY t.lead_score DESC, t.started_at DESC
LIMIT $4
