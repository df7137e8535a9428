-- What a CHECK would say, triggers say with a way out; where they stand on something else, they refuse to work.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
BEGIN;
INSERT INTO voice.agent (id) VALUES ('a');
SELECT voice_start_call('a', '1', '2') AS call \gset
CREATE FUNCTION pg_temp.said(command text, OUT state text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    message := 'accepted';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    detail := regexp_replace(detail, '[0-9a-f-]{36}', '…', 'g');
END $$;
SELECT s.* FROM unnest(ARRAY[
    'INSERT INTO voice.turn (call_id, role, text) VALUES (%L, ''caller'', ''a'')',
    'INSERT INTO voice.turn (call_id, role, text, started_at, ended_at) VALUES (%L, ''user'', ''a'', ''2026-01-02'', ''2026-01-01'')',
    'INSERT INTO voice.turn (call_id, role, text, llm_ttft_ms, e2e_latency_ms) VALUES (%L, ''user'', ''a'', 5, -1)',
    'INSERT INTO voice.tool_call (call_id, name) VALUES (%L, '''')',
    'INSERT INTO voice.tool_call (call_id, name, latency_ms) VALUES (%L, ''book'', -5)',
    'UPDATE voice.call SET direction = ''sideways'' WHERE id = %L',
    'UPDATE voice.call SET status = ''hung up'' WHERE id = %L',
    'UPDATE voice.call SET duration_ms = -1 WHERE id = %L',
    'UPDATE voice.call SET ended_at = ''infinity'' WHERE id = %L'
]) WITH ORDINALITY c(command, n) CROSS JOIN LATERAL pg_temp.said(format(c.command, :'call')) s ORDER BY n;
-- Another trigger may change the row after ours has completed it: it is held to the rules as it is stored.
CREATE FUNCTION pg_temp.half() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.ended_at := NULL; RETURN NEW; END $$;
CREATE TRIGGER zz BEFORE UPDATE ON voice.call FOR EACH ROW EXECUTE FUNCTION pg_temp.half();
SELECT s.* FROM pg_temp.said(format('UPDATE voice.call SET status = ''failed'' WHERE id = %L', :'call')) s;
ROLLBACK;
CREATE TEMP TABLE elsewhere (a int);
CREATE TRIGGER t AFTER INSERT ON elsewhere FOR EACH STATEMENT EXECUTE FUNCTION voice._turn_written();
INSERT INTO elsewhere VALUES (1);
CREATE TRIGGER u AFTER TRUNCATE ON elsewhere FOR EACH STATEMENT EXECUTE FUNCTION voice._call_written();
TRUNCATE elsewhere;
DROP TRIGGER t ON elsewhere;
CREATE TRIGGER v AFTER INSERT ON elsewhere FOR EACH ROW EXECUTE FUNCTION voice._turn_written();
INSERT INTO elsewhere VALUES (1);
-- Rows are handed on as they are, with the types of the function.
BEGIN;
INSERT INTO voice.agent (id) VALUES ('a');
SELECT voice_import_call('{"id": "x", "agent": "a", "turns": []}') AS call \gset
INSERT INTO voice.analytics (call_id, agent_id, started_at, vertical, sentiment, lead_score, intent, model, prompt_version, summary, next_action)
SELECT id, agent_id, started_at, 'general', 0.5, 90, 'info', 'test', '1', 'summary', 'action' FROM voice.call;
ALTER TABLE voice.analytics ALTER sentiment TYPE real;
SELECT sentiment, intent, summary, next_action FROM voice_top_leads(NULL, '-infinity');
ROLLBACK;
