-- Arrays of one length, a tool call each. Runs as whoever imports.
UPDATE voice.tool_call k
SET result = u.result::pg_catalog.jsonb, error_text = u.error_text, latency_ms = coalesce(u.latency_ms, k.latency_ms)
FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6))
     u(id, result, error_text, latency_ms)
WHERE k.call_id OPERATOR(pg_catalog.=) $1 AND k.tenant_id OPERATOR(pg_catalog.=) $2 AND k.id OPERATOR(pg_catalog.=) u.id
