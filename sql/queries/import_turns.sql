-- Arrays of one length, a turn each. (ROWS FROM, because the short form of several unnest takes no schema.) The ids are
-- taken in the order of the rows.
INSERT INTO voice.turn (call_id, tenant_id, role, text, started_at, ended_at, audio_url, interrupted, transcription_ms,
                        llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms, speaker)
SELECT $1, $2, t.*
FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6),
                pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9), pg_catalog.unnest($10),
                pg_catalog.unnest($11), pg_catalog.unnest($12), pg_catalog.unnest($13)) t
RETURNING id
