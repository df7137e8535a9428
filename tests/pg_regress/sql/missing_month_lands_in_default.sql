-- A month that does not exist loses no call: it goes to the DEFAULT leaves, with all that belongs to it.
BEGIN;
SELECT voice_import_call('{"id": "old", "vertical": "salon", "started_at": "2001-05-05T10:00:00Z", "duration_ms": 1000,
    "turns": [{"role": "user", "text": "long ago"}], "tool_calls": [{"name": "book"}]}') AS call \gset
SELECT c.tableoid::regclass AS call, t.tableoid::regclass AS turn, k.tableoid::regclass AS tool_call, voice_transcript(c.id)
FROM voice.call c JOIN voice.turn t ON t.call_id = c.id JOIN voice.tool_call k ON k.call_id = c.id;
-- Its month is not created over it, and those around it are.
\set SHOW_CONTEXT never
SELECT l FROM voice._create_months('{2001-04-01,2001-05-01,2001-06-01}') l WHERE l ~ '^(call|turn)_' ORDER BY l COLLATE "C";
SELECT count(*) AS again FROM voice._create_months('{2001-04-01,2001-06-01}');
-- With the month there, its calls go to it.
SELECT voice_import_call('{"id": "june", "vertical": "salon", "started_at": "2001-06-30T23:59:59.999Z", "turns": [{"role": "user", "text": "a"}]}') AS june \gset
SELECT c.tableoid::regclass, t.tableoid::regclass FROM voice.call c JOIN voice.turn t ON t.call_id = c.id WHERE c.id = :'june';
SELECT voice_import_call('{"id": "july", "vertical": "salon", "started_at": "2001-07-01T00:00:00Z", "turns": []}') AS july \gset
SELECT tableoid::regclass FROM voice.call WHERE id = :'july';
ROLLBACK;
