-- Nothing is granted on a leaf, whatever default privileges say, and its row-level security shows nobody a row.
CREATE ROLE regress_voice_nosy NOLOGIN;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, regress_voice_nosy;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC, regress_voice_nosy;
BEGIN;
SELECT count(*) AS leaves_made FROM voice._create_months('{1999-12-01}');
SELECT DISTINCT c.relkind, c.relrowsecurity, c.relowner::regrole, (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
       c.relacl IS NULL OR c.relacl = acldefault('r', c.relowner) AS owner_only
FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE c.relnamespace = 'voice'::regnamespace AND c.relkind = 'r';
-- What is not a leaf: one policy, nothing granted.
SELECT c.relname, c.relowner::regrole, c.relrowsecurity, (SELECT string_agg(p.polname, ',' ORDER BY p.polname) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
FROM pg_class c
WHERE c.relnamespace = 'voice'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname COLLATE "C";
GRANT USAGE ON SCHEMA voice TO regress_voice_nosy;
SET LOCAL ROLE regress_voice_nosy;
\set VERBOSITY terse
SELECT count(*) FROM voice.turn_1999_12;
ROLLBACK;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC, regress_voice_nosy;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM PUBLIC, regress_voice_nosy;
DROP ROLE regress_voice_nosy;
