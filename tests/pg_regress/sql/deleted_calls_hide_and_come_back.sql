-- A deleted call is in no answer and not in the queue; restored, it is in all of them, and waits if it was never judged.
\set SHOW_CONTEXT never
BEGIN;
CREATE VIEW shown AS SELECT
    (SELECT count(*) FROM voice_top_leads(NULL, '-infinity', 0)) AS leads,
    (SELECT coalesce(sum(calls), 0) FROM voice_sentiment_trend('-infinity')) AS trend,
    (SELECT count(*) FROM voice_search('hidden')) AS found,
    (SELECT count(*) FROM voice_tool_stats('-infinity')) AS tools,
    (SELECT count(*) FROM voice.job) AS queued, (SELECT count(*) FROM voice.dead_job) AS dead;
SELECT voice_import_call('{"id": "h-1", "vertical": "salon", "turns": [{"role": "user", "text": "hidden words"}], "tool_calls": [{"name": "book"}]}') AS id \gset
INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action)
SELECT id, started_at, 0.5, 80, agent_id, 'salon', 'sales', 'test', 'test', 'said hello', 'call back' FROM voice.call;
INSERT INTO voice.search_document (call_id, document) VALUES (:'id', to_tsvector('simple', 'hidden words'));
INSERT INTO voice.dead_job (id, call_id, attempts, kind) VALUES (1, :'id', 5, 'deliver');
INSERT INTO voice.job (call_id, kind) VALUES (:'id', 'deliver');
SELECT * FROM shown;
SELECT voice_delete_call(:'id'), voice_delete_call(:'id') AS again;
SELECT * FROM shown;
SELECT voice_transcript(:'id') IS NULL AS hidden;
\set VERBOSITY sqlstate
SELECT voice_reanalyze(:'id');
ROLLBACK;
BEGIN;
SELECT voice_import_call('{"id": "h-1", "vertical": "salon", "turns": [{"role": "user", "text": "hidden words"}]}') AS id \gset
SELECT voice_delete_call(:'id');
SELECT count(*) AS queued FROM voice.job;
SELECT voice_restore_call(:'id'), voice_restore_call(:'id') AS again;
SELECT count(*) AS queued FROM voice.job;
SELECT voice_transcript(:'id');
-- By plain SQL it is the same.
UPDATE voice.call SET deleted_at = now();
SELECT count(*) AS queued FROM voice.job;
UPDATE voice.call SET deleted_at = NULL;
SELECT count(*) AS queued FROM voice.job;
SET LOCAL voice_analytics.tenant = 'other';
SAVEPOINT s;
\set VERBOSITY sqlstate
SELECT voice_delete_call(:'id');
ROLLBACK TO s;
SELECT voice_restore_call(:'id');
ROLLBACK TO s;
SELECT voice_erase_call(:'id');
ROLLBACK TO s;
SELECT voice_delete_call(NULL);
ROLLBACK;
