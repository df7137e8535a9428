-- What takes long, how far it is, and when it may be done.

-- As voice_worker: partitions are nobody's to read, nor are the books of roll-ups. Of no tenant, and nobody's words.
CREATE FUNCTION voice._maintenance_progress(OUT kind text, OUT name text, OUT done bigint, OUT total bigint) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    enough CONSTANT int := 100000;
    ahead CONSTANT int := current_setting('voice_analytics.partition_months_ahead', true);
    ready CONSTANT int := voice._months_ahead();
BEGIN
    IF ready < ahead THEN
        RETURN QUERY SELECT 'months', 'months ahead', greatest(ready, 0)::bigint, ahead::bigint;
    END IF;
    SELECT count(*) INTO total FROM (SELECT 1 FROM voice.call_default LIMIT enough) counted;
    IF total > 0 THEN
        RETURN QUERY SELECT 'months', 'calls whose month has no partition', 0::bigint, total;
    END IF;
    -- Months that are over; the current one changes with every call. As voice._write_counters() counts, for all of them at once.
    IF current_setting('track_counts')::boolean THEN
        SELECT count(*) FILTER (WHERE EXISTS (
                   SELECT 1 FROM voice._rolled_month m WHERE m.lower = l.lower AND m.zone = voice._zone() AND m.changes = l.changes)), count(*)
        INTO done, total
        FROM (SELECT p.lower, sum(pg_stat_get_tuples_inserted(p.partition) + pg_stat_get_tuples_updated(p.partition)
                                  + pg_stat_get_tuples_deleted(p.partition) + pg_relation_size(p.partition))::bigint AS changes
              FROM (VALUES ('call'), ('analytics'), ('result')) f(name) CROSS JOIN LATERAL voice._partitions(f.name) p
              WHERE p.upper <= @extschema@.voice_uuid_at(now()) GROUP BY p.lower HAVING sum(pg_relation_size(p.partition)) > 0) l;
        IF done < total THEN
            RETURN QUERY SELECT 'roll-up', 'months past', done, total;
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION voice._maintenance_progress() IS 'months that are to be made, and months past whose roll-up is to be looked at';

CREATE FUNCTION voice_progress(
    OUT kind text, OUT name text, OUT done bigint, OUT total bigint, OUT per_minute double precision,
    OUT started_at timestamptz, OUT estimated_end timestamptz) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    item record;
    left_over bigint;
BEGIN
    FOR item IN
        SELECT 'backfill' AS kind, string_agg(DISTINCT coalesce(b.name, 'what is not current'), ', ') AS name,
               sum(b.queued)::bigint AS total, min(b.started_at) AS started_at, NULL::bigint AS trial
        FROM voice.backfill b WHERE b.finished_at IS NULL AND has_table_privilege('voice.job', 'SELECT') HAVING count(*) > 0
        UNION ALL
        SELECT 'trial', t.id::text || coalesce(' ' || t.name, '') || coalesce(' ' || t.model, ''), t.calls, t.created_at, t.id
        FROM voice.trial t WHERE t.created_at > now() - interval '30 days' AND t.calls > 0
        ORDER BY 4, 5
    LOOP
        -- Whoever sees the queue sees what is left; a reader sees what has come.
        IF item.kind = 'backfill' THEN
            SELECT count(*) INTO left_over FROM voice.job j WHERE j.kind = 'analyze' AND j.priority >= 10;
        ELSIF has_table_privilege('voice.job', 'SELECT') THEN
            SELECT count(*) INTO left_over FROM voice.job j WHERE j.kind = 'trial' AND j.event = item.trial::text;
        ELSE
            SELECT item.total - count(*) INTO left_over FROM voice.trial_result r WHERE r.trial_id = item.trial;
        END IF;
        CONTINUE WHEN left_over <= 0;
        kind := item.kind;
        name := item.name;
        total := greatest(item.total, left_over);
        done := total - left_over;
        started_at := item.started_at;
        per_minute := done / nullif(extract(epoch FROM clock_timestamp() - item.started_at) / 60, 0);
        estimated_end := clock_timestamp() + left_over / nullif(per_minute, 0) * interval '1 minute';
        RETURN NEXT;
    END LOOP;
    -- src/host/progress.rs writes them. The server shows them to the importing role and to pg_read_all_stats.
    RETURN QUERY
    SELECT 'import', 'process ' || p.pid, p.calls, p.of, p.calls / nullif(p.minutes, 0), p.began,
           clock_timestamp() + (p.of - p.calls) * p.minutes / nullif(p.calls, 0) * interval '1 minute'
    FROM (SELECT i.pid, i.param3 AS calls, i.param11 AS of, to_timestamp(i.param12 / 1e6) AS began,
                 extract(epoch FROM clock_timestamp() - to_timestamp(i.param12 / 1e6))::double precision / 60 AS minutes
          FROM pg_stat_get_progress_info('COPY') i JOIN pg_database d ON d.oid = i.datid AND d.datname = current_database()
          WHERE i.param13 = x'766f6963'::int) p
    ORDER BY p.began, p.pid;
    IF has_function_privilege('voice._maintenance_progress()', 'EXECUTE') THEN
        RETURN QUERY SELECT m.kind, m.name, m.done, m.total, NULL::double precision, NULL::timestamptz, NULL::timestamptz
        FROM voice._maintenance_progress() m;
    END IF;
END
$$;
COMMENT ON FUNCTION voice_progress() IS
    'what takes long and goes on now: backfills, trials, imports (calls), months that are to be made, months past whose roll-up is to be looked at; done of total, how many a minute since started_at, and when that ends if it goes on so; no row: nothing does';
