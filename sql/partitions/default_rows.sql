-- Rows that lie in the DEFAULT partitions are not copied: the DEFAULTs become the month, in one moment for all partitioned tables, and
-- new empty ones take their place.

-- Up to this size the partitions are read while they are locked, which takes a few milliseconds. Larger ones are proved to
-- hold their month beforehand, by a CHECK that is validated without a lock that others would feel; that takes
-- transactions of its own, so another process does it (src/worker/maintenance.rs).
CREATE FUNCTION voice._default_is_large() RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT coalesce(sum(pg_relation_size(to_regclass('voice.' || f || '_default'))), 0) > 8 * 1024 * 1024
    FROM unnest(voice._partitioned_tables()) f
$$;
COMMENT ON FUNCTION voice._default_is_large() IS 'whether reading the DEFAULT partitions would take longer than others may wait';

-- Where calls in a DEFAULT partition lie: between which existing months. A DEFAULT becomes one partition, and a partition is one range
-- without others in it; so where calls lie on both sides of existing months, the side with fewer of them moves to the
-- new DEFAULT (and becomes a month of its own the next time round).
CREATE FUNCTION voice._default_rows(months date[], OUT lower uuid, OUT upper uuid, OUT suffix text, OUT strays bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    now_and_around CONSTANT timestamptz[] := ARRAY[now() - interval '25 hours', now() + interval '25 hours'];
    gap record;
    here record;
    calls bigint;
    most bigint := 0;
    total bigint := 0;
    sides int := 0;
    wanted boolean := false;
    first_month timestamp;
    last_month timestamp;
BEGIN
    FOR gap IN
        SELECT g.lower, lead(g.start) OVER (ORDER BY g.lower) AS upper
        FROM (SELECT uuid '00000000-0000-0000-0000-000000000000' AS lower, NULL::uuid AS start
              UNION ALL SELECT l.upper, l.lower FROM voice._partitions('call') l WHERE l.lower IS NOT NULL) g
    LOOP
        -- Of both ends one probe of the key.
        SELECT @extschema@.voice_uuid_time(c.id) AS first_time INTO here FROM voice.call_default c
        WHERE c.id >= gap.lower AND (gap.upper IS NULL OR c.id < gap.upper) ORDER BY c.id LIMIT 1;
        CONTINUE WHEN NOT FOUND;
        sides := sides + 1;
        first_month := date_trunc('month', here.first_time AT TIME ZONE 'UTC');
        SELECT @extschema@.voice_uuid_time(c.id) AS last_time INTO here FROM voice.call_default c
        WHERE c.id >= gap.lower AND (gap.upper IS NULL OR c.id < gap.upper) ORDER BY c.id DESC LIMIT 1;
        last_month := date_trunc('month', here.last_time AT TIME ZONE 'UTC');
        wanted := wanted OR EXISTS (SELECT 1 FROM unnest(months) m WHERE m BETWEEN first_month AND last_month);
        SELECT count(*) INTO calls FROM voice.call_default c
        WHERE c.id >= gap.lower AND (gap.upper IS NULL OR c.id < gap.upper);
        total := total + calls;
        CONTINUE WHEN calls <= most;
        most := calls;
        -- Calls that begin while a large DEFAULT is proved must not be refused by the proof.
        IF EXISTS (SELECT 1 FROM unnest(now_and_around) n
                   WHERE date_trunc('month', n AT TIME ZONE 'UTC') BETWEEN first_month AND last_month) THEN
            SELECT least(first_month, min(date_trunc('month', n AT TIME ZONE 'UTC'))),
                   greatest(last_month, max(date_trunc('month', n AT TIME ZONE 'UTC')))
            INTO first_month, last_month FROM unnest(now_and_around) n;
        END IF;
        lower := greatest(gap.lower, @extschema@.voice_uuid_at(first_month AT TIME ZONE 'UTC'));
        upper := least(gap.upper, @extschema@.voice_uuid_at((last_month + interval '1 month') AT TIME ZONE 'UTC'));
        -- Named by what it holds, clipped by its neighbours.
        first_month := @extschema@.voice_uuid_time(lower) AT TIME ZONE 'UTC';
        last_month := @extschema@.voice_uuid_time(upper) AT TIME ZONE 'UTC' - interval '1 month';
        suffix := to_char(first_month, 'YYYY_MM')
               || CASE WHEN last_month > first_month THEN to_char(last_month, '"_to_"YYYY_MM') ELSE '' END;
    END LOOP;
    strays := total - most;
    IF NOT wanted THEN
        suffix := NULL;
    ELSIF strays > 500 OR strays > 0 AND voice._default_is_large() THEN
        RAISE WARNING 'the DEFAULT partitions do not become months'
            USING DETAIL = format('They hold calls on %s sides of months that exist; %s calls would have to be copied while everybody waits.',
                                  sides, strays),
                  HINT = 'The calls stay readable and writable where they are. Months to come are created all the same.';
        suffix := NULL;
    END IF;
END
$$;
COMMENT ON FUNCTION voice._default_rows(date[]) IS
    'the range that the DEFAULT partitions would become, if they hold calls of these months; suffix NULL: they do not';

-- A CHECK that says which ids the DEFAULT partitions hold (inside: of these ranges only; otherwise: of none of them), so that
-- ATTACH need not read them. Adding it takes a moment; _validate_proof() reads, and holds up nobody.
CREATE FUNCTION voice._add_bound_checks(lower uuid[], upper uuid[], inside boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms'
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    try int := 0;
    parent text;
BEGIN
    LOOP
        BEGIN
            PERFORM voice._lock_partitioned_tables('ACCESS SHARE', try);
            FOREACH parent IN ARRAY voice._partitioned_tables() LOOP
                EXECUTE format('ALTER TABLE voice.%I ADD CONSTRAINT while_a_month_is_made CHECK (%s) NOT VALID', parent || '_default',
                    (SELECT string_agg(format(CASE WHEN inside THEN '%1$I >= %2$L::uuid AND %1$I < %3$L::uuid'
                                                   ELSE '(%1$I < %2$L::uuid OR %1$I >= %3$L::uuid)' END,
                                              CASE parent WHEN 'call' THEN 'id' ELSE 'call_id' END, r.l, r.u), ' AND ')
                     FROM unnest(lower, upper) r(l, u)));
            END LOOP;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
        try := try + 1;
        PERFORM voice._try_again(try, began);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._add_bound_checks(uuid[], uuid[], boolean) IS 'says of the DEFAULT partitions which ids they hold, to be validated';

-- First the question, then the lock: a table is not altered while a query of the same session reads it.
CREATE FUNCTION voice._add_absence_checks(months date[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    absent record;
BEGIN
    SELECT array_agg(i.lower) AS lowers, array_agg(i.upper) AS uppers INTO absent
    FROM unnest(voice._missing_months(months)) m CROSS JOIN LATERAL voice._ids_of(m) i
    WHERE NOT EXISTS (SELECT 1 FROM voice.call_default c WHERE c.id >= i.lower AND c.id < i.upper);
    IF absent.lowers IS NULL OR NOT voice._default_is_large() THEN
        RETURN false;
    END IF;
    PERFORM voice._add_bound_checks(absent.lowers, absent.uppers, false);
    RETURN true;
END
$$;
COMMENT ON FUNCTION voice._add_absence_checks(date[]) IS 'says that the DEFAULT partitions hold nothing of missing months; false: that needs no proof';

CREATE FUNCTION voice._validate_bound_check(parent text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    EXECUTE format('ALTER TABLE voice.%I VALIDATE CONSTRAINT while_a_month_is_made', parent || '_default');
END
$$;
COMMENT ON FUNCTION voice._validate_bound_check(text) IS 'proves which ids a DEFAULT partition holds, without holding up others';

CREATE FUNCTION voice._bound_checked() RETURNS SETOF regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT k.conrelid::regclass FROM pg_constraint k JOIN pg_inherits i ON i.inhrelid = k.conrelid
    WHERE k.conname = 'while_a_month_is_made' AND k.contype = 'c'
      AND i.inhparent IN (SELECT to_regclass('voice.' || f) FROM unnest(voice._partitioned_tables()) f)
    ORDER BY array_position(voice._partitioned_tables(), (SELECT relname::text FROM pg_class WHERE oid = i.inhparent))
$$;
COMMENT ON FUNCTION voice._bound_checked() IS 'the partitions of which something was said while months were made';

CREATE FUNCTION voice._drop_bound_checks() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    partition regclass;
BEGIN
    FOREACH partition IN ARRAY ARRAY(SELECT voice._bound_checked()) LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT while_a_month_is_made', partition);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._drop_bound_checks() IS 'forgets what was said of partitions while months were made, under locks that are held already';

-- A crash leaves them behind, and they would refuse calls of other months.
CREATE FUNCTION voice._forget_bound_checks() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms'
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    try int := 0;
BEGIN
    WHILE EXISTS (SELECT 1 FROM voice._bound_checked()) LOOP
        BEGIN
            PERFORM voice._lock_partitioned_tables('ACCESS SHARE', try);
            PERFORM voice._drop_bound_checks();
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
        try := try + 1;
        PERFORM voice._try_again(try, began);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._forget_bound_checks() IS 'forgets what a maintenance that did not come to its end has said of partitions';

-- The DEFAULT partitions become the partitions of this range. Those who wait for the locks meanwhile find every row afterwards,
-- for they wait for the partitioned tables: what they look for is looked up after that. With constraint_exclusion the planner sees
-- in the proof that there is nothing to copy, and reads no table under the locks.
CREATE FUNCTION voice._swap_default(lower uuid, upper uuid, suffix text) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms' SET constraint_exclusion = on
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    try int := 0;
    parent text;
    key text;
    columns text;
BEGIN
    PERFORM voice._refuse_foreign_references();
    -- An index is renamed under a lock that neither readers nor writers feel: so it has its name before its partition has.
    FOREACH parent IN ARRAY voice._partitioned_tables() LOOP
        PERFORM voice._rename_indexes(parent || '_default', parent || '_default', parent || '_' || suffix);
        PERFORM voice._build_partition(parent, 'next');
        PERFORM voice._rename_indexes(parent || '_next', parent || '_next', parent || '_default');
    END LOOP;
    LOOP
        BEGIN
            PERFORM voice._lock_partitioned_tables('ACCESS EXCLUSIVE', try);
            FOREACH parent IN ARRAY voice._partitioned_tables() LOOP
                EXECUTE format('ALTER TABLE voice.%I DETACH PARTITION voice.%I', parent, parent || '_default');
                EXECUTE format('ALTER TABLE voice.%I RENAME TO %I', parent || '_default', parent || '_' || suffix);
                EXECUTE format('ALTER TABLE voice.%I RENAME TO %I', parent || '_next', parent || '_default');
            END LOOP;
            -- Between the two neither has triggers: what is copied is not written anew.
            FOREACH parent IN ARRAY voice._partitioned_tables() LOOP
                key := CASE parent WHEN 'call' THEN 'id' ELSE 'call_id' END;
                -- But for those that are generated.
                SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns
                FROM pg_attribute a
                WHERE a.attrelid = format('voice.%I', parent)::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
                EXECUTE format('INSERT INTO voice.%1$I (%4$s) SELECT %4$s FROM voice.%2$I WHERE %3$I < $1 OR %3$I >= $2',
                               parent || '_default', parent || '_' || suffix, key, columns) USING lower, upper;
            END LOOP;
            EXECUTE format('DELETE FROM voice.%I WHERE id < $1 OR id >= $2', 'call_' || suffix) USING lower, upper;
            FOREACH parent IN ARRAY voice._partitioned_tables() LOOP
                EXECUTE format('ALTER TABLE voice.%I ATTACH PARTITION voice.%I DEFAULT', parent, parent || '_default');
                EXECUTE format('ALTER TABLE voice.%I ATTACH PARTITION voice.%I FOR VALUES FROM (%L) TO (%L)',
                               parent, parent || '_' || suffix, lower, upper);
            END LOOP;
            PERFORM voice._drop_bound_checks();
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
        try := try + 1;
        PERFORM voice._try_again(try, began);
    END LOOP;
    RETURN QUERY SELECT f || '_' || suffix FROM unnest(voice._partitioned_tables()) f;
END
$$;
COMMENT ON FUNCTION voice._swap_default(uuid, uuid, text) IS 'makes the DEFAULT partitions those of this range, and gives the names they have now';

CREATE FUNCTION voice._rename_indexes(partition text, old_prefix text, new_prefix text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    index record;
BEGIN
    FOR index IN
        SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = to_regclass(format('voice.%I', partition)) AND starts_with(c.relname, old_prefix)
    LOOP
        EXECUTE format('ALTER INDEX voice.%I RENAME TO %I', index.name,
                       left(new_prefix || substr(index.name, char_length(old_prefix) + 1), 63));
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._rename_indexes(text, text, text) IS 'gives indexes the name of their partition';

-- While the DEFAULT partitions hold calls of the months asked for.
CREATE FUNCTION voice._swap_default_rows(months date[]) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    becomes record;
BEGIN
    FOR round IN 1..10 LOOP
        SELECT * INTO becomes FROM voice._default_rows(months);
        EXIT WHEN becomes.suffix IS NULL;
        RETURN QUERY SELECT * FROM voice._swap_default(becomes.lower, becomes.upper, becomes.suffix);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._swap_default_rows(date[]) IS 'makes months of calls that lie in small DEFAULT partitions';

CREATE FUNCTION voice._run_in_background(task text, months_ahead int, since timestamptz, functions_in text) RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_run_in_background_wrapper';
REVOKE EXECUTE ON FUNCTION voice._run_in_background(text, int, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION voice._run_in_background(text, int, timestamptz, text) TO voice_worker;
COMMENT ON FUNCTION voice._run_in_background(text, int, timestamptz, text) IS
    'has a process of its own do a task that takes several transactions; gives an empty text, or what went wrong';

CREATE FUNCTION voice._holds_locks() RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT EXISTS (SELECT 1 FROM pg_locks l JOIN unnest(voice._partitioned_tables()) f
                       ON l.relation IN (to_regclass('voice.' || f), to_regclass('voice.' || f || '_default'), to_regclass('voice.agent'))
                   WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
                     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
$$;
COMMENT ON FUNCTION voice._holds_locks() IS
    'whether this transaction has used what months are made under: another process would wait for it';

-- Nothing here may lock a table: the process waits for the locks that this transaction holds, and we for the process.
CREATE FUNCTION voice._create_months_in_background(months_ahead int, since timestamptz, reason text) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    before CONSTANT text[] := ARRAY(SELECT l.partition::text FROM unnest(voice._partitioned_tables()) f CROSS JOIN LATERAL voice._partitions(f) l);
    problem text;
BEGIN
    IF voice._holds_locks() THEN
        RAISE EXCEPTION 'months are not created by a transaction that has used the tables of voice_analytics'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = 'The DEFAULT partitions are large: another process makes months of them, and would wait for this transaction''s locks.',
                  HINT = 'COMMIT first, then SELECT voice_create_partitions(…) on its own.';
    END IF;
    RAISE NOTICE '%: a process of its own creates months, in transactions of its own', reason
        USING DETAIL = 'pg_stat_activity shows it as "voice_analytics maintenance"; a ROLLBACK here does not undo it.';
    problem := voice._run_in_background('months', months_ahead, since, NULL);
    IF problem <> '' THEN
        RAISE EXCEPTION 'the months could not be created'
            USING ERRCODE = 'lock_not_available', DETAIL = problem,
                  HINT = 'Try again; the log of the server has the whole story. Calls meanwhile are stored as ever.';
    END IF;
    RETURN QUERY
    SELECT l.partition::text
    FROM unnest(voice._partitioned_tables()) WITH ORDINALITY f(name, n) CROSS JOIN LATERAL voice._partitions(f.name) l
    WHERE l.partition::text <> ALL (before) ORDER BY l.lower, f.n;
END
$$;
COMMENT ON FUNCTION voice._create_months_in_background(int, timestamptz, text) IS 'has a process of its own create months, and gives the names of their partitions';
