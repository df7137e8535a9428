-- What is done without a statement (keys: src/host/foreign_keys; the job of a call that ends: src/host/insert.rs) respects
-- what the catalogs say, also after they have changed under a session that has looked at them before.
SET client_min_messages = warning;
SET timezone = 'UTC';
INSERT INTO voice.agent (id, vertical) VALUES ('shortcut', 'salon');
CREATE FUNCTION a_call(id uuid) RETURNS uuid LANGUAGE sql AS $$
    INSERT INTO voice.call (id, agent_id, started_at) VALUES (id, 'shortcut', voice_uuid_time(id)) RETURNING id
$$;
CREATE FUNCTION a_turn(call_id uuid) RETURNS text LANGUAGE sql AS $$
    INSERT INTO voice.turn (call_id, role, text) VALUES (call_id, 'user', 'hello') RETURNING 'said'
$$;
\set call '0199f000-0000-7000-8000-0000000000a1'
\set nobody '0199f000-0000-7000-8000-0000000000a2'
SELECT a_call(:'call');
SELECT a_turn(:'call');
\set VERBOSITY default
-- The words are PostgreSQL's.
SELECT a_turn(:'nobody');
INSERT INTO voice.turn (call_id, role, text, tenant_id) VALUES (:'call', 'user', 'hello', 'another');
\set VERBOSITY terse
-- A key that is built anew, and one that is no more.
BEGIN;
REINDEX TABLE voice.call_default;
SELECT a_turn(:'call');
SELECT a_turn(:'nobody');
ROLLBACK;
SELECT a_turn(:'call');
BEGIN;
ALTER TABLE voice.turn_default DROP CONSTRAINT turn_default_call_id_tenant_id_fkey;
SELECT a_turn(:'nobody');
ROLLBACK;
SELECT a_turn(:'nobody');
BEGIN;
ALTER TABLE voice.turn_default DISABLE TRIGGER ALL;
SELECT a_turn(:'nobody');
ROLLBACK;
SELECT a_turn(:'nobody');
-- A change of a row's key, which is refused, and one that is none.
UPDATE voice.turn SET call_id = :'nobody' WHERE call_id = :'call';
UPDATE voice.turn SET call_id = call_id WHERE call_id = :'call';
-- A key that may be checked at the end of the transaction is: PostgreSQL's own function does that.
BEGIN;
ALTER TABLE voice.turn_default ALTER CONSTRAINT turn_default_call_id_tenant_id_fkey DEFERRABLE INITIALLY DEFERRED;
SELECT a_turn(:'nobody');
SELECT a_call(:'nobody') IS NOT NULL AS after_its_turn;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;

-- Keys of somebody else's tables, also in this schema, and of other types than what they refer to.
BEGIN;
INSERT INTO voice.agent (id, vertical) VALUES ('x  ', 'salon');
CREATE TABLE voice.by_name (who name REFERENCES voice.agent (id));
CREATE TABLE voice.by_char (who char(3) REFERENCES voice.agent (id));
CREATE TABLE voice.of_number (n numeric PRIMARY KEY);
CREATE TABLE voice.by_int (n int REFERENCES voice.of_number);
ALTER TABLE voice.by_name OWNER TO voice_worker;
ALTER TABLE voice.by_char OWNER TO voice_worker;
ALTER TABLE voice.of_number OWNER TO voice_worker;
ALTER TABLE voice.by_int OWNER TO voice_worker;
INSERT INTO voice.of_number VALUES (5);
INSERT INTO voice.by_int VALUES (5);
INSERT INTO voice.by_name VALUES ('shortcut');
SAVEPOINT before;
INSERT INTO voice.by_char VALUES ('x');
ROLLBACK TO before;
INSERT INTO voice.by_name VALUES ('a name that is a good deal longer than a short one');
ROLLBACK TO before;
INSERT INTO voice.by_int VALUES (6);
ROLLBACK;

