-- As in complete_call.sql: its tool calls.
SELECT k.id, k.name, k.args::pg_catalog.text, k.result IS NOT NULL OR k.error_text IS NOT NULL
FROM voice.tool_call k
WHERE k.call_id OPERATOR(pg_catalog.=) $1 AND k.tenant_id OPERATOR(pg_catalog.=) $2
ORDER BY k.invoked_at, k.id
