-- An id more than 24 hours from the call's start would put the call into the wrong month.
\set SHOW_CONTEXT never
\set VERBOSITY terse
BEGIN;
INSERT INTO voice.agent (id) VALUES ('far');
SAVEPOINT s;
INSERT INTO voice.call (id, agent_id, started_at) VALUES (voice_uuidv7('2024-03-10 00:00+00'), 'far', '2024-03-11 00:00:00.001+00');
ROLLBACK TO s;
-- 24 hours are 24 hours, also where the clock is put forward between.
SET LOCAL timezone = 'America/New_York';
INSERT INTO voice.call (id, agent_id, started_at) VALUES (voice_uuidv7('2024-03-09 12:00'), 'far', '2024-03-10 13:00');
INSERT INTO voice.call (id, agent_id, started_at) VALUES (voice_uuidv7('2024-03-10 13:00'), 'far', '2024-03-09 12:00');
SAVEPOINT t;
INSERT INTO voice.call (id, agent_id, started_at) VALUES (voice_uuidv7('2024-03-09 12:00'), 'far', '2024-03-10 13:00:01');
ROLLBACK TO t;
UPDATE voice.call SET started_at = started_at + interval '2 days';
ROLLBACK TO t;
\set VERBOSITY default
UPDATE voice.call SET id = '01900000-0000-7000-8000-000000000000' WHERE false;
INSERT INTO voice.call (id, agent_id, started_at) VALUES ('018e0000-0000-7000-8000-000000000000', 'far', '2020-01-01 00:00-05');
ROLLBACK;
-- voice_start_call makes the id from the start.
BEGIN;
INSERT INTO voice.agent (id) VALUES ('far');
SELECT voice_uuid_time(voice_start_call('far', NULL, NULL, started_at => '2024-03-10 07:08:09.123456+00')) AT TIME ZONE 'UTC' AS at;
ROLLBACK;
