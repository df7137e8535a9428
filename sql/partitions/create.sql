-- A month comes to all partitioned tables in one moment, or to none; traffic never waits longer than the lock_timeout for it.

-- All locks of a maintenance transaction, in the order in which live traffic takes them: a statement locks what it writes
-- before what it looks at (a turn's call, a call's agent). In any other order, whoever comes while the first lock is
-- waited for would hold what is wanted next and wait for what is held, and only our giving up would end that.
-- All waits together have one budget, for whoever is about to write waits behind us: mostly half of it, which is enough
-- where nobody holds a lock for long, and every fourth time the whole.
CREATE FUNCTION voice._lock_partitioned_tables(parents text, try int) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms'
AS $$
DECLARE
    budget CONSTANT int := CASE WHEN try % 4 = 3 THEN 50 ELSE 25 END;
    began CONSTANT timestamptz := clock_timestamp();
    tables CONSTANT text[] := '{transcript_chunk,tool_call,turn,call,agent,analytics,attempt,search_document,result}';
    wanted text;
    locks text[] := '{}';
    lock text;
BEGIN
    FOREACH wanted IN ARRAY tables LOOP
        IF wanted <> 'agent' THEN
            locks := locks || format('ONLY voice.%I IN %s MODE', wanted, parents)
                           || format('voice.%I IN ACCESS EXCLUSIVE MODE', wanted || '_default');
        -- A partition that is detached leaves triggers on agent behind, and takes them away when it comes back.
        ELSIF parents = 'ACCESS EXCLUSIVE' THEN
            locks := locks || text 'voice.agent IN ACCESS EXCLUSIVE MODE';
        ELSE
            locks := locks || text 'voice.agent IN SHARE ROW EXCLUSIVE MODE';
        END IF;
    END LOOP;
    FOREACH lock IN ARRAY locks LOOP
        PERFORM set_config('lock_timeout', greatest(1, budget - EXTRACT(epoch FROM clock_timestamp() - began) * 1000)::int::text, true);
        EXECUTE 'LOCK TABLE ' || lock;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._lock_partitioned_tables(text, int) IS
    'locks the partitioned tables in this mode and their DEFAULT partitions, or raises lock_not_available; how long it waits depends on which try this is';

