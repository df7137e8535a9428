-- voice_requeue_dead and voice_reanalyze put calls back into the queue, once each.
BEGIN;
INSERT INTO voice.agent (id) VALUES ('again');
SELECT voice_import_call('{"agent": "again", "turns": [{"role": "user", "text": "hello"}]}') AS call \gset
WITH gone AS (DELETE FROM voice.job RETURNING *)
INSERT INTO voice.dead_job (id, call_id, attempts, kind, last_error) SELECT id, call_id, 5, kind, 'refused' FROM gone;
SELECT queued, dead FROM voice_status();
SELECT voice_requeue_dead(0) AS none, voice_requeue_dead() AS one, voice_requeue_dead() AS no_more;
SELECT queued, dead FROM voice_status();
SELECT voice_reanalyze(:'call') AS waits_already;
DELETE FROM voice.job;
INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version,
                             transcript_hash, summary, next_action)
SELECT id, started_at, 0.5, 80, agent_id, 'general', 'sales', 'test', 'test', '\x00', '', '' FROM voice.call;
SELECT voice_reanalyze(:'call') AS queued;
SELECT transcript_hash IS NULL AS judged_whatever_it_was, lead_score AS read_until_then FROM voice.analytics;
ROLLBACK;
