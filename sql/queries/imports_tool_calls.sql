-- Arrays of one length, a tool call each, of many calls.
INSERT INTO voice.tool_call (tenant_id, call_id, turn_id, name, args, result, error_text, latency_ms, invoked_at)
SELECT $1, t.call_id, t.turn_id, t.name, coalesce(t.args::pg_catalog.jsonb, '{}'), t.result::pg_catalog.jsonb, t.error_text,
       t.latency_ms, t.invoked_at
FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),
                pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9))
     t(call_id, turn_id, name, args, result, error_text, latency_ms, invoked_at)
