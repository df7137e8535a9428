-- Arrays of one length, a turn each, of many calls.
INSERT INTO voice.turn (tenant_id, call_id, id, role, text, started_at, ended_at, audio_url, interrupted, transcription_ms,
                        llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms, speaker)
SELECT $1, t.*
FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),
                pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9),
                pg_catalog.unnest($10), pg_catalog.unnest($11), pg_catalog.unnest($12), pg_catalog.unnest($13),
                pg_catalog.unnest($14)) t
