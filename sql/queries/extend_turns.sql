-- Arrays of one length, a turn each. Runs as whoever imports, who need not be allowed to read words.
UPDATE voice.turn t
SET text = u.text, ended_at = coalesce(u.ended_at, t.ended_at), interrupted = u.interrupted OR t.interrupted,
    transcription_ms = coalesce(u.transcription_ms, t.transcription_ms), llm_ttft_ms = coalesce(u.llm_ttft_ms, t.llm_ttft_ms),
    tts_ttfb_ms = coalesce(u.tts_ttfb_ms, t.tts_ttfb_ms), e2e_latency_ms = coalesce(u.e2e_latency_ms, t.e2e_latency_ms)
FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6),
                pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9), pg_catalog.unnest($10))
     u(id, text, ended_at, interrupted, transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms)
WHERE t.call_id OPERATOR(pg_catalog.=) $1 AND t.tenant_id OPERATOR(pg_catalog.=) $2 AND t.id OPERATOR(pg_catalog.=) u.id
