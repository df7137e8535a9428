-- Words that are written are kept, in the order and by the certainty in which the recogniser heard them, whatever clocks say.
\pset format unaligned
\pset tuples_only on
BEGIN;
INSERT INTO voice.agent (id, vertical) VALUES ('iris', 'salon');
SELECT voice_start_call('iris', '+12125550142', '+12125550100') AS call \gset

-- An interim result never replaces a final one; a final one does.
SELECT voice_add_turn(:'call', 'user', '', '2026-01-01 00:00:01+00') AS turn \gset
SELECT voice_add_chunk(:'call', :turn, 1, 'my number is 212-555-0142', true);
SELECT voice_add_chunk(:'call', :turn, 1, 'my number is two', false);
SELECT text, is_final FROM voice.transcript_chunk WHERE turn_id = :turn;
UPDATE voice.transcript_chunk SET text = 'my number', is_final = false, start_ms = 7, confidence = 0.1 WHERE turn_id = :turn;
SELECT text, is_final, start_ms, confidence FROM voice.transcript_chunk WHERE turn_id = :turn;
SELECT voice_add_chunk(:'call', :turn, 1, 'my number is 212-555-0143', true);
SELECT voice_finish_turn(:'call', :turn) = :turn;
SELECT text FROM voice.turn WHERE id = :turn;
INSERT INTO voice.transcript_chunk (call_id, turn_id, seq, text) VALUES (:'call', :turn, 1, 'my')
ON CONFLICT (call_id, turn_id, seq) DO UPDATE SET text = excluded.text, is_final = excluded.is_final;
SELECT k.text, k.is_final, t.text FROM voice.transcript_chunk k JOIN voice.turn t ON t.id = k.turn_id WHERE k.turn_id = :turn;
-- A piece of a turn that is not there is refused all the same.
\set VERBOSITY terse
SAVEPOINT s;
SELECT voice_add_chunk(:'call', 0, 1, 'my number is two', false);
ROLLBACK TO s;

-- A time that no clock shows is no time: who reads the calls of everybody stumbles over it.
SAVEPOINT s;
SELECT voice_add_turn(:'call', 'user', 'x', ended_at => 'infinity');
ROLLBACK TO s;
INSERT INTO voice.turn (call_id, role, text, started_at) VALUES (:'call', 'user', 'x', '-infinity');
ROLLBACK TO s;
INSERT INTO voice.tool_call (call_id, name, invoked_at) VALUES (:'call', 'book', 'infinity');
ROLLBACK TO s;

-- A turn without a final piece has the latest interim ones: each at its place, or one that grows.
SELECT voice_add_turn(:'call', 'user', '', '2026-01-01 00:00:02+00') AS turn \gset
SELECT voice_add_chunk(:'call', :turn, 1, 'I want'), voice_add_chunk(:'call', :turn, 2, 'two annual plans');
SELECT voice_add_chunk(:'call', :turn, 2, 'two annual plans today');
SELECT voice_add_turn(:'call', 'user', '', '2026-01-01 00:00:03+00') AS grows \gset
SELECT voice_add_chunk(:'call', :grows, n, w) FROM (VALUES (1, 'the'), (2, 'The red'), (3, 'the red one')) v(n, w);
SELECT voice_transcript(:'call');
SELECT voice_finish_turn(:'call', :turn) = :turn, voice_finish_turn(:'call', :grows) = :grows;
SELECT text FROM voice.turn WHERE id IN (:turn, :grows) ORDER BY id;
-- And a final one that comes after all is what counts.
SELECT voice_add_chunk(:'call', :grows, 3, 'the red one, please', true);
SELECT text FROM voice.turn WHERE id = :grows;

-- A final piece after its turn was closed from pieces is taken in, by function and by statement, one or more, in their order.
SELECT voice_add_turn(:'call', 'user', '', '2026-01-01 00:00:04+00') AS turn \gset
SELECT voice_add_chunk(:'call', :turn, 2, 'book a cut', true);
SELECT voice_finish_turn(:'call', :turn) = :turn;
SELECT voice_add_chunk(:'call', :turn, 4, 'at ten', true);
SELECT text FROM voice.turn WHERE id = :turn;
INSERT INTO voice.transcript_chunk (call_id, turn_id, seq, text, is_final)
VALUES (:'call', :turn, 5, 'for Dana,', true), (:'call', :turn, 6, 'please', true), (:'call', :turn, 1, 'I want to', true);
SELECT text FROM voice.turn WHERE id = :turn;
UPDATE voice.transcript_chunk SET text = 'for Dana Whitfield,' WHERE turn_id = :turn AND seq = 5;
SELECT text FROM voice.turn WHERE id = :turn;
-- Words that somebody else has put into the turn stay.
SELECT voice_finish_turn(:'call', :turn, 'What a person typed.') = :turn;
SELECT voice_add_chunk(:'call', :turn, 7, 'goodbye', true);
SELECT text FROM voice.turn WHERE id = :turn;

