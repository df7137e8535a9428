-- A month comes to all families in one moment, or to none; traffic never waits longer than the lock_timeout for it.

-- Creates the months that do not exist, as one unit, and returns the names of the leaves. What takes time (tables,
-- indexes, references among themselves) is done on tables that nobody sees; the families are locked for the ATTACH only.
CREATE FUNCTION voice._create_months(months date[]) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms'
AS $$
DECLARE
    max_tries CONSTANT int := 40;
    month date;
    first_id uuid;
    past_id uuid;
    family text;
    leaves text[] := '{}';
    attach text[] := '{}';
    holders text;
BEGIN
    FOREACH month IN ARRAY months LOOP
        first_id := @extschema@.voice_uuid_at(month::timestamp AT TIME ZONE 'UTC');
        past_id := @extschema@.voice_uuid_at((month + interval '1 month') AT TIME ZONE 'UTC');
        CONTINUE WHEN EXISTS (SELECT FROM voice._leaves('call') l WHERE l.lower < past_id AND l.upper > first_id);
        IF EXISTS (SELECT FROM voice.call_default c WHERE c.id >= first_id AND c.id < past_id) THEN
            RAISE WARNING 'the month % is not created', to_char(month, 'YYYY-MM')
                USING DETAIL = 'Calls of that month are in voice.call_default already, where they stay readable and writable.',
                      HINT = 'Create months before their calls are imported: voice_create_partitions(since => …).';
            CONTINUE;
        END IF;
        FOREACH family IN ARRAY voice._families() LOOP
            leaves := leaves || voice._build_leaf(family, to_char(month, 'YYYY_MM'));
            attach := attach || format('ALTER TABLE voice.%I ATTACH PARTITION voice.%I FOR VALUES FROM (%L) TO (%L)',
                                       family, leaves[cardinality(leaves)], first_id, past_id);
        END LOOP;
    END LOOP;
    IF leaves = '{}' THEN
        RETURN;
    END IF;

    FOR try IN 1..max_tries LOOP
        BEGIN
            -- agent first: the reference from call takes it, and an import writes its agent before its call.
            LOCK TABLE voice.agent IN SHARE ROW EXCLUSIVE MODE;
            FOREACH family IN ARRAY voice._families() LOOP
                EXECUTE format('LOCK TABLE ONLY voice.%I IN SHARE UPDATE EXCLUSIVE MODE', family);
                EXECUTE format('LOCK TABLE voice.%I IN ACCESS EXCLUSIVE MODE', family || '_default');
            END LOOP;
            FOR i IN 1..cardinality(attach) LOOP
                EXECUTE attach[i];
            END LOOP;
            RETURN QUERY SELECT unnest(leaves);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            NULL; -- all locks are given back with the block; those who waited behind us go first
        END;
        IF try = max_tries / 4 THEN
            RAISE NOTICE 'waiting for a moment in which nobody holds a lock on the DEFAULT partitions';
        END IF;
        PERFORM pg_sleep(least(0.02 * try, 0.5) * (0.5 + random()));
    END LOOP;

    SELECT string_agg(DISTINCT format('%s (%s)', l.pid, coalesce(nullif(a.application_name, ''), a.backend_type)), ', ')
    INTO holders
    FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.granted AND l.pid <> pg_backend_pid() AND l.locktype = 'relation'
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.relation IN (SELECT to_regclass('voice.' || f || s) FROM unnest(voice._families()) f, (VALUES (''), ('_default')) v(s));
    RAISE EXCEPTION 'no moment was found to add months to the tables of voice_analytics'
        USING ERRCODE = 'lock_not_available',
              DETAIL = format('Transactions that hold locks on them: %s.', coalesce(holders, 'none at this moment')),
              HINT = 'Try again when those have ended; calls meanwhile go to the DEFAULT partitions.';
END
$$;
COMMENT ON FUNCTION voice._create_months(date[]) IS 'creates those of these months (first days, UTC) that are missing, for all families';

CREATE FUNCTION voice_create_partitions(months_ahead int DEFAULT 3, since timestamptz DEFAULT now()) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    this_month CONSTANT date := date_trunc('month', now() AT TIME ZONE 'UTC');
    first_month date;
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
    first_month := least(date_trunc('month', since AT TIME ZONE 'UTC'), this_month);
    RETURN QUERY
    SELECT voice._create_months(array_agg(m::date ORDER BY m))
    FROM generate_series(first_month, this_month + months_ahead * interval '1 month', interval '1 month') m;
END
$$;
COMMENT ON FUNCTION voice_create_partitions(int, timestamptz) IS
    'creates the missing months of all tables, from that of since to so many ahead, and returns the names of what it created';
