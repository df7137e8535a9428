-- Two tool calls for each call with $1 <= id < $2.
INSERT INTO "ToolCall" ("id", "callId", "name", "args", "result", "latencyMs", "invokedAt")
SELECT load_cuid(s.ts), s.id, 'tool_' || floor(14 * power(random(), 2))::int,
       jsonb_build_object('date', s.ts::date, 'service', 'service ' || s.k % 40, 'patient', 'Pat ' || s.k),
       jsonb_build_object('ok', true, 'slots', jsonb_build_array('09:00', '11:30', '14:15'), 'ref', md5(s.k::text)),
       (40 + 800 * power(random(), 3))::int, s.ts
FROM (
    SELECT c.id, c."startedAt" + (g + 1) * interval '9 seconds' AS ts, floor(random() * 1e6)::int AS k
    FROM "Call" c, generate_series(0, 1) g
    WHERE c.id >= $1 AND c.id < $2 OFFSET 0
) s
