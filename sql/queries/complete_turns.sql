-- As in complete_call.sql: the turns of the call in spoken order.
SELECT t.id, t.role, t.speaker, voice._turn_words(t.text, t.call_id, t.id),
       t.started_at
FROM voice.turn t
WHERE t.call_id OPERATOR(pg_catalog.=) $1 AND t.tenant_id OPERATOR(pg_catalog.=) $2
ORDER BY t.started_at, t.id
