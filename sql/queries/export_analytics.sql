-- As in export_call.sql: what was made of the call.
SELECT a.model, a.summary,
       pg_catalog.jsonb_build_object('sentiment', a.sentiment, 'lead_score', a.lead_score, 'intent', a.intent, 'entities', a.entities,
                                     'summary', a.summary, 'next_action', a.next_action, 'computed_at', a.computed_at)::pg_catalog.text
FROM voice.analytics a
WHERE a.call_id OPERATOR(pg_catalog.=) $1 AND a.tenant_id OPERATOR(pg_catalog.=) voice._tenant()
