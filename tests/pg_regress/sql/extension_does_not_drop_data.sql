-- Tables are the user's: they are no members of the extension, which does not go while they stand.
SELECT c.relname, c.relkind FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid JOIN pg_class c ON c.oid = d.objid
WHERE e.extname = 'voice_analytics' AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass AND c.relkind <> 'i'
ORDER BY c.relname COLLATE "C";
\set VERBOSITY terse
DROP EXTENSION voice_analytics;
-- Everything a person may meet is explained.
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'voice'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND obj_description(c.oid, 'pg_class') IS NULL;
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'voice_analytics'
WHERE obj_description(p.oid, 'pg_proc') IS NULL;
-- No function trusts the caller's search path, but those that must inline and those in C.
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'voice_analytics' JOIN pg_language l ON l.oid = p.prolang
WHERE l.lanname <> 'c' AND p.proconfig IS NULL ORDER BY p.proname COLLATE "C";
-- Who acts as somebody else, and as whom.
SELECT p.proname, p.proowner::regrole FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'voice_analytics'
WHERE p.prosecdef ORDER BY p.proname COLLATE "C";
