-- An UPDATE or DELETE of one row by its key is planned once a month (src/host/plans; not on PostgreSQL 18, which needs no such thing).
-- What it does is what it would do if it were planned each time, whatever has changed under a session that has the plan.
SET client_min_messages = warning;
SELECT current_database() AS home \gset
CREATE DATABASE regress_month_plans;
\c regress_month_plans
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION voice_analytics;
SELECT count(*) > 0 AS created FROM voice_create_partitions(3, '2025-01-01 00:00+00');
INSERT INTO voice.agent (id, vertical) VALUES ('planned', 'salon');
INSERT INTO voice.call (id, agent_id, started_at, external_id)
SELECT voice_uuidv7(at), 'planned', at, to_char(at, 'YYYY-MM')
FROM unnest('{2025-03-05 12:00+00,2025-04-05 12:00+00,2025-05-05 12:00+00,1999-01-01 12:00+00}'::timestamptz[]) at;
SELECT id AS march FROM voice.call WHERE external_id = '2025-03' \gset
SELECT id AS april FROM voice.call WHERE external_id = '2025-04' \gset
SELECT id AS stranded FROM voice.call WHERE external_id = '1999-01' \gset
PREPARE ending(uuid, int) AS UPDATE voice.call SET duration_ms = $2 WHERE id = $1 AND deleted_at IS NULL RETURNING external_id, duration_ms;
-- Of each month its own row, in any order; of the DEFAULT too; and of nobody none.
EXECUTE ending(:'march', 1);
EXECUTE ending(:'april', 2);
EXECUTE ending(:'march', 3);
EXECUTE ending(:'stranded', 4);
EXECUTE ending(NULL, 5);
EXECUTE ending(voice_uuid_at('2025-03-06'), 6);
EXECUTE ending(voice_uuid_at('2031-03-06'), 7);
EXECUTE ending(:'april', 8);
SELECT external_id, tableoid::regclass, duration_ms FROM voice.call ORDER BY 1;
-- By the plan for the month, which the sixth execution does not give up for one for all months.
CREATE FUNCTION plan_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; plan text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP plan := plan || line || E'\n'; END LOOP;
    RETURN plan;
END
$$;
SELECT current_setting('server_version_num')::int >= 180000
       OR plan_of(format('EXECUTE ending(%L, 9)', :'march')) ~ 'Index Cond: .*id >= .*id < .*id = [$]1' AS by_month;
