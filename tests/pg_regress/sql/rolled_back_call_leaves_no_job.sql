-- The job is made in the transaction that ends the call, and shares its fate.
INSERT INTO voice.agent (id) VALUES ('rolled');
BEGIN;
SELECT voice_end_call(voice_start_call('rolled', '+15550001', '+15550002')) AS ended;
SELECT count(*) AS jobs_inside FROM voice.job;
SAVEPOINT one_more;
SELECT voice_end_call(voice_start_call('rolled', '+15550001', '+15550002')) AS ended;
ROLLBACK TO one_more;
SELECT count(*) AS jobs_after_savepoint FROM voice.job;
ROLLBACK;
SELECT (SELECT count(*) FROM voice.job) AS jobs, (SELECT count(*) FROM voice.call) AS calls;
DELETE FROM voice.agent;
