-- The worker does all of this by itself; pg_cron is for those who want to see it among their other jobs, and for servers
-- on which the worker may not run. Doing it twice changes nothing.

CREATE FUNCTION voice._cron_jobs_query() RETURNS text
LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME', 'voice_cron_jobs_query_wrapper';
COMMENT ON FUNCTION voice._cron_jobs_query() IS 'the query that says what pg_cron is asked to do; it runs where pg_cron lives, too';

-- The database in which pg_cron keeps its jobs, or an error.
CREATE FUNCTION voice._cron_database() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    database CONSTANT text := current_setting('cron.database_name', true);
BEGIN
    IF coalesce(database, '') = '' THEN
        RAISE EXCEPTION 'pg_cron is not running on this server'
            USING ERRCODE = 'feature_not_supported',
                  DETAIL = 'There is no setting cron.database_name: pg_cron is not among shared_preload_libraries.',
                  HINT = 'Without it the worker creates months ahead, applies voice_analytics.retention and rolls up every day by itself, while voice_analytics.maintenance is on; voice_backfill() is called by hand.';
    ELSIF database = current_database() AND to_regprocedure('cron.schedule(text, text, text)') IS NULL THEN
        RAISE EXCEPTION 'the extension pg_cron is not installed in this database'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = format('cron.database_name is %L.', database), HINT = 'CREATE EXTENSION pg_cron';
    ELSIF database <> current_database() AND NOT current_setting('is_superuser')::boolean THEN
        RAISE EXCEPTION 'only a superuser may schedule jobs from here'
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = format('pg_cron keeps its jobs in the database %L, and another process writes them there.', database),
                  HINT = 'Call it as a superuser.';
    END IF;
    RETURN database;
END
$$;
COMMENT ON FUNCTION voice._cron_database() IS 'where pg_cron keeps its jobs';

CREATE FUNCTION voice._ask_cron(what text) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    here CONSTANT text := current_database();
    database CONSTANT text := voice._cron_database();
    job record;
    problem text;
BEGIN
    IF database <> here THEN
        problem := voice._run_in_background(what, NULL, NULL, '@extschema@');
        IF problem <> '' THEN
            RAISE EXCEPTION 'pg_cron could not be asked'
                USING ERRCODE = 'external_routine_exception', DETAIL = format('In the database %L: %s', database, problem),
                      HINT = format('CREATE EXTENSION pg_cron in the database %L; cron.schedule_in_database() came with its version 1.4.', database);
        END IF;
    END IF;
    FOR job IN EXECUTE voice._cron_jobs_query() USING here, '@extschema@'::text LOOP
        IF database <> here THEN
            NULL; -- done there
        ELSIF what = 'schedule' THEN
            EXECUTE 'SELECT cron.schedule($1, $2, $3)' USING job.name, job.schedule, job.command;
        ELSE
            EXECUTE 'SELECT cron.unschedule(j.jobname) FROM cron.job j WHERE j.jobname = $1 AND j.username = current_user' USING job.name;
        END IF;
        RETURN NEXT job.name;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._ask_cron(text) IS 'has pg_cron schedule or unschedule our jobs, in whichever database it lives';

CREATE FUNCTION voice_schedule() RETURNS SETOF text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT * FROM voice._ask_cron('schedule') $$;
COMMENT ON FUNCTION voice_schedule() IS
    'has pg_cron create partitions, apply retention, roll up and backfill, and returns the names of its jobs; again: the same jobs';

CREATE FUNCTION voice_unschedule() RETURNS SETOF text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT * FROM voice._ask_cron('unschedule') $$;
COMMENT ON FUNCTION voice_unschedule() IS 'takes the jobs of voice_schedule() from pg_cron, and returns their names';
