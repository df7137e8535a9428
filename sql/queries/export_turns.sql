-- As in export_call.sql, in spoken order.
SELECT t.id, t.role, t.speaker, voice._turn_words(t.text, t.call_id, t.id),
       t.started_at, t.ended_at, t.audio_url, t.interrupted, t.transcription_ms, t.llm_ttft_ms, t.tts_ttfb_ms, t.e2e_latency_ms
FROM voice.turn t
WHERE t.call_id OPERATOR(pg_catalog.=) $1 AND t.tenant_id OPERATOR(pg_catalog.=) voice._tenant()
ORDER BY t.started_at, t.id
