-- $2 calls in progress for each of $3 clients, their ids counted from $1 below one millisecond of now.
INSERT INTO voice.call (id, agent_id, from_number, to_number)
SELECT ($4 || lpad(to_hex($1 + c * 1000000 + n), 12, '0'))::uuid, 'iris', '+15550100', '+15550199'
FROM generate_series(0, $3::bigint - 1) c, generate_series(1, $2::bigint) n