-- The key is where it is said, and beside what else must hold.
PREPARE other_way(uuid, text) AS UPDATE voice.call SET duration_ms = 9 WHERE external_id = $2 AND $1 = id RETURNING external_id;
EXECUTE other_way(:'march', '2025-03');
EXECUTE other_way(:'march', '2025-04');
PREPARE either(uuid) AS UPDATE voice.call SET duration_ms = 10 WHERE id = $1 OR external_id = '2025-04' RETURNING external_id;
EXECUTE either(:'march');
EXECUTE either(:'march');
-- What the tables are made of changes, is taken back, and changes for good.
BEGIN;
CREATE INDEX a_while ON voice.call_2025_03 (id, duration_ms);
ALTER TABLE voice.call_2025_03 ALTER COLUMN meta SET STATISTICS 0;
EXECUTE ending(:'march', 11);
ROLLBACK;
EXECUTE ending(:'march', 12);
BEGIN;
ALTER TABLE voice.call ADD COLUMN more int DEFAULT 5;
EXECUTE ending(:'march', 13);
SELECT more FROM voice.call WHERE id = :'march';
ROLLBACK;
EXECUTE ending(:'march', 14);
ALTER TABLE voice.call ADD COLUMN more int GENERATED ALWAYS AS (duration_ms * 2) STORED;
EXECUTE ending(:'march', 15);
SELECT more FROM voice.call WHERE id = :'march';
ALTER TABLE voice.call DROP COLUMN more;
EXECUTE ending(:'march', 16);
REINDEX TABLE voice.call_2025_03;
EXECUTE ending(:'march', 17);
-- Triggers of the leaf and of the whole.
CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '% % %', TG_LEVEL, TG_TABLE_NAME, TG_OP; RETURN NEW; END $$;
CREATE TRIGGER of_a_row BEFORE UPDATE ON voice.call_2025_03 FOR EACH ROW EXECUTE FUNCTION told();
CREATE TRIGGER of_all AFTER UPDATE ON voice.call FOR EACH STATEMENT EXECUTE FUNCTION told();
EXECUTE ending(:'march', 18);
DROP TRIGGER of_a_row ON voice.call_2025_03;
DROP TRIGGER of_all ON voice.call;
EXECUTE ending(:'march', 19);
-- A function that stands in the plan with what it does.
CREATE FUNCTION as_said(int) RETURNS int LANGUAGE sql STABLE AS 'SELECT $1 + 1';
PREPARE said(uuid, int) AS UPDATE voice.call SET duration_ms = as_said($2) WHERE id = $1 RETURNING duration_ms;
EXECUTE said(:'march', 1);
EXECUTE said(:'march', 1);
CREATE OR REPLACE FUNCTION as_said(int) RETURNS int LANGUAGE sql STABLE AS 'SELECT $1 + 100';
EXECUTE said(:'march', 1);
-- Of functions of others nothing is kept: what they do may hang on the search path, or on who may call them.
CREATE SCHEMA one;
CREATE SCHEMA two;
SET check_function_bodies = off;
CREATE FUNCTION one.helper() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1001';
CREATE FUNCTION two.helper() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2001';
CREATE FUNCTION via_helper() RETURNS int LANGUAGE sql STABLE AS 'SELECT helper()';
RESET check_function_bodies;
PREPARE helped(uuid) AS UPDATE voice.call SET duration_ms = public.via_helper() WHERE id = $1 RETURNING duration_ms;
SET search_path = one, public;
EXECUTE helped(:'march');
SET search_path = two, public;
EXECUTE helped(:'march');
RESET search_path;
CREATE ROLE regress_month_few NOLOGIN;
CREATE ROLE regress_month_all NOLOGIN;
GRANT USAGE ON SCHEMA voice TO regress_month_few, regress_month_all;
GRANT SELECT, UPDATE ON voice.call TO regress_month_few, regress_month_all;
CREATE FUNCTION for_few() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 43; END';
REVOKE EXECUTE ON FUNCTION for_few() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION for_few() TO regress_month_few;
PREPARE few(uuid) AS UPDATE voice.call SET duration_ms = for_few() WHERE id = $1 RETURNING duration_ms;
SET ROLE regress_month_few;
EXECUTE few(:'march');
SET ROLE regress_month_all;
EXECUTE few(:'march');
RESET ROLE;
-- A policy of others, in the same way; ours is asked each time.
CREATE FUNCTION one.allowed() RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION two.allowed() RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
SET check_function_bodies = off;
CREATE FUNCTION is_allowed() RETURNS boolean LANGUAGE sql STABLE AS 'SELECT allowed()';
RESET check_function_bodies;
GRANT USAGE ON SCHEMA one, two TO regress_month_all;
PREPARE guarded(uuid) AS UPDATE voice.call SET end_reason = 'guarded' WHERE id = $1 RETURNING end_reason;
SET ROLE regress_month_all;
-- (REINDEX has told the planner that the leaf is one page, which is read fastest as a whole.)
SET enable_seqscan = off;
EXECUTE guarded(:'march');
SELECT current_setting('server_version_num')::int >= 180000
       OR plan_of(format('EXECUTE guarded(%L)', :'march')) ~ 'Index Cond: .*id >= .*id < .*id = [$]1' AS by_month;
