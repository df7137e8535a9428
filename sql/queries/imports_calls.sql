-- Arrays of one length, a call each.
INSERT INTO voice.call (tenant_id, id, agent_id, external_id, direction, from_number, to_number, started_at, ended_at,
                        duration_ms, status, end_reason, recording_url, language, meta, cost, cost_currency)
SELECT $1, c.id, c.agent_id, c.external_id, c.direction, c.from_number, c.to_number, c.started_at, c.ended_at, c.duration_ms,
       c.status, c.end_reason, c.recording_url, c.language, c.meta::pg_catalog.jsonb, c.cost::pg_catalog.numeric, c.cost_currency
FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),
                pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9),
                pg_catalog.unnest($10), pg_catalog.unnest($11), pg_catalog.unnest($12), pg_catalog.unnest($13),
                pg_catalog.unnest($14), pg_catalog.unnest($15), pg_catalog.unnest($16), pg_catalog.unnest($17))
     c(id, agent_id, external_id, direction, from_number, to_number, started_at, ended_at, duration_ms, status, end_reason,
       recording_url, language, meta, cost, cost_currency)
