-- Nine in ten of the calls with $1 <= id < $2 that have ended; 8 % of them are hot leads.
INSERT INTO "Analytics" ("callId", "sentiment", "leadScore", "intent", "entities", "computedAt")
SELECT id, round((power(random(), 0.7) * 2 - 1)::numeric, 2),
       CASE WHEN random() < 0.08 THEN 70 + floor(31 * power(random(), 1.5))::int ELSE floor(70 * power(random(), 1.3))::int END,
       (ARRAY['info', 'booking', 'complaint', 'sales', 'support'])[1 + floor(5 * random())::int],
       jsonb_build_object('name', 'Caller ' || substr(id, 13, 4), 'email', substr(id, 13, 6) || '@example.com',
                          'topic', 'topic ' || substr(id, 20, 2)),
       "endedAt" + interval '10 seconds'
FROM "Call" WHERE "endedAt" IS NOT NULL AND id >= $1 AND id < $2 AND random() < 0.9009
