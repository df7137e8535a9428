-- A table or public function that is in no access's list is nobody's by mistake: sql/access/privileges.sql has the list.
SELECT c.relname AS table_without_access FROM pg_class c
WHERE c.relnamespace = 'voice'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
  AND c.relname NOT IN (SELECT relation FROM voice._access_to_tables());
SELECT p.proname AS function_without_access
FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'voice_analytics' JOIN pg_proc p ON p.oid = d.objid
WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass AND p.proname LIKE 'voice\_%'
  AND p.proname NOT IN (SELECT function FROM voice._access_to_functions());
-- What runs as somebody else is for those only whom the list names, or fires as a trigger.
SELECT p.proname AS open_definer FROM pg_proc p
WHERE p.prosecdef AND p.pronamespace IN ('voice'::regnamespace, 'public'::regnamespace) AND has_function_privilege('public', p.oid, 'EXECUTE');
-- Never TRIGGER, REFERENCES or TRUNCATE; never a leaf.
SELECT * FROM voice._access_to_tables() WHERE privileges ~ 'TRIGGER|REFERENCES|TRUNCATE|ALL';
SELECT a.* FROM voice._access_to_tables() a JOIN pg_class c ON c.relname = a.relation AND c.relispartition;
-- Every function of ours pins its search path, or is written in C, or inlines and names its schemas.
SELECT p.oid::regprocedure AS open_search_path
FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'voice_analytics' JOIN pg_proc p ON p.oid = d.objid
JOIN pg_language l ON l.oid = p.prolang
WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass AND l.lanname <> 'c'
  AND NOT coalesce(p.proconfig::text, '') LIKE '%search_path=pg_catalog, voice, pg_temp%'
ORDER BY p.proname COLLATE "C";
