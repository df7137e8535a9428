-- $1 calls of ten turns each that are in progress; their ids.
WITH c AS (
    INSERT INTO voice.call (agent_id, from_number, to_number)
    SELECT 'a', '+15550100', '+15550199' FROM generate_series(1, $1::bigint) RETURNING id
), t AS (
    INSERT INTO voice.turn (call_id, role, text)
    SELECT c.id, (ARRAY['user', 'assistant'])[1 + g.k % 2], x.t
    FROM c CROSS JOIN generate_series(0, 9) g(k)
    JOIN load_text x ON x.n = (('x' || substr(md5(c.id::text || g.k), 1, 7))::bit(28)::int % 500)
)
SELECT id::text FROM c
