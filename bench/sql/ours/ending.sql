\set n :n + 1
\set k :base + :client_id * 1000000 + :n
UPDATE voice.call SET ended_at = now(), status = 'completed' WHERE id = ((:prefix)::text || lpad(to_hex((:k)::bigint), 12, '0'))::uuid;