RESET enable_seqscan;
RESET ROLE;
CREATE POLICY others ON voice.call AS RESTRICTIVE FOR UPDATE TO regress_month_all USING (public.is_allowed());
SET ROLE regress_month_all;
SET search_path = one, public;
EXECUTE guarded(:'march');
SET search_path = two, public;
EXECUTE guarded(:'march');
RESET search_path;
RESET ROLE;
DROP POLICY others ON voice.call;
-- A month that leaves, and comes back.
BEGIN;
ALTER TABLE voice.call DETACH PARTITION voice.call_2025_03;
EXECUTE ending(:'march', 20);
ROLLBACK;
EXECUTE ending(:'march', 21);
-- Row-level security: who asks, of which tenant; what may not be written is refused.
CREATE ROLE regress_month_app NOLOGIN;
GRANT USAGE ON SCHEMA voice TO regress_month_app;
GRANT SELECT, UPDATE ON voice.call TO regress_month_app;
SET ROLE regress_month_app;
EXECUTE ending(:'march', 22);
SET voice_analytics.tenant = 'another';
EXECUTE ending(:'march', 23);
SET voice_analytics.tenant = '';
EXECUTE ending(:'march', 24);
RESET ROLE;
REVOKE UPDATE ON voice.call FROM regress_month_app;
SET ROLE regress_month_app;
EXECUTE ending(:'march', 25);
RESET ROLE;
EXECUTE ending(:'march', 26);
-- A row that moves to another month goes there.
BEGIN;
SET LOCAL session_replication_role = replica;
SELECT voice_uuidv7('2025-04-20 12:00+00') AS april_too, voice_uuidv7('2025-05-20 12:00+00') AS may_too \gset
PREPARE moving(uuid, uuid) AS UPDATE voice.call SET id = $2, started_at = voice_uuid_time($2) WHERE id = $1 RETURNING tableoid::regclass;
EXECUTE moving(:'march', :'april_too');
EXECUTE moving(:'april_too', :'may_too');
EXECUTE moving(:'april_too', :'may_too');
EXECUTE moving(:'may_too', :'march');
ROLLBACK;
-- More statements than are kept, of three months, by a function whose values are fetched.
CREATE FUNCTION write_all(rounds int) RETURNS TABLE (wrong bigint) LANGUAGE plpgsql AS $$
DECLARE
    r int; n int; c record; got int;
BEGIN
    wrong := 0;
    FOR r IN 1 .. rounds LOOP
        FOR n IN 1 .. 50 LOOP
            FOR c IN SELECT id FROM voice.call LOOP
                EXECUTE format('UPDATE voice.call SET duration_ms = $1 + %s WHERE id = $2 RETURNING duration_ms', n) INTO got USING r, c.id;
                wrong := wrong + (got IS DISTINCT FROM r + n)::int;
                UPDATE voice.call SET duration_ms = r * 1000 + n WHERE id = c.id RETURNING duration_ms INTO got;
                wrong := wrong + (got IS DISTINCT FROM r * 1000 + n)::int;
            END LOOP;
        END LOOP;
    END LOOP;
    RETURN NEXT;
END
$$;
SELECT wrong FROM write_all(4);
-- Kept for each session, and told apart from what only looks alike.
PREPARE one_day(uuid) AS UPDATE voice.call SET ended_at = started_at + interval '1 day' WHERE id = $1 RETURNING ended_at - started_at;
PREPARE two_days(uuid) AS UPDATE voice.call SET ended_at = started_at + interval '2 days' WHERE id = $1 RETURNING ended_at - started_at;
EXECUTE one_day(:'april');
EXECUTE two_days(:'april');
EXECUTE one_day(:'april');
SET plan_cache_mode = force_generic_plan;
EXECUTE ending(:'march', 27);
EXECUTE ending(:'april', 28);
RESET plan_cache_mode;
PREPARE removing(uuid) AS DELETE FROM voice.call WHERE id = $1 RETURNING external_id;
EXECUTE removing(:'march');
EXECUTE removing(:'march');
EXECUTE removing(:'april');
EXECUTE removing(:'stranded');
SELECT external_id FROM voice.call;
\c :home
DROP DATABASE regress_month_plans;
DROP ROLE regress_month_app, regress_month_few, regress_month_all;
