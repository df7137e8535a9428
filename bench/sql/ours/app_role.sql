-- What the README grants an application, and nothing more: row-level security is in force.
DO $$ BEGIN
    IF to_regrole('bench_app') IS NULL THEN CREATE ROLE bench_app LOGIN; END IF;
END $$;
GRANT USAGE ON SCHEMA voice TO bench_app;
GRANT SELECT, INSERT, UPDATE ON voice.agent, voice.call, voice.turn, voice.transcript_chunk, voice.tool_call TO bench_app;
GRANT SELECT ON voice.analytics TO bench_app;
GRANT USAGE ON SEQUENCE voice.turn_id_seq, voice.tool_call_id_seq TO bench_app
