-- What a tenant is on a server, so that two servers can compare: rows and a hash of them a table and month, and what its new server
-- must know beforehand. Held (voice_hold_tenant()), it also carries what replication does not.

-- Columns by name: two servers may have them in another order. Generated ones are not replicated; what has no hash is hashed as text.
CREATE FUNCTION voice._hashed_columns(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT string_agg(CASE a.atttypid WHEN 'tsvector'::regtype THEN format('t.%I::text', a.attname) ELSE format('t.%I', a.attname) END,
                      ', ' ORDER BY a.attname COLLATE "C")
    FROM pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
$$;
COMMENT ON FUNCTION voice._hashed_columns(regclass) IS 'the columns of a table, as voice._tenant_rows() hashes them';

-- Month by month and by the calls of the tenant's agents, for no index of these tables begins with a tenant; partitions by name, which
-- are planned in a fraction of the time. ids: from the first to the last.
CREATE FUNCTION voice._tenant_rows(tenant text, first_id uuid, last_id uuid, hashed boolean DEFAULT true) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    agents CONSTANT text[] := ARRAY(SELECT a.id FROM voice.agent a WHERE a.tenant_id = tenant);
    found jsonb := '{}';
    here jsonb;
    month record;
    parent text;
    first_month text;
    last_month text;
BEGIN
    FOREACH parent IN ARRAY voice._partitioned_tables() LOOP
        found := found || jsonb_build_object(parent, jsonb '{}');
    END LOOP;
    FOR month IN
        WITH leaf AS MATERIALIZED (
            SELECT f AS parent, l.* FROM unnest(voice._partitioned_tables()) f CROSS JOIN LATERAL voice._partitions(f) l
        ), hashed AS MATERIALIZED (
            SELECT f AS parent, voice._hashed_columns(('voice.' || f)::regclass) AS columns FROM unnest(voice._partitioned_tables()) f
        )
        SELECT p.parent, h.columns, p.partition, c.partition AS calls, greatest(c.lower, first_id) AS lower, least(c.upper, last_id) AS upper
        FROM leaf c JOIN leaf p ON p.lower IS NOT DISTINCT FROM c.lower JOIN hashed h ON h.parent = p.parent
        WHERE c.parent = 'call' AND (c.lower IS NULL OR c.upper >= first_id AND c.lower <= last_id) AND pg_relation_size(c.partition) > 0
    LOOP
        parent := month.parent;
        -- Two servers may have other months: counted is by the calendar, whatever the partitions are.
        first_month := to_char(@extschema@.voice_uuid_time(month.lower) AT TIME ZONE 'UTC', 'YYYY-MM');
        last_month := to_char((@extschema@.voice_uuid_time(month.upper) - interval '1 millisecond') AT TIME ZONE 'UTC', 'YYYY-MM');
        EXECUTE format($query$
            SELECT jsonb_object_agg(m.month, jsonb_build_array(m.rows, m.hash)) FROM (
                SELECT %7$s AS month, count(*) AS rows, %2$s AS hash
                FROM %3$s t
                WHERE t.%1$I >= %4$L AND t.%1$I <= %5$L AND t.tenant_id = $1 AND %6$s
                GROUP BY 1) m$query$,
            CASE parent WHEN 'call' THEN 'id' ELSE 'call_id' END,
            CASE WHEN hashed THEN format('bit_xor(hash_record_extended(ROW(%s), 0))::text', month.columns) ELSE 'NULL::text' END, month.partition, month.lower, month.upper,
            CASE parent WHEN 'call' THEN 't.agent_id = ANY ($2)'
                        ELSE format('t.call_id IN (SELECT c.id FROM %s c WHERE c.id >= %L AND c.id <= %L AND c.agent_id = ANY ($2) AND c.tenant_id = $1)',
                                    month.calls, month.lower, month.upper) END,
            CASE WHEN first_month = last_month THEN quote_literal(first_month) || '::text'
                 ELSE format('to_char(@extschema@.voice_uuid_time(t.%I) AT TIME ZONE ''UTC'', ''YYYY-MM'')', CASE parent WHEN 'call' THEN 'id' ELSE 'call_id' END) END)
        USING tenant, agents INTO here;
        -- A month of the calendar may lie in two partitions.
        found := jsonb_set(found, ARRAY[parent], (
            SELECT coalesce(jsonb_object_agg(x.key, jsonb_build_array(x.rows, x.hash)), '{}') FROM (
                SELECT e.key, sum((e.value->>0)::bigint) AS rows, bit_xor((e.value->>1)::bigint)::text AS hash
                FROM (SELECT * FROM jsonb_each(found->parent) UNION ALL SELECT * FROM jsonb_each(coalesce(here, '{}'))) e GROUP BY 1) x));
    END LOOP;
    RETURN found;
END
$$;
COMMENT ON FUNCTION voice._tenant_rows(text, uuid, uuid, boolean) IS 'of each partitioned table and month: how many rows a tenant has, and the XOR of their hashes, or NULL';

CREATE FUNCTION voice._tenant_settings(tenant text, whole boolean) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    found jsonb := '{}';
    here jsonb;
    name text;
BEGIN
    -- Of calls in progress and of today's usage a moment later nothing is the same.
    FOR name IN
        SELECT t.name FROM voice._moved_tables() t
        WHERE t.name <> ALL (voice._partitioned_tables() || text '_move_mark') AND (whole OR t.name NOT IN ('live', 'daily_usage', 'backfill'))
    LOOP
        EXECUTE format('SELECT jsonb_build_array(count(*), coalesce(bit_xor(hash_record_extended(ROW(%s), 0)), 0)::text) FROM voice.%I t WHERE t.tenant_id = $1',
                       voice._hashed_columns(('voice.' || name)::regclass), name)
        USING tenant INTO here;
        found := found || jsonb_build_object(name, here);
    END LOOP;
    RETURN found;
END
$$;
COMMENT ON FUNCTION voice._tenant_settings(text, boolean) IS 'the same of the tables that have no months';

-- What only the print carries. Roll-ups of days whose calls are still there are made anew on the new server.
CREATE FUNCTION voice._tenant_baggage(tenant text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    oldest CONSTANT date := (SELECT (@extschema@.voice_uuid_time(min(l.lower::text)::uuid) AT TIME ZONE voice._zone())::date
                             FROM voice._partitions('call') l WHERE l.lower IS NOT NULL);
    came CONSTANT date := (SELECT r.kept_before FROM voice._receiving r WHERE r.tenant_id = tenant);
    found jsonb;
    here jsonb;
    name text;
BEGIN
    found := jsonb_build_object(
        'dead_jobs', (SELECT coalesce(jsonb_agg(to_jsonb(d)), '[]') FROM voice.dead_job d WHERE d.tenant_id = tenant),
        'samples', (SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY s.id), '[]') FROM voice.label_sample s WHERE s.tenant_id = tenant),
        'tasks', (SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM voice.label_task t WHERE t.tenant_id = tenant),
        'trials', (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.id), '[]') FROM voice.trial t WHERE t.tenant_id = tenant),
        'trial_results', (SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM voice.trial_result t WHERE t.tenant_id = tenant),
        'erasures', (SELECT coalesce(jsonb_agg(to_jsonb(e) ORDER BY e.id), '[]') FROM voice.erasure e WHERE e.tenant_id = tenant),
        'kept_before', greatest(oldest, came));
    FOREACH name IN ARRAY voice._rollup_tables() LOOP
        EXECUTE format('SELECT coalesce(jsonb_agg(to_jsonb(d)), ''[]'') FROM voice.%I d WHERE d.tenant_id = $1 AND d.day < $2', name)
        USING tenant, greatest(oldest, came) INTO here;
        found := found || jsonb_build_object(name, here);
    END LOOP;
    RETURN found;