-- Between two tries of a maintenance transaction: those who waited behind it go first. It gives up after a minute.
CREATE FUNCTION voice._try_again(try int, began timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    holders text;
BEGIN
    IF try % 10 = 0 OR clock_timestamp() > began + interval '1 minute' THEN
        SELECT string_agg(DISTINCT format('%s (%s)', l.pid, coalesce(nullif(a.application_name, ''), a.backend_type)), ', ')
        INTO holders
        FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.granted AND l.pid <> pg_backend_pid() AND l.locktype = 'relation'
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND (l.relation = to_regclass('voice.agent')
               OR l.relation IN (SELECT i.inhrelid FROM pg_inherits i
                                 WHERE i.inhparent IN (SELECT to_regclass('voice.' || f) FROM unnest(voice._partitioned_tables()) f))
               OR l.relation IN (SELECT to_regclass('voice.' || f) FROM unnest(voice._partitioned_tables()) f));
        IF clock_timestamp() > began + interval '1 minute' THEN
            RAISE EXCEPTION 'no moment was found to change the months of voice_analytics'
                USING ERRCODE = 'lock_not_available',
                      DETAIL = format('Transactions that hold locks on its tables: %s.', coalesce(holders, 'none at this moment')),
                      HINT = 'Try again when those have ended; calls meanwhile are stored as ever, and nothing has changed.';
        END IF;
        RAISE NOTICE 'waiting for a moment in which nobody holds a lock on the tables of voice_analytics'
            USING DETAIL = format('Transactions that hold locks on them: %s.', coalesce(holders, 'none at this moment'));
    END IF;
    PERFORM pg_sleep(least(0.02 * try, 0.5) * (0.5 + random()));
END
$$;
COMMENT ON FUNCTION voice._try_again(int, timestamptz) IS 'waits before the next try, says so now and then, and raises after a minute';

-- Creates the months that do not exist, as one unit, and returns the names of the partitions. What takes time (tables,
-- indexes, references among themselves) is done on tables that nobody sees; the partitioned tables are locked for the ATTACH only.
CREATE FUNCTION voice._create_months(months date[], more_follow boolean DEFAULT false) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms'
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    try int := 0;
    month date;
    bounds record;
    parent text;
    partitions text[] := '{}';
    attach text[] := '{}';
BEGIN
    FOREACH month IN ARRAY voice._missing_months(months) LOOP
        SELECT * INTO bounds FROM voice._ids_of(month);
        IF EXISTS (SELECT 1 FROM voice.call_default c WHERE c.id >= bounds.lower AND c.id < bounds.upper) THEN
            RAISE WARNING 'the month % is not created', to_char(month, 'YYYY-MM')
                USING DETAIL = 'Calls of that month are in voice.call_default, where they stay readable and writable.',
                      HINT = 'docs/partitions.md says which rows of a DEFAULT do not become a month by themselves.';
            CONTINUE;
        END IF;
        FOREACH parent IN ARRAY voice._partitioned_tables() LOOP
            partitions := partitions || voice._build_partition(parent, to_char(month, 'YYYY_MM'));
            attach := attach || format('ALTER TABLE voice.%I ATTACH PARTITION voice.%I FOR VALUES FROM (%L) TO (%L)',
                                       parent, partitions[cardinality(partitions)], bounds.lower, bounds.upper);
        END LOOP;
    END LOOP;
    IF partitions = '{}' THEN
        IF NOT more_follow THEN
            PERFORM voice._drop_bound_checks();
        END IF;
        RETURN;
    END IF;
    LOOP
        BEGIN
            PERFORM voice._lock_partitioned_tables('SHARE UPDATE EXCLUSIVE', try);
            FOR i IN 1..cardinality(attach) LOOP
                EXECUTE attach[i];
            END LOOP;
            IF NOT more_follow THEN
                PERFORM voice._drop_bound_checks();
            END IF;
            RETURN QUERY SELECT unnest(partitions);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            NULL; -- all locks are given back with the block
        END;
        try := try + 1;
        PERFORM voice._try_again(try, began);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._create_months(date[], boolean) IS
    'creates those of these months (first days, UTC) that are missing, for all partitioned tables; what was proved of the DEFAULT partitions stays if more follow';

CREATE FUNCTION voice._ids_of(month date, OUT lower uuid, OUT upper uuid)
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT @extschema@.voice_uuid_at($1::timestamp AT TIME ZONE 'UTC'),
           @extschema@.voice_uuid_at(($1 + interval '1 month') AT TIME ZONE 'UTC')
$$;
COMMENT ON FUNCTION voice._ids_of(date) IS 'the ids of a month: lower <= id < upper';

-- From the catalogs alone: no lock on any of the tables is left behind.
CREATE FUNCTION voice._missing_months(months date[]) RETURNS date[]
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT coalesce(array_agg(m ORDER BY m), '{}')
    FROM unnest($1) m CROSS JOIN LATERAL voice._ids_of(m) i
    WHERE NOT EXISTS (SELECT 1 FROM voice._partitions('call') l WHERE l.lower < i.upper AND l.upper > i.lower)
$$;
COMMENT ON FUNCTION voice._missing_months(date[]) IS 'those of the months that no partition holds';

CREATE FUNCTION voice._months(months_ahead int, since timestamptz) RETURNS date[]
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT array_agg(m::date ORDER BY m)
    FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') AS this_month) t,
         generate_series(least(date_trunc('month', $2 AT TIME ZONE 'UTC'), t.this_month),
                         t.this_month + $1 * interval '1 month', interval '1 month') m
$$;
COMMENT ON FUNCTION voice._months(int, timestamptz) IS 'the months (first days, UTC) from that of since to so many ahead of now';

-- A month is attached in 9 to 40 ms (docs/decisions/0082), and the locks of one transaction are held for all of its months.
-- More than half a year is made by a process of its own, a month in each of its transactions. A transaction with one
-- snapshot for all would not see what that process has made.
CREATE FUNCTION voice_create_partitions(months_ahead int DEFAULT 3, since timestamptz DEFAULT now()) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    missing int;
BEGIN
    IF months_ahead IS NULL OR months_ahead NOT BETWEEN 0 AND 120 THEN
        RAISE EXCEPTION 'months_ahead is out of range'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('months_ahead is %s; it may be 0 to 120.', coalesce(months_ahead::text, 'NULL')),
                  HINT = 'Three months ahead are enough: the worker adds the next one in time.';
    ELSIF since IS NULL OR since < timestamptz '1970-01-01 00:00:00+00' OR since > now() + interval '24 hours' THEN
        RAISE EXCEPTION 'since is out of range'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('since is %s; it may be from 1970 to now.', coalesce(since::text, 'NULL')),
                  HINT = 'Pass the start of the oldest call that you are going to import.';
    END IF;
    missing := cardinality(voice._missing_months(voice._months(months_ahead, since)));
    IF missing = 0 THEN
        RETURN;
    ELSIF voice._default_is_large() THEN
        RETURN QUERY SELECT * FROM voice._create_months_in_background(months_ahead, since, 'the DEFAULT partitions are large');
        RETURN;
    ELSIF missing > 6 AND NOT voice._holds_locks() AND current_setting('transaction_isolation') = 'read committed' THEN
        BEGIN
            RETURN QUERY SELECT * FROM voice._create_months_in_background(months_ahead, since, format('%s months are missing', missing));
            RETURN;
        EXCEPTION WHEN configuration_limit_exceeded THEN
            RAISE NOTICE 'there is no free background worker: % months are made here, in one transaction', missing;
        END;
    END IF;
    RETURN QUERY SELECT * FROM voice._swap_default_rows(voice._months(months_ahead, since));
    RETURN QUERY SELECT * FROM voice._create_months(voice._months(months_ahead, since));
END
$$;
COMMENT ON FUNCTION voice_create_partitions(int, timestamptz) IS
    'creates the missing months of all tables, from that of since to so many ahead, and returns the names of what it created; calls of theirs in the DEFAULT partitions become months too';
