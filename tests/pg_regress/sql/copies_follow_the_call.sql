-- Analytics and results carry copies of the call's agent, start and deletion; a trigger keeps them true, and reads obey them.
BEGIN;
INSERT INTO voice.agent (id, vertical) VALUES ('one', 'salon'), ('two', 'salon');
SELECT voice_import_call('{"agent": "one", "started_at": "2026-02-01T10:00:00Z", "duration_ms": 5, "from": "+15550001",
                           "turns": [{"role": "user", "text": "the blue door"}]}') AS call \gset
INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version,
                             summary, next_action)
SELECT id, started_at, 0.5, 80, agent_id, 'salon', 'sales', 'test', 'test', 'wants a door', 'call back' FROM voice.call;
INSERT INTO voice.result (call_id, started_at, agent_id, vertical, analysis, version, model, prompt_version)
SELECT id, started_at, agent_id, 'salon', 'booking', v, 'test', 'test' FROM voice.call, generate_series(1, 2) v;
INSERT INTO voice.search_document (call_id, document) SELECT call_id, to_tsvector('simple', text) FROM voice.turn;
UPDATE voice.call SET agent_id = 'two', started_at = started_at + interval '1 hour', ended_at = ended_at + interval '1 hour';
SELECT agent_id, started_at AT TIME ZONE 'UTC' AS started_at, deleted_at FROM voice.analytics;
SELECT version, agent_id, started_at AT TIME ZONE 'UTC' AS started_at, deleted_at FROM voice.result ORDER BY version;
SELECT agent_id, vertical, from_number, lead_score, intent, summary FROM voice_top_leads('salon', '2026-01-01 00:00+00');
SELECT bucket AT TIME ZONE 'UTC' AS bucket, agent_id, calls, avg_sentiment, avg_lead_score FROM voice_sentiment_trend('2026-01-01 00:00+00', 'two', 'month');
SELECT role, headline FROM voice_search('blue door');
UPDATE voice.call SET deleted_at = '2026-02-02 00:00+00';
SELECT version, deleted_at AT TIME ZONE 'UTC' AS deleted_at FROM voice.result ORDER BY version;
SELECT (SELECT count(*) FROM voice_top_leads(NULL, '2026-01-01 00:00+00')) AS leads,
       (SELECT count(*) FROM voice_sentiment_trend('2026-01-01 00:00+00')) AS trend,
       (SELECT count(*) FROM voice_search('blue')) AS found, (SELECT count(*) FROM voice_tool_stats('2026-01-01 00:00+00')) AS tools;
ROLLBACK;
