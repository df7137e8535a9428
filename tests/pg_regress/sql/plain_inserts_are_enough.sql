-- Whoever writes the tables with plain SQL gets what the functions give: defaults, a month, a duration, a job.
BEGIN;
INSERT INTO voice.agent (id, name, vertical) VALUES ('plain', 'Ann', 'healthcare');
INSERT INTO voice.call (agent_id, from_number, started_at) VALUES ('plain', '+15550001', now() - interval '1 minute');
INSERT INTO voice.turn (call_id, role, text) SELECT id, 'user', 'I would like an appointment' FROM voice.call;
UPDATE voice.call SET status = 'completed', ended_at = now();
SELECT c.status, c.duration_ms, c.direction, c.tenant_id = '' AS default_tenant, t.role,
       c.tableoid::regclass::text = to_char(now() AT TIME ZONE 'UTC' - interval '1 minute', '"voice.call_"YYYY_MM')
       OR now() AT TIME ZONE 'UTC' < date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 minute' AS in_its_month,
       (SELECT count(*) FROM voice.job j WHERE j.call_id = c.id AND j.kind = 'analyze') AS jobs
FROM voice.call c JOIN voice.turn t ON t.call_id = c.id;
-- An end alone ends the call; an INSERT of a call that has ended queues it too.
INSERT INTO voice.call (agent_id, started_at, ended_at) VALUES ('plain', now() - interval '90 seconds', now() - interval '1 second');
SELECT status, duration_ms, (SELECT count(*) FROM voice.job j WHERE j.call_id = c.id) AS jobs
FROM voice.call c WHERE duration_ms = 89000;
ROLLBACK;
