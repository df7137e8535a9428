-- An import says which value is wrong and what it must be, and nothing of the call is stored.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION pg_temp.import(call text, OUT state text, OUT message text, OUT detail text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM voice_import_call(call::jsonb);
    message := 'accepted';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END $$;
BEGIN;
SELECT i.* FROM unnest(ARRAY[
    NULL,
    '[]',
    '{"id": "x"}',
    '{"id": "x", "turns": {}}',
    '{"id": "x", "turns": ["hello"]}',
    '{"id": "x", "turns": [{"role": "user"}]}',
    '{"id": "x", "turns": [{"role": "user", "text": "a"}, {"role": "caller", "text": "b"}]}',
    '{"id": "x", "turns": [{"role": "user", "text": 5}]}',
    '{"id": "x", "turns": [{"role": "user", "text": "a", "start_ms": "soon"}]}',
    '{"id": "x", "turns": [{"role": "user", "text": "a", "end_ms": -300001}]}',
    '{"id": "x", "turns": [{"role": "user", "text": "a", "start_ms": -300001}]}',
    '{"id": "x", "turns": [{"role": "user", "text": "nul \u0000 here"}]}',
    '{"id": "x", "turns": [], "duration_ms": 99999999999}',
    '{"id": "x", "turns": [], "status": "in_progress"}',
    '{"id": "x", "turns": [], "started_at": "yesterday"}',
    '{"id": "x", "turns": [], "started_at": "2026-13-45"}',
    '{"id": "x", "turns": [], "started_at": "2026-03-01T10:00:00Z", "ended_at": "2026-03-01T09:00:00Z"}',
    '{"id": "x", "turns": [], "agent": 7}',
    '{"id": "x", "turns": [], "agent": {"id": 7}}',
    '{"id": "x", "turns": [], "tool_calls": [{"args": {}}]}',
    '{"id": "x", "turns": [], "tool_calls": [{"name": "book", "latency_ms": 1.5e12}]}',
    '{"id": "x", "turns": [], "direction": "sideways"}',
    '{"id": "x", "turns": []'
]) WITH ORDINALITY c(call, n) CROSS JOIN LATERAL pg_temp.import(c.call) i ORDER BY n;
SELECT count(*) AS calls FROM voice.call;
-- A turn of ten million characters is long, not wrong.
SELECT voice_import_call(jsonb_build_object('id', 'long', 'turns', jsonb_build_array(
    jsonb_build_object('role', 'user', 'text', repeat('word ', 2000000))))) IS NOT NULL AS accepted;
SELECT length(text) FROM voice.turn;
ROLLBACK;
