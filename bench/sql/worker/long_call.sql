-- A call in progress of $1 turns; its id, and the characters that were said.
WITH c AS (
    INSERT INTO voice.call (agent_id, from_number, to_number) VALUES ('a', '+15550100', '+15550199') RETURNING id
), t AS (
    INSERT INTO voice.turn (call_id, role, text)
    SELECT c.id, (ARRAY['user', 'assistant'])[1 + g.k % 2], x.t
    FROM c CROSS JOIN generate_series(1, $1::bigint) g(k) JOIN load_text x ON x.n = (g.k * 7) % 500
    ORDER BY g.k RETURNING length(text)
)
SELECT c.id::text, (SELECT sum(length) FROM t)::bigint FROM c
