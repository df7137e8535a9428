-- Calls $1 to $2 of a history that was never analysed, a call every two seconds up to now. Triggers are off: what they fill in is given.
WITH c AS (
    INSERT INTO voice.call (id, agent_id, from_number, to_number, started_at, ended_at, duration_ms, status)
    SELECT voice_uuidv7(s.at), 'a', '+15550100', '+15550199', s.at, s.at + interval '1 minute', 60000, 'completed'
    FROM (SELECT date_trunc('milliseconds', now() - interval '1 hour' - i * interval '2 seconds') AS at FROM generate_series($1::bigint, $2::bigint) i) s
    RETURNING id, started_at
)
INSERT INTO voice.turn (call_id, role, text, started_at)
SELECT c.id, (ARRAY['user', 'assistant'])[1 + g.k % 2], x.t, c.started_at + g.k * interval '5 seconds'
FROM c CROSS JOIN generate_series(0, 9) g(k)
JOIN load_text x ON x.n = (('x' || substr(md5(c.id::text || g.k), 1, 7))::bit(28)::int % 500)