END
$$;
COMMENT ON FUNCTION voice._tenant_baggage(text) IS 'rows of a tenant that are not replicated, for its new server';

-- hashed: false where seconds count. Once the mark of a tenant that is held has come, all its changes have; numbers of rows are to spare.
CREATE FUNCTION voice_tenant_print(tenant text, since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity', hashed boolean DEFAULT true)
RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    first_id CONSTANT uuid := voice._first_id_of(since);
    last_id CONSTANT uuid := voice._last_id_of(until);
    sending voice._sending;
    made jsonb;
BEGIN
    IF tenant IS NULL OR since IS NULL OR until IS NULL OR hashed IS NULL THEN
        RAISE EXCEPTION 'a print needs a tenant and two times'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('tenant is %s, since %s, until %s.', coalesce(quote_literal(tenant), 'NULL'), coalesce(since::text, 'NULL'), coalesce(until::text, 'NULL')),
                  HINT = 'Leave the times out for all of its calls.';
    END IF;
    SELECT s.* INTO sending FROM voice._sending s WHERE s.tenant_id = tenant;
    made := jsonb_build_object(
        'tenant', tenant, 'instance', (SELECT i.id FROM voice._instance i), 'since', since, 'until', until, 'hashed', hashed,
        'server_version_num', current_setting('server_version_num')::int,
        'version', (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'voice_analytics'),
        'schema_version', voice._schema_version(),
        'search_config', coalesce(nullif(current_setting('voice_analytics.search_config', true), ''), 'simple'),
        'timezone', voice._zone(),
        'columns', (SELECT jsonb_object_agg(t.name, (SELECT jsonb_agg(a.attname ORDER BY a.attname COLLATE "C") FROM pg_attribute a
                                                      WHERE a.attrelid = to_regclass('voice.' || t.name) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''))
                    FROM voice._moved_tables() t),
        'agents', (SELECT coalesce(jsonb_agg(a.id ORDER BY a.id), '[]') FROM voice.agent a WHERE a.tenant_id = tenant),
        'oldest', (SELECT min(@extschema@.voice_uuid_time(l.lower)) FROM voice._partitions('call') l WHERE l.lower IS NOT NULL),
        'limits', (SELECT to_jsonb(l) FROM voice.tenant_limit l WHERE l.tenant_id = tenant),
        'webhooks', (SELECT coalesce(jsonb_agg(to_jsonb(w) - 'secret' ORDER BY w.created_at), '[]') FROM voice.webhook w WHERE w.tenant_id = tenant),
        'receives', (SELECT coalesce(jsonb_agg(r.format ORDER BY r.format), '[]') FROM voice._receive_secret r WHERE r.tenant_id = tenant),
        'roles', (SELECT coalesce(jsonb_agg(p.role ORDER BY p.role), '[]') FROM voice._pin p WHERE p.tenant_id = tenant),
        'prices', (SELECT coalesce(jsonb_agg(to_jsonb(p) - 'source' ORDER BY p.model, p.valid_from), '[]') FROM voice.model_price p),
        'arrived', (SELECT r.token FROM voice._receiving r WHERE r.tenant_id = tenant AND r.arrived_at IS NOT NULL),
        'held', coalesce(sending.held_at IS NOT NULL, false),
        'rows', voice._tenant_rows(tenant, first_id, last_id, hashed),
        'settings', voice._tenant_settings(tenant, sending.held_at IS NOT NULL));
    IF sending.held_at IS NOT NULL THEN
        UPDATE voice._sending s SET print = made WHERE s.tenant_id = tenant;
        made := made || jsonb_build_object(
            'token', sending.token, 'jobs', sending.jobs, 'alerts', sending.alerts, 'baggage', voice._tenant_baggage(tenant),
            'sequences', (SELECT jsonb_object_agg(n, pg_sequence_last_value(('voice.' || n)::regclass))
                          FROM unnest('{turn_id_seq,tool_call_id_seq,attempt_id_seq}'::text[]) n));
    END IF;
    RETURN made;
END
$$;
COMMENT ON FUNCTION voice_tenant_print(text, timestamptz, timestamptz, boolean) IS
    'what a tenant is on this server: rows and (unless hashed is false) a hash of them a table and month, of calls whose ids are of that time; settings that its new server must share; once it is held, also what replication does not carry';