-- Clocks that differ are no reason to refuse words, in functions and in statements.
SELECT voice_add_turn(:'call', 'user', 'Yes.', '2026-01-01 00:00:05+00', '2026-01-01 00:00:04.990+00') AS a \gset
SELECT voice_add_turn(:'call', 'user', '', '2026-01-01 00:00:06+00') AS b \gset
SELECT voice_finish_turn(:'call', :b, 'No.', '2026-01-01 00:00:04+00') = :b;
INSERT INTO voice.turn (call_id, role, text, started_at, ended_at)
VALUES (:'call', 'user', 'Perhaps.', '2026-01-01 00:00:07+00', '2025-01-01 00:00:07+00') RETURNING id AS c \gset
UPDATE voice.turn SET started_at = '2026-01-01 00:00:08+00' WHERE id = :c;
SELECT text, ended_at = started_at FROM voice.turn WHERE id IN (:a, :b, :c) ORDER BY id;
SELECT voice_add_chunk(:'call', :a, 1, 'yes', true, 1500, 1480, 1.0000001);
INSERT INTO voice.transcript_chunk (call_id, turn_id, seq, text, start_ms, end_ms, confidence) VALUES (:'call', :a, 2, 'well', 10, 5, -0.0000001);
SELECT seq, start_ms, end_ms, confidence FROM voice.transcript_chunk WHERE turn_id = :a ORDER BY seq;
-- A percentage is no rounding.
SAVEPOINT s;
INSERT INTO voice.transcript_chunk (call_id, turn_id, seq, text, confidence) VALUES (:'call', :a, 3, 'well', 95);
ROLLBACK TO s;
SELECT voice_start_call('iris', '+1', '+2', started_at => clock_timestamp() + interval '3 s') AS ahead \gset
SELECT voice_end_call(:'ahead');
SELECT status, ended_at = started_at, duration_ms FROM voice.call WHERE id = :'ahead';
-- A call that begins and ends in one transaction, by the clock and by the transaction's own time.
SELECT voice_start_call('iris', '+1', '+2', started_at => clock_timestamp()) AS begun \gset
SELECT voice_end_call(:'begun', ended_at => now());
SELECT status, ended_at = started_at, duration_ms FROM voice.call WHERE id = :'begun';
SELECT voice_start_call('iris', '+1', '+2', started_at => '2026-01-01 00:00+00') AS ahead \gset
UPDATE voice.call SET ended_at = '2025-12-31 23:59:58+00' WHERE id = :'ahead';
SELECT status, ended_at = started_at, duration_ms FROM voice.call WHERE id = :'ahead';

-- The client's own id makes a turn and a tool call one, however often they are written.
SELECT voice_add_turn(:'call', 'user', 'Once.', '2026-01-01 00:00:09+00', external_id => 'item-1') = voice_add_turn(:'call', 'user', 'Once.', external_id => 'item-1'),
    voice_add_turn(:'call', 'user', 'Once more.', '2026-01-01 00:00:10+00') <> voice_add_turn(:'call', 'user', 'Once more.', '2026-01-01 00:00:11+00');
SELECT voice_add_tool_call(:'call', 'book', '{}', external_id => 'call_1') = voice_add_tool_call(:'call', 'book', '{}', external_id => 'call_1');
SELECT (SELECT count(*) FROM voice.turn WHERE text = 'Once.'), (SELECT count(*) FROM voice.tool_call);

-- Who was spoken over is said.
SELECT voice_add_turn(:'call', 'assistant', 'I have booked you for', '2026-01-01 00:00:12+00', interrupted => true) IS NOT NULL;
SELECT split_part(voice_transcript(:'call'), E'\n', -1);
SELECT voice_transcript(:'call', tools => true) LIKE '%assistant (interrupted): I have booked you for%' AS with_tools_too;
COMMIT;

-- An external id that was that of another call long ago.
SELECT voice_start_call('iris', '+1', '+2', started_at => '2026-01-01 00:00+00', external_id => 'room-42') AS old \gset
SELECT voice_end_call(:'old', ended_at => '2026-01-01 00:10+00');
SELECT voice_start_call('iris', '+12125550199', '+2', external_id => 'room-42') = :'old' AS same;
\set VERBOSITY terse
-- A deleted call takes in nothing; a live call under its id is another one.
SELECT voice_start_call('iris', '+1', '+2', external_id => 'CA-9') AS deleted \gset
SELECT voice_end_call(:'deleted'), voice_delete_call(:'deleted');
SELECT voice_add_turn(:'deleted', 'user', 'more');
SELECT voice_add_tool_call(:'deleted', 'book', '{}');
SELECT voice_start_call('iris', '+12125550199', '+2', external_id => 'CA-9') <> :'deleted';
SELECT voice_start_call('iris', '+12125550199', '+2', external_id => 'CA-9') <> :'deleted';
SELECT count(*) FROM voice.call WHERE external_id = 'CA-9';
