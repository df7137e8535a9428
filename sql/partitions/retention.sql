-- A month leaves as a whole, with its jobs, trials and labels, or it stays; what was rolled up of it stays in voice.daily.

CREATE FUNCTION voice_drop_partitions(older_than interval, detach_only boolean DEFAULT false) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms'
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    try int := 0;
    -- A call starts up to 24 hours after the time in its id.
    cutoff timestamptz;
    past_id uuid;
    months record;
    partitions regclass[];
    names text[];
    partition regclass;
    parent text;
BEGIN
    BEGIN
        cutoff := now() - older_than - interval '24 hours';
    EXCEPTION WHEN datetime_field_overflow THEN
        cutoff := '-infinity'; -- older than time itself
    END;
    IF older_than IS NULL OR cutoff + interval '24 hours' >= now() THEN
        RAISE EXCEPTION 'older_than is out of range'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('older_than is %s.', coalesce(older_than::text, 'NULL')),
                  HINT = 'Pass how long calls are to be kept, for example interval ''13 months''.';
    ELSIF cutoff < timestamptz '1970-01-01 00:00:00+00' THEN
        RETURN;
    END IF;
    past_id := @extschema@.voice_uuid_at(cutoff);
    SELECT array_agg(l.lower ORDER BY l.lower) AS lowers, array_agg(l.upper ORDER BY l.lower) AS uppers INTO months
    FROM voice._partitions('call') l WHERE l.upper <= past_id;
    IF EXISTS (SELECT 1 FROM voice.call_default c WHERE c.id < past_id) THEN
        RAISE NOTICE 'calls that are older lie in the DEFAULT partitions, and stay'
            USING HINT = 'voice_create_partitions(since => …) makes months of them.';
    END IF;
    IF months.lowers IS NULL THEN
        RETURN;
    END IF;
    PERFORM voice._refuse_foreign_references();
    -- What has not been rolled up yet is now or never; a maintenance that is at it is waited for.
    PERFORM set_config('lock_timeout', '0', true);
    FOR i IN 1..cardinality(months.lowers) LOOP
        PERFORM voice._roll_up_due(months.lowers[i], months.uppers[i]);
    END LOOP;
    PERFORM set_config('lock_timeout', '50ms', true);
    SELECT array_agg(l.partition ORDER BY l.lower, f.n), array_agg(l.partition::text ORDER BY l.lower, f.n) INTO partitions, names
    FROM unnest(voice._partitioned_tables()) WITH ORDINALITY f(name, n) CROSS JOIN LATERAL voice._partitions(f.name) l
    WHERE l.lower = ANY (months.lowers);
    LOOP
        BEGIN
            PERFORM voice._lock_partitioned_tables('ACCESS EXCLUSIVE', try);
            FOREACH partition IN ARRAY partitions LOOP
                EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', partition);
            END LOOP;
            -- Calls before jobs, as everybody locks them.
            FOR i IN 1..cardinality(months.lowers) LOOP
                DELETE FROM voice.job j WHERE j.call_id >= months.lowers[i] AND j.call_id < months.uppers[i];
                DELETE FROM voice.dead_job d WHERE d.call_id >= months.lowers[i] AND d.call_id < months.uppers[i];
                DELETE FROM voice.trial_result t WHERE t.call_id >= months.lowers[i] AND t.call_id < months.uppers[i];
                DELETE FROM voice.label l WHERE l.call_id >= months.lowers[i] AND l.call_id < months.uppers[i];
                DELETE FROM voice.label_task t WHERE t.call_id >= months.lowers[i] AND t.call_id < months.uppers[i];
                DELETE FROM voice.live l WHERE l.call_id >= months.lowers[i] AND l.call_id < months.uppers[i];
            END LOOP;
            IF detach_only THEN
                FOREACH parent IN ARRAY voice._partitioned_tables() LOOP
                    FOR partition IN SELECT l.partition FROM voice._partitions(parent) l WHERE l.lower = ANY (months.lowers) LOOP
                        EXECUTE format('ALTER TABLE voice.%I DETACH PARTITION %s', parent, partition);
                    END LOOP;
                END LOOP;
            ELSE
                EXECUTE 'DROP TABLE ' || array_to_string(partitions, ', ');
            END IF;
            RETURN QUERY SELECT unnest(names);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
        try := try + 1;
        PERFORM voice._try_again(try, began);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice_drop_partitions(interval, boolean) IS
    'drops (or only detaches) the months all of whose calls are older, and returns the names of their tables; roll-ups stay';

CREATE FUNCTION voice._apply_retention() RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    retention CONSTANT text := coalesce(nullif(current_setting('voice_analytics.retention', true), ''), 'off');
BEGIN
    IF retention <> 'off' THEN
        RETURN QUERY SELECT * FROM @extschema@.voice_drop_partitions(retention::interval);
    END IF;
END
$$;
COMMENT ON FUNCTION voice._apply_retention() IS 'drops what the setting voice_analytics.retention says';
