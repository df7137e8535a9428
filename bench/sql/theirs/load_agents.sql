-- 200 agents of six verticals, and what the calls are made of. load_plan, one row written before this, says how many
-- calls there will be and over which time they are spread.
SELECT setseed(0.42);

-- As cuid version 1 is: 'c', eleven digits of time, thirteen random ones.
CREATE FUNCTION load_cuid(at timestamp) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'c' || lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 11, '0') || substr(md5(random()::text), 1, 13)
$$;

-- The id of the same call in voice_analytics: a UUIDv7 of the same millisecond, the rest from a hash.
CREATE FUNCTION load_uuid(id text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('0' || substr(id, 2, 11) || '7' || substr(md5(id), 1, 3) || '8' || substr(md5(id), 4, 15))::uuid
$$;

INSERT INTO "Agent" ("id", "name", "vertical", "promptHash", "voice", "createdAt")
SELECT load_cuid(p.now - interval '400 days'), 'agent ' || s.i,
       (ARRAY['healthcare', 'real_estate', 'salon', 'hospitality', 'forex', 'behavioral_health'])[
           CASE WHEN s.v < 35 THEN 1 WHEN s.v < 60 THEN 2 WHEN s.v < 75 THEN 3 WHEN s.v < 87 THEN 4 WHEN s.v < 95 THEN 5 ELSE 6 END],
       md5(s.i::text), 'alloy', p.now - interval '400 days'
FROM load_plan p, (SELECT i, (i * 37) % 100 AS v FROM generate_series(0, 199) i) s;

CREATE TABLE load_agent AS SELECT row_number() OVER (ORDER BY md5(id)) - 1 AS n, id FROM "Agent";

-- 5,000 things to say, of 6 to 38 words.
CREATE TABLE load_text AS
SELECT n, (
    SELECT string_agg((ARRAY['the', 'appointment', 'we', 'can', 'schedule', 'for', 'you', 'on', 'tuesday', 'morning', 'please',
        'confirm', 'your', 'phone', 'number', 'and', 'insurance', 'provider', 'I', 'would', 'like', 'to', 'book', 'a', 'viewing',
        'of', 'property', 'next', 'week', 'price', 'is', 'fine', 'thank', 'calling', 'about', 'invoice', 'not', 'happy', 'with',
        'service', 'reschedule', 'cancel', 'doctor', 'available', 'slot', 'at', 'three', 'pm'])[1 + floor(random() * 48)::int], ' ')
    FROM generate_series(1, 6 + (n % 33))) AS t
FROM generate_series(0, 4999) n;
