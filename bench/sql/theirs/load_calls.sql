-- Calls $1 to $2 of the plan, in time order. 93 % completed, 4 % transferred, 3 % failed, 0.1 % still in progress.
INSERT INTO "Call" ("id", "agentId", "fromNumber", "toNumber", "startedAt", "endedAt", "durationMs", "status", "recordingUrl", "meta")
SELECT load_cuid(s.st), a.id, '+1555' || lpad((floor(random() * 300000))::text, 7, '0'), '+1888' || lpad(a.n::text, 7, '0'), s.st,
       CASE WHEN s.r < 0.999 THEN s.st + s.dur * interval '1 ms' END, CASE WHEN s.r < 0.999 THEN s.dur END,
       (CASE WHEN s.r < 0.93 THEN 'completed' WHEN s.r < 0.97 THEN 'transferred' WHEN s.r < 0.999 THEN 'failed'
             ELSE 'in_progress' END)::"CallStatus",
       'https://s3.example.com/rec/' || md5(s.i::text) || '.wav',
       jsonb_build_object('streamSid', 'MZ' || md5(s.i::text || 's'), 'callSid', 'CA' || md5(s.i::text || 'c'))
FROM (
    SELECT i, p.now - p.days * interval '1 day' + (i + random()) * (p.days * interval '1 day' / p.calls) AS st,
           (30000 + 570000 * power(random(), 2))::int AS dur, random() AS r, floor(200 * power(random(), 1.5))::int AS an
    FROM load_plan p, generate_series($1::bigint, $2::bigint) i OFFSET 0
) s JOIN load_agent a ON a.n = s.an
