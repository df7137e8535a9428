-- Latencies that a later report knows and the stored turns do not; arrays of one length. Runs as whoever imports.
UPDATE voice.turn t
SET transcription_ms = coalesce(t.transcription_ms, u.transcription_ms), llm_ttft_ms = coalesce(t.llm_ttft_ms, u.llm_ttft_ms),
    tts_ttfb_ms = coalesce(t.tts_ttfb_ms, u.tts_ttfb_ms), e2e_latency_ms = coalesce(t.e2e_latency_ms, u.e2e_latency_ms)
FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7))
     u(id, transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms)
WHERE t.call_id OPERATOR(pg_catalog.=) $1 AND t.tenant_id OPERATOR(pg_catalog.=) $2 AND t.id OPERATOR(pg_catalog.=) u.id
  AND ((t.transcription_ms IS NULL AND u.transcription_ms IS NOT NULL) OR (t.llm_ttft_ms IS NULL AND u.llm_ttft_ms IS NOT NULL)
       OR (t.tts_ttfb_ms IS NULL AND u.tts_ttfb_ms IS NOT NULL) OR (t.e2e_latency_ms IS NULL AND u.e2e_latency_ms IS NOT NULL))
RETURNING t.id
