-- Deleting a call deletes what belongs to it, the queue's rows included, which have no foreign key.
BEGIN;
INSERT INTO voice.agent (id) VALUES ('gone');
SELECT voice_import_call('{"id": "gone-1", "agent": "gone", "turns": [{"role": "user", "text": "hello"}],
                           "tool_calls": [{"name": "lookup"}]}') AS call \gset
INSERT INTO voice.transcript_chunk (call_id, turn_id, seq, text) SELECT call_id, id, 1, 'hello' FROM voice.turn;
INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version,
                             summary, next_action)
SELECT id, started_at, 0.5, 80, agent_id, 'general', 'sales', 'test', 'test', 'said hello', 'call back' FROM voice.call;
INSERT INTO voice.attempt (call_id, job_id, attempt, kind, outcome) VALUES (:'call', 1, 1, 'analyze', 'ok');
INSERT INTO voice.search_document (call_id, document) VALUES (:'call', 'hello');
INSERT INTO voice.dead_job (id, call_id, attempts, kind) VALUES (1, :'call', 5, 'analyze');
INSERT INTO voice.result (call_id, started_at, agent_id, vertical, analysis, version, model, prompt_version)
SELECT id, started_at, agent_id, 'general', 'booking', 1, 'test', 'test' FROM voice.call;
INSERT INTO voice.trial (since, sample, calls) VALUES (now(), 1, 1) RETURNING id AS trial \gset
INSERT INTO voice.trial_result (trial_id, call_id) VALUES (:trial, :'call');
INSERT INTO voice.label_sample (since, until, seed, candidates, calls, method) VALUES (now(), now(), 1, 1, 1, 'random') RETURNING id AS sample \gset
INSERT INTO voice.label_task (sample_id, call_id, place) VALUES (:sample, :'call', 1);
INSERT INTO voice.label (call_id, sentiment) VALUES (:'call', 0.5);
INSERT INTO voice.job (call_id, kind, event) VALUES (:'call', 'trial', :trial);
INSERT INTO voice.job (call_id, kind, event) VALUES (:'call', 'live', 'look');
INSERT INTO voice.live (call_id) VALUES (:'call');
DELETE FROM voice.call WHERE id = :'call';
SELECT (SELECT count(*) FROM voice.turn) AS turns, (SELECT count(*) FROM voice.transcript_chunk) AS chunks,
       (SELECT count(*) FROM voice.tool_call) AS tool_calls, (SELECT count(*) FROM voice.analytics) AS analytics,
       (SELECT count(*) FROM voice.attempt) AS attempts, (SELECT count(*) FROM voice.search_document) AS documents,
       (SELECT count(*) FROM voice.job) AS jobs, (SELECT count(*) FROM voice.dead_job) AS dead_jobs,
       (SELECT count(*) FROM voice.result) AS results, (SELECT count(*) FROM voice.trial_result) AS trial_results,
       (SELECT count(*) FROM voice.label) AS labels, (SELECT count(*) FROM voice.label_task) AS label_tasks,
       (SELECT count(*) FROM voice.live) AS live;
ROLLBACK;
