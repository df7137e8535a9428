-- A call's id in the file is its external_id; importing it again changes nothing, or completes it.
BEGIN;
SELECT voice_import_call('{"id": "abc", "vertical": "salon", "duration_ms": 60000, "status": "transferred", "from": "+15550001",
    "to": "+15550002", "started_at": "2026-03-01T09:30:00Z", "recording_url": "https://example.com/abc.wav",
    "turns": [{"role": "assistant", "text": "Good morning", "start_ms": 0, "end_ms": 900, "tts_ttfb_ms": 120},
              {"role": "user", "text": "A haircut please", "start_ms": 1000, "end_ms": 2500.4, "interrupted": true}],
    "tool_calls": [{"name": "book", "args": {"day": "Monday"}, "result": {"ok": true}, "offset_ms": 3000, "latency_ms": 250},
                   {"name": "pay", "error": "card declined", "offset_ms": 5000}]}') AS first \gset
SELECT voice_import_call('{"id": "abc", "turns": []}') = :'first' AS same_call;
\set VERBOSITY terse
SELECT voice_start_call('salon', '+15550001', '+15550002', external_id => 'abc') = :'first' AS same_call_when_started;
SELECT agent_id, external_id, status, duration_ms, from_number, to_number, started_at AT TIME ZONE 'UTC' AS started_at,
       ended_at - started_at AS lasted, recording_url FROM voice.call;
SELECT t.role, t.text, t.started_at - c.started_at AS began, t.ended_at - c.started_at AS ended, t.tts_ttfb_ms, t.interrupted
FROM voice.turn t JOIN voice.call c ON c.id = t.call_id ORDER BY t.id;
SELECT k.name, k.args, k.result, k.error_text, k.latency_ms, k.invoked_at - c.started_at AS after
FROM voice.tool_call k JOIN voice.call c ON c.id = k.call_id ORDER BY k.id;
SELECT count(*) AS jobs FROM voice.job;
-- A report that says more adds it, also to a call that had no words at all. Notices name random ids.
SET LOCAL client_min_messages = warning;
SELECT voice_import_call('{"id": "abc", "cost": 0.25, "currency": "USD", "turns": [{"role": "assistant", "text": "Good morning", "start_ms": 0},
    {"role": "user", "text": "A haircut please", "start_ms": 1000}, {"role": "assistant", "text": "On Monday then", "start_ms": 6000}]}') = :'first' AS same_call;
SELECT t.text, c.cost FROM voice.turn t JOIN voice.call c ON c.id = t.call_id ORDER BY t.id;
SELECT voice_import_call('{"id": "late", "turns": []}') AS late \gset
SELECT voice_import_call('{"id": "late", "turns": [{"role": "user", "text": "hello"}], "startedAt": "2026-03-01T09:30:00Z"}') = :'late' AS same_call;
SELECT voice_transcript(:'late');
RESET client_min_messages;
-- The agent may be described, or named.
SELECT count(voice_import_call(c)) AS imported FROM (VALUES
    ('{"id": 2, "turns": [], "agent": {"id": "a-2", "name": "Ann", "vertical": "forex", "voice": "alloy"}}'::jsonb),
    ('{"id": "3", "turns": [], "agent": "a-2"}'), ('{"turns": [], "vertical": "forex"}'), ('{"turns": []}')) v(c);
SELECT a.id, a.name, a.vertical, a.voice, count(*) AS calls
FROM voice.agent a JOIN voice.call c ON c.agent_id = a.id GROUP BY a.id ORDER BY a.id COLLATE "C";
ROLLBACK;
