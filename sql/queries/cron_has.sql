-- Whether this database has pg_cron, and one that can be asked for other databases. By membership: a function of the same
-- name that somebody else made is not called.
SELECT EXISTS (
    SELECT 1 FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_depend d ON d.refobjid = e.oid AND d.deptype = 'e'
    JOIN pg_catalog.pg_proc p ON p.oid = d.objid AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    WHERE e.extname = 'pg_cron' AND p.oid = pg_catalog.to_regprocedure('cron.schedule_in_database(text,text,text,text,text,boolean)'))
