-- Turns are in spoken order (started_at, id), whenever they were written; an open turn shows its final chunks.
BEGIN;
INSERT INTO voice.agent (id) VALUES ('spoken');
SELECT voice_start_call('spoken', NULL, NULL, started_at => '2026-02-01 10:00+00') AS call \gset
SELECT voice_add_turn(:'call', 'user', 'third', '2026-02-01 10:00:03+00') IS NOT NULL AS added;
SELECT voice_add_turn(:'call', 'assistant', 'first', '2026-02-01 10:00:01+00') IS NOT NULL AS added;
SELECT voice_add_turn(:'call', 'user', '', '2026-02-01 10:00:02+00') AS open \gset
SELECT voice_add_chunk(:'call', :open, 1, 'sec'), voice_add_chunk(:'call', :open, 2, 'never final'),
       voice_add_chunk(:'call', :open, 1, 'second', true), voice_add_chunk(:'call', :open, 3, 'turn', true);
SELECT voice_add_tool_call(:'call', 'look_up', '{"day": "Monday"}', '[1]', 20, invoked_at => '2026-02-01 10:00:02.5+00', turn_id => :open) IS NOT NULL AS added;
SELECT voice_add_tool_call(:'call', 'book', '{}', error_text => 'no slot', invoked_at => '2026-02-01 10:00:04+00') IS NOT NULL AS added;
\pset format unaligned
\pset tuples_only on
SELECT voice_transcript(:'call');
SELECT voice_transcript(:'call', tools => true);
SELECT voice_finish_turn(:'call', :open, ended_at => '2026-02-01 10:00:03+00', interrupted => true, transcription_ms => 90) = :open AS closed;
SELECT text, interrupted, transcription_ms, ended_at - started_at FROM voice.turn WHERE id = :open;
-- A call without turns has an empty transcript, no call none; a deleted call is none.
SELECT voice_start_call('spoken', NULL, NULL) AS silent \gset
SELECT voice_transcript(:'silent') = '' AS empty;
SELECT voice_transcript('01900000-0000-7000-8000-000000000000') IS NULL AS unknown;
UPDATE voice.call SET deleted_at = now() WHERE id = :'call';
SELECT voice_transcript(:'call') IS NULL AS deleted;
ROLLBACK;
-- Too long: the beginning and the end are kept, and a mark says what is missing.
BEGIN;
SELECT voice_import_call(jsonb_build_object('turns', jsonb_agg(jsonb_build_object('role', 'user', 'text', 'turn number ' || n)))) AS call
FROM generate_series(1, 100) n \gset
SELECT voice_transcript(:'call', 200);
ROLLBACK;
