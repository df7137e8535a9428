-- Arrays of one length, a tool call each.
INSERT INTO voice.tool_call (call_id, tenant_id, name, args, result, error_text, latency_ms, invoked_at, turn_id)
SELECT $1, $2, t.name, coalesce(t.args::pg_catalog.jsonb, '{}'), t.result::pg_catalog.jsonb, t.error_text, t.latency_ms,
       t.invoked_at, t.turn_id
FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6),
                pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9))
     t(name, args, result, error_text, latency_ms, invoked_at, turn_id)
