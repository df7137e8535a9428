-- Foreign keys carry the tenant, so a row of one tenant in a call of another is refused in every family, for superusers
-- too, whom row-level security does not hold.
\set VERBOSITY sqlstate
BEGIN;
INSERT INTO voice.agent (id, tenant_id) VALUES ('red-a', 'red'), ('blue-a', 'blue');
INSERT INTO voice.call (agent_id, tenant_id) VALUES ('red-a', 'red') RETURNING id AS red \gset
INSERT INTO voice.turn (call_id, tenant_id, role, text) VALUES (:'red', 'red', 'user', 'hi') RETURNING id AS turn \gset
SAVEPOINT s;
INSERT INTO voice.call (agent_id, tenant_id) VALUES ('blue-a', 'red');
ROLLBACK TO s;
INSERT INTO voice.turn (call_id, tenant_id, role, text) VALUES (:'red', 'blue', 'user', 'hi');
ROLLBACK TO s;
INSERT INTO voice.transcript_chunk (call_id, turn_id, seq, tenant_id, text) VALUES (:'red', :turn, 1, 'blue', 'hi');
ROLLBACK TO s;
INSERT INTO voice.tool_call (call_id, tenant_id, name) VALUES (:'red', 'blue', 'book');
ROLLBACK TO s;
INSERT INTO voice.analytics (call_id, started_at, tenant_id, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action)
VALUES (:'red', now(), 'blue', 0.5, 80, 'red-a', 'salon', 'sales', 'test', 'test', 'x', 'y');
ROLLBACK TO s;
INSERT INTO voice.attempt (call_id, tenant_id, job_id, attempt, kind, outcome) VALUES (:'red', 'blue', 1, 1, 'analyze', 'ok');
ROLLBACK TO s;
INSERT INTO voice.search_document (call_id, tenant_id, document) VALUES (:'red', 'blue', 'x');
ROLLBACK TO s;
-- Nor does a row move: not a call to another tenant, not a turn, not an agent that has calls.
UPDATE voice.call SET tenant_id = 'blue' WHERE id = :'red';
ROLLBACK TO s;
UPDATE voice.turn SET tenant_id = 'blue' WHERE call_id = :'red';
ROLLBACK TO s;
UPDATE voice.agent SET tenant_id = 'blue' WHERE id = 'red-a';
ROLLBACK TO s;
UPDATE voice.call SET agent_id = 'blue-a' WHERE id = :'red';
ROLLBACK;
