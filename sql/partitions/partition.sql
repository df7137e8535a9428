-- A month is eight partitions, one a partitioned table, that share their bounds and reference one another: no partition ever stands alone.

-- The partitioned tables in the one order in which they are created: what a partition references comes before it.
CREATE FUNCTION voice._partitioned_tables() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT '{call,turn,transcript_chunk,tool_call,analytics,attempt,search_document,result}'::text[] $$;
COMMENT ON FUNCTION voice._partitioned_tables() IS 'the partitioned tables, in the order in which they are created';

-- The months that exist, whatever they are called. The DEFAULT has neither bound.
CREATE FUNCTION voice._partitions(parent text, OUT partition regclass, OUT lower uuid, OUT upper uuid) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT c.oid::regclass, b[1]::uuid, b[2]::uuid
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    LEFT JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM [(]''(.*)''[)] TO [(]''(.*)''[)]') b ON true
    WHERE i.inhparent = to_regclass('voice.' || $1)
$$;
COMMENT ON FUNCTION voice._partitions(text) IS 'the partitions of a partitioned table and the ids they hold: lower <= id < upper';

-- With a foreign key to them from elsewhere no month is detached or dropped: PostgreSQL would say so of a partition, whose name
-- tells nobody what to do.
CREATE FUNCTION voice._refuse_foreign_references() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    referring text;
BEGIN
    SELECT string_agg(format('%s of %s', quote_ident(k.conname), k.conrelid::regclass), ', ' ORDER BY k.conname) INTO referring
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE k.contype = 'f' AND k.conparentid = 0 AND c.relnamespace <> 'voice'::regnamespace
      AND k.confrelid IN (SELECT to_regclass('voice.' || f) FROM unnest(voice._partitioned_tables()) f);
    IF referring IS NOT NULL THEN
        RAISE EXCEPTION 'no month can leave while other tables refer to calls: %', referring
            USING ERRCODE = 'dependent_objects_still_exist', DETAIL = 'These are foreign keys of tables that are not of voice_analytics.',
                  HINT = 'ALTER TABLE … DROP CONSTRAINT …; keep the id in a column with an index (docs/orm.md says why).';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._refuse_foreign_references() IS 'raises the error for foreign keys to calls that users have made';

-- A table like its partitioned table, whatever columns a DBA has added to that (but for identity: what is attached must have
-- none, and the rows get theirs from the partitioned table), with the references of its own month, not attached yet. Nothing is granted on it and its
-- row-level security has no policy: rows are reached through the partitioned table only.
CREATE FUNCTION voice._build_partition(parent text, suffix text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    partition CONSTANT text := format('%s_%s', parent, suffix);
BEGIN
    IF to_regclass(format('voice.%I', partition)) IS NOT NULL THEN
        RAISE EXCEPTION 'there is a table of this name already'
            USING ERRCODE = 'duplicate_table', DETAIL = format('voice.%I is no partition of voice.%I.', partition, parent),
                  HINT = 'A month that was detached: ATTACH it again, rename it, or drop it.';
    END IF;
    EXECUTE format(
        'CREATE TABLE voice.%I (LIKE voice.%I INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING GENERATED)',
        partition, parent);
    PERFORM voice._make_private(('voice.' || partition)::regclass);
    EXECUTE format('ALTER TABLE voice.%I ENABLE ROW LEVEL SECURITY', partition);
    IF parent <> 'call' THEN
        EXECUTE format(
            'ALTER TABLE voice.%I ADD FOREIGN KEY (call_id, tenant_id) REFERENCES voice.%I (id, tenant_id) ON DELETE CASCADE',
            partition, 'call_' || suffix);
    END IF;
    IF parent = 'transcript_chunk' THEN
        EXECUTE format(
            'ALTER TABLE voice.%I ADD FOREIGN KEY (call_id, turn_id) REFERENCES voice.%I (call_id, id) ON DELETE CASCADE',
            partition, 'turn_' || suffix);
    END IF;
    -- Of a tenant that is on its way to another server its changes must say whose they are (voice_send_tenant()).
    IF EXISTS (SELECT 1 FROM voice._sending) THEN
        EXECUTE format('ALTER TABLE voice.%I REPLICA IDENTITY FULL', partition);
    END IF;
    RETURN partition;
END
$$;
COMMENT ON FUNCTION voice._build_partition(text, text) IS 'creates a partition of a partitioned table, not attached yet';

-- Rows of a month that does not exist yet go to the DEFAULT partitions, which reference one another like any month.
CREATE FUNCTION voice._install_default_partitions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY voice._partitioned_tables() LOOP
        IF to_regclass(format('voice.%I', parent || '_default')) IS NULL THEN
            EXECUTE format('ALTER TABLE voice.%I ATTACH PARTITION voice.%I DEFAULT',
                           parent, voice._build_partition(parent, 'default'));
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._install_default_partitions() IS 'creates the DEFAULT partitions that are missing';

-- After a partial restore a partitioned table may lack months that the calls have: what is written for those calls would go to its
-- DEFAULT partition, which references that of the calls, where they are not.
CREATE FUNCTION voice._install_missing_partitions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    parent text;
    month record;
BEGIN
    FOREACH parent IN ARRAY voice._partitioned_tables() LOOP
        FOR month IN
            SELECT l.lower, l.upper, substr(c.relname, length('call_') + 1) AS suffix
            FROM voice._partitions('call') l
            JOIN pg_class c ON c.oid = l.partition
            WHERE l.lower IS NOT NULL
              AND NOT EXISTS (SELECT 1 FROM voice._partitions(parent) o WHERE o.lower = l.lower AND o.upper = l.upper)
            ORDER BY l.lower
        LOOP
            EXECUTE format('ALTER TABLE voice.%I ATTACH PARTITION voice.%I FOR VALUES FROM (%L) TO (%L)',
                           parent, voice._build_partition(parent, month.suffix), month.lower, month.upper);
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._install_missing_partitions() IS 'creates the partitions that a partitioned table lacks beside those of voice.call';
