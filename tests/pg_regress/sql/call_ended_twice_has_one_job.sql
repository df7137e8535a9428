-- Telephony events come twice: the first end counts, and there is one job.
BEGIN;
INSERT INTO voice.agent (id) VALUES ('twice');
SELECT voice_start_call('twice', '+15550001', '+15550002') AS call \gset
SELECT voice_end_call(:'call', 'transferred', end_reason => 'to a person') AS first,
       voice_end_call(:'call', 'failed', end_reason => 'late event') AS second;
UPDATE voice.call SET status = 'completed' WHERE id = :'call';
SELECT status, end_reason FROM voice.call;
SELECT count(*) AS jobs FROM voice.job;
-- And it stays ended.
\set VERBOSITY terse
UPDATE voice.call SET status = 'in_progress', ended_at = NULL;
ROLLBACK;
