-- 500 things to say, of 6 to 38 words, as in the loaded benchmark.
SELECT setseed(0.42);
CREATE TABLE load_text AS
SELECT n, (
    SELECT string_agg((ARRAY['the', 'appointment', 'we', 'can', 'schedule', 'for', 'you', 'on', 'tuesday', 'morning', 'please',
        'confirm', 'your', 'phone', 'number', 'and', 'insurance', 'provider', 'I', 'would', 'like', 'to', 'book', 'a', 'viewing',
        'of', 'property', 'next', 'week', 'price', 'is', 'fine', 'thank', 'calling', 'about', 'invoice', 'not', 'happy', 'with',
        'service', 'reschedule', 'cancel', 'doctor', 'available', 'slot', 'at', 'three', 'pm'])[1 + floor(random() * 48)::int], ' ')
    FROM generate_series(1, 6 + (n % 33))) AS t
FROM generate_series(0, 499) n;
ALTER TABLE load_text ADD PRIMARY KEY (n);
ANALYZE load_text;
INSERT INTO voice.agent (id, name, vertical) VALUES ('a', 'Ava', 'salon');
