-- Data that remembers another installation waits for voice_resume(); a pause says who paused it.
BEGIN;
SELECT voice_pause('maintenance of the LLM');
SELECT state, reason FROM voice_status();
SELECT voice_resume();
SELECT paused_at IS NULL AS runs FROM voice._state;
UPDATE voice._state SET instance = gen_random_uuid();
SELECT state, reason FROM voice_status();
SAVEPOINT s;
\set SHOW_CONTEXT never
SELECT voice_pause();
ROLLBACK TO s;
SELECT voice_resume();
SELECT s.instance = i.id AS ours FROM voice._state s, voice._instance i;
-- A database made from this one as a template has another oid.
UPDATE voice._instance SET database = 1;
SELECT state FROM voice_status();
SELECT voice_resume();
SELECT i.database = d.oid AS ours FROM voice._instance i, pg_database d WHERE d.datname = current_database();
ROLLBACK;