-- The job: one a call, as its columns' defaults and the setting say.
CREATE FUNCTION an_end(id uuid) RETURNS text LANGUAGE sql AS $$
    UPDATE voice.call SET status = 'completed' WHERE id = an_end.id RETURNING status
$$;
CREATE VIEW jobs AS
    SELECT right(call_id::text, 2) AS call, kind, tenant_id, priority, attempt, lease, leased_until, webhook_id, event,
           run_at = now() AS due, id = currval('voice.job_id_seq') AS last
    FROM voice.job;
BEGIN;
SELECT an_end(:'call');
SELECT * FROM jobs;
-- By each of its indexes.
SET LOCAL enable_seqscan = off;
SELECT count(*) FROM voice.job WHERE call_id = :'call' AND kind = 'analyze';
SELECT count(*) FROM voice.job WHERE priority = 0 AND tenant_id = '' AND lease IS NULL AND kind = 'analyze';
SELECT count(*) FROM voice.job WHERE id = currval('voice.job_id_seq');
ROLLBACK;
-- One is there already (a call that is taken back from the deleted).
BEGIN;
SELECT an_end(:'call');
SAVEPOINT deleted;
ALTER TABLE voice.call DISABLE TRIGGER copy_to_analytics;
UPDATE voice.call SET deleted_at = now() WHERE id = :'call';
UPDATE voice.call SET deleted_at = NULL WHERE id = :'call';
SELECT call, kind FROM jobs;
ROLLBACK;
-- What a DBA has put on the queue is respected: a trigger, a check, a column with a default, an index.
BEGIN;
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.priority := 3; RETURN NEW; END $$;
GRANT EXECUTE ON FUNCTION hold() TO voice_worker;
CREATE TRIGGER hold BEFORE INSERT ON voice.job FOR EACH ROW EXECUTE FUNCTION hold();
SELECT an_end(:'call');
SELECT call, priority FROM jobs;
ROLLBACK;
BEGIN;
ALTER TABLE voice.job ADD CONSTRAINT none CHECK (kind <> 'analyze');
SELECT an_end(:'call');
ROLLBACK;
BEGIN;
ALTER TABLE voice.job ADD COLUMN noted text NOT NULL DEFAULT 'by default', ADD COLUMN more text;
SELECT an_end(:'call');
SELECT noted, more FROM voice.job;
ROLLBACK;
BEGIN;
CREATE INDEX of_a_dba ON voice.job (run_at) INCLUDE (tenant_id) WHERE kind IS NOT NULL;
CREATE INDEX of_a_dba_too ON voice.job (lower(tenant_id));
SELECT an_end(:'call');
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT count(*) FROM voice.job WHERE run_at = now() AND kind IS NOT NULL;
SELECT count(*) FROM voice.job WHERE lower(tenant_id) = '';
DROP INDEX voice.of_a_dba_too;
SELECT a_call(:'nobody') IS NOT NULL AS another;
SELECT an_end(:'nobody');
SELECT count(*) FROM voice.job WHERE run_at = now() AND kind IS NOT NULL;
ROLLBACK;
BEGIN;
CREATE INDEX of_another_method ON voice.job USING brin (run_at);
SELECT an_end(:'call');
SET LOCAL enable_seqscan = off;
SELECT count(*) FROM voice.job WHERE run_at = now();
ROLLBACK;
BEGIN;
CREATE UNIQUE INDEX one_a_tenant ON voice.job (tenant_id);
SELECT an_end(:'call');
SELECT a_call(:'nobody') IS NOT NULL AS another;
SELECT an_end(:'nobody');
ROLLBACK;
-- The setting is that of the session.
BEGIN;
SET LOCAL voice_analytics.analyze_delay = '90s';
SELECT an_end(:'call');
SELECT run_at - now() AS waits FROM voice.job;
ROLLBACK;
DROP VIEW jobs;
DROP FUNCTION a_call(uuid), a_turn(uuid), an_end(uuid);
DELETE FROM voice.call;
DELETE FROM voice.agent;
