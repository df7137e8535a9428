-- As in export_call.sql, in the order in which they were made.
SELECT k.turn_id, k.name, k.args::pg_catalog.text, k.result::pg_catalog.text, k.error_text, k.latency_ms, k.invoked_at
FROM voice.tool_call k
WHERE k.call_id OPERATOR(pg_catalog.=) $1 AND k.tenant_id OPERATOR(pg_catalog.=) voice._tenant()
ORDER BY k.invoked_at, k.id
