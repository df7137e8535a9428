-- A session reads and writes the rows of its tenant, and no reference crosses from one tenant to another.
CREATE ROLE regress_voice_app NOLOGIN;
GRANT USAGE ON SCHEMA voice TO regress_voice_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON voice.agent, voice.call, voice.turn, voice.transcript_chunk, voice.tool_call TO regress_voice_app;
GRANT SELECT ON voice.analytics, voice.job, voice.dead_job TO regress_voice_app;
GRANT USAGE ON SEQUENCE voice.turn_id_seq, voice.tool_call_id_seq TO regress_voice_app;
BEGIN;
SET LOCAL ROLE regress_voice_app;
SET LOCAL voice_analytics.tenant = 'red';
INSERT INTO voice.agent (id, name, vertical) VALUES ('red-agent', 'Red', 'salon');
SELECT voice_start_call('red-agent', '+15550001', '+15550002') AS red \gset
SELECT voice_add_turn(:'red', 'user', 'a secret of red') AS red_turn \gset
SELECT voice_end_call(:'red') AS ended;
SELECT voice_import_call('{"id": "same", "vertical": "salon", "turns": []}') AS red_import \gset
SET LOCAL voice_analytics.tenant = 'blue';
SELECT voice_import_call('{"id": "same", "vertical": "salon", "turns": []}') <> :'red_import' AS imports_are_two;
SELECT id, tenant_id FROM voice.agent;
SELECT count(*) AS calls_seen FROM voice.call;
SELECT count(*) AS turns_seen, (SELECT count(*) FROM voice.job) AS jobs_seen FROM voice.turn;
SELECT voice_transcript(:'red') AS transcript, (SELECT count(*) FROM voice_search('secret')) AS found;
UPDATE voice.call SET end_reason = 'changed by blue' WHERE id = :'red';
DELETE FROM voice.turn WHERE call_id = :'red';
\set SHOW_CONTEXT never
\set VERBOSITY terse
SAVEPOINT s;
SELECT voice_start_call('red-agent', '+15550003', '+15550004');
ROLLBACK TO s;
\set VERBOSITY sqlstate
INSERT INTO voice.call (agent_id) VALUES ('red-agent');
\set VERBOSITY terse
ROLLBACK TO s;
INSERT INTO voice.call (agent_id, tenant_id) VALUES ('red-agent', 'red');
ROLLBACK TO s;
SELECT set_config('test.red', :'red', true) IS NOT NULL AS set;
DO $$ BEGIN
    INSERT INTO voice.turn (call_id, role, text) SELECT current_setting('test.red')::uuid, 'user', 'smuggled';
EXCEPTION WHEN foreign_key_violation THEN RAISE NOTICE 'no turn in another tenant''s call: %', SQLSTATE;
END $$;
INSERT INTO voice.agent (id) VALUES ('red-agent') ON CONFLICT DO NOTHING;
SELECT count(voice_import_call('{"id": "other", "agent": "red-agent", "turns": []}'));
ROLLBACK TO s;
SET LOCAL voice_analytics.tenant = 'red';
SELECT voice_transcript(:'red') AS transcript, end_reason FROM voice.call WHERE id = :'red';
-- A superuser is held by nothing, but the functions show him one tenant all the same.
RESET ROLE;
SET LOCAL voice_analytics.tenant = 'blue';
SELECT voice_transcript(:'red') AS transcript, (SELECT count(*) FROM voice.call) AS rows_of_all;
ROLLBACK;
REVOKE ALL ON ALL TABLES IN SCHEMA voice FROM regress_voice_app;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA voice FROM regress_voice_app;
REVOKE ALL ON SCHEMA voice FROM regress_voice_app;
DROP ROLE regress_voice_app;
