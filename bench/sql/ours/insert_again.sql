-- Twenty of the loaded calls, written once more in the ordinary way (a start, turns, tool calls, an end) under ids of
-- their own, and compared with what was loaded, column by column but for the ids. Triggers are on again by now.
CREATE TEMP TABLE again ON COMMIT DROP AS
SELECT c.id AS old, voice_uuidv7(c.started_at) AS new FROM voice.call c WHERE c.status <> 'in_progress' ORDER BY md5(c.id::text) LIMIT 20;
INSERT INTO voice.call (id, agent_id, from_number, to_number, started_at, recording_url, meta)
SELECT a.new, c.agent_id, c.from_number, c.to_number, c.started_at, c.recording_url, c.meta
FROM again a JOIN voice.call c ON c.id = a.old;
INSERT INTO voice.turn (call_id, role, text, started_at, ended_at, audio_url)
SELECT a.new, t.role, t.text, t.started_at, t.ended_at, t.audio_url
FROM again a JOIN voice.turn t ON t.call_id = a.old ORDER BY t.call_id, t.id;
INSERT INTO voice.tool_call (call_id, name, args, result, error_text, latency_ms, invoked_at)
SELECT a.new, k.name, k.args, k.result, k.error_text, k.latency_ms, k.invoked_at
FROM again a JOIN voice.tool_call k ON k.call_id = a.old ORDER BY k.call_id, k.id;
UPDATE voice.call c SET status = o.status, ended_at = o.ended_at
FROM again a JOIN voice.call o ON o.id = a.old WHERE c.id = a.new;
SET CONSTRAINTS ALL IMMEDIATE;

CREATE TEMP TABLE again_result ON COMMIT DROP AS
WITH pairs AS (
    SELECT to_jsonb(o) - 'id' AS loaded, to_jsonb(n) - 'id' AS written
    FROM again a JOIN voice.call o ON o.id = a.old LEFT JOIN voice.call n ON n.id = a.new
    UNION ALL
    SELECT to_jsonb(o) - '{id,call_id,place}'::text[], to_jsonb(n) - '{id,call_id,place}'::text[]
    FROM again a
    JOIN (SELECT *, row_number() OVER (PARTITION BY call_id ORDER BY id) AS place FROM voice.turn
          WHERE call_id IN (SELECT unnest(ARRAY[old, new]) FROM again)) o ON o.call_id = a.old
    LEFT JOIN (SELECT *, row_number() OVER (PARTITION BY call_id ORDER BY id) AS place FROM voice.turn
          WHERE call_id IN (SELECT unnest(ARRAY[old, new]) FROM again)) n
        ON n.call_id = a.new AND n.place = o.place
    UNION ALL
    SELECT to_jsonb(o) - '{id,call_id,place}'::text[], to_jsonb(n) - '{id,call_id,place}'::text[]
    FROM again a
    JOIN (SELECT *, row_number() OVER (PARTITION BY call_id ORDER BY id) AS place FROM voice.tool_call
          WHERE call_id IN (SELECT unnest(ARRAY[old, new]) FROM again)) o ON o.call_id = a.old
    LEFT JOIN (SELECT *, row_number() OVER (PARTITION BY call_id ORDER BY id) AS place FROM voice.tool_call
          WHERE call_id IN (SELECT unnest(ARRAY[old, new]) FROM again)) n
        ON n.call_id = a.new AND n.place = o.place
)
SELECT count(*) AS compared, count(*) FILTER (WHERE loaded IS DISTINCT FROM written) AS differing FROM pairs
