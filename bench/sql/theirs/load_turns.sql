-- Ten turns for each call with $1 <= id < $2.
INSERT INTO "Turn" ("id", "callId", "role", "text", "startedAt", "endedAt")
SELECT load_cuid(s.ts), s.id, CASE WHEN s.g % 2 = 0 THEN 'assistant' ELSE 'user' END,
       CASE WHEN s.g = 5 AND s.id IN (SELECT id FROM load_rare) THEN x.t || ' zanzibar' ELSE x.t END,
       s.ts, s.ts + s.gap * 0.9
FROM (
    SELECT c.id, g, c."startedAt" + g * c.gap AS ts, c.gap, floor(random() * 5000)::int AS k
    FROM (
        SELECT id, "startedAt", (coalesce("durationMs", 60000) / 10.0) * interval '1 ms' AS gap FROM "Call"
        WHERE id >= $1 AND id < $2
    ) c, generate_series(0, 9) g OFFSET 0
) s JOIN load_text x ON x.n = s.k
