-- The switch: from here on the tenant is this server's. What replication does not carry comes out of the print, in one transaction
-- with the end of the fence, so that it is here before the first of its sessions.

-- Rows of the new table's columns that a row has; generated ones are computed.
CREATE FUNCTION voice._take_in_rows(name text, rows jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    columns CONSTANT text := (SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
                              WHERE a.attrelid = to_regclass('voice.' || name) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '');
BEGIN
    IF jsonb_array_length(rows) > 0 THEN
        EXECUTE format('INSERT INTO voice.%1$I (%2$s) SELECT %2$s FROM jsonb_populate_recordset(NULL::voice.%1$I, $1)', name, columns) USING rows;
    END IF;
END
$$;
COMMENT ON FUNCTION voice._take_in_rows(text, jsonb) IS 'inserts rows of a print into a table';

-- Ids from sequences are one server's: those that are taken here become others, wherever they are named.
CREATE FUNCTION voice._take_in_samples(baggage jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    new_ids jsonb := '{}';
    item jsonb;
    new_id bigint;
BEGIN
    FOR item IN SELECT * FROM jsonb_array_elements(baggage->'samples') LOOP
        new_id := nextval('voice.label_sample_id_seq');
        PERFORM voice._take_in_rows('label_sample', jsonb_build_array(item || jsonb_build_object('id', new_id)));
        PERFORM voice._take_in_rows('label_task', (SELECT coalesce(jsonb_agg(t || jsonb_build_object('sample_id', new_id)), '[]')
            FROM jsonb_array_elements(baggage->'tasks') t WHERE t->'sample_id' = item->'id'));
    END LOOP;
    FOR item IN SELECT * FROM jsonb_array_elements(baggage->'trials') LOOP
        new_id := nextval('voice.trial_id_seq');
        new_ids := new_ids || jsonb_build_object(item->>'id', new_id::text);
        PERFORM voice._take_in_rows('trial', jsonb_build_array(item || jsonb_build_object('id', new_id)));
        PERFORM voice._take_in_rows('trial_result', (SELECT coalesce(jsonb_agg(t || jsonb_build_object('trial_id', new_id)), '[]')
            FROM jsonb_array_elements(baggage->'trial_results') t WHERE t->'trial_id' = item->'id'));
    END LOOP;
    PERFORM voice._take_in_rows('erasure', (SELECT coalesce(jsonb_agg(e || jsonb_build_object('id', nextval('voice.erasure_id_seq'))), '[]')
        FROM jsonb_array_elements(baggage->'erasures') e));
    RETURN new_ids;
END
$$;
COMMENT ON FUNCTION voice._take_in_samples(jsonb) IS 'writes label samples, trials and erasures of a tenant that comes here, and returns which trial has which id now';

-- A delivery to a webhook that has no secret here would be dropped: it waits among the dead for voice_requeue_dead().
CREATE FUNCTION voice._take_in_jobs(print jsonb, trials jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    silent bigint;
BEGIN
    INSERT INTO voice.job (run_at, call_id, priority, attempt, kind, tenant_id, webhook_id, event)
    SELECT j.run_at, j.call_id, j.priority, j.attempt, j.kind, j.tenant_id, j.webhook_id, CASE j.kind WHEN 'trial' THEN coalesce(trials->>j.event, j.event) ELSE j.event END
    FROM jsonb_populate_recordset(NULL::voice.job, print->'jobs') j
    WHERE j.webhook_id IS NULL OR EXISTS (SELECT 1 FROM voice.webhook w WHERE w.id = j.webhook_id AND w.enabled)
    ORDER BY j.id
    ON CONFLICT DO NOTHING;
    INSERT INTO voice.dead_job (id, died_at, call_id, priority, attempts, kind, tenant_id, last_error, webhook_id, event)
    SELECT nextval('voice.job_id_seq'), now(), j.call_id, j.priority, j.attempt, j.kind, j.tenant_id, 'its tenant has moved, and its webhook was not enabled here', j.webhook_id, j.event
    FROM jsonb_populate_recordset(NULL::voice.job, print->'jobs') j
    JOIN voice.webhook w ON w.id = j.webhook_id AND NOT w.enabled;
    GET DIAGNOSTICS silent = ROW_COUNT;
    IF silent > 0 THEN
        RAISE NOTICE '% deliveries wait for webhooks that are not enabled here', silent
            USING HINT = 'voice_enable_webhook(id), then voice_requeue_dead().';
    END IF;
    PERFORM voice._take_in_rows('dead_job', (SELECT coalesce(jsonb_agg(d || jsonb_build_object('id', nextval('voice.job_id_seq'),
            'event', CASE d->>'kind' WHEN 'trial' THEN coalesce(trials->>(d->>'event'), d->>'event') ELSE d->>'event' END)), '[]')
        FROM jsonb_array_elements(print->'baggage'->'dead_jobs') d));
END
$$;
COMMENT ON FUNCTION voice._take_in_jobs(jsonb, jsonb) IS 'queues what waited on the server that a tenant comes from';

CREATE FUNCTION voice_tenant_arrived(tenant text, print jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    receiving voice._receiving;
    subscription CONSTANT text := voice._move_name(tenant);
    at CONSTANT timestamptz := clock_timestamp();
    problem text;
    name text;
BEGIN
    SELECT r.* INTO receiving FROM voice._receiving r WHERE r.tenant_id = tenant FOR UPDATE;
    IF NOT FOUND OR tenant IS DISTINCT FROM (print->>'tenant') THEN
        RAISE EXCEPTION 'this tenant is not expected here'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('Tenant %s; the print is of %s.', coalesce(quote_literal(tenant), 'NULL'), coalesce(print->'tenant', 'null')),
                  HINT = 'SELECT voice_receive_tenant(print) first.';
    ELSIF receiving.arrived_at IS NOT NULL THEN
        RETURN true;
    END IF;
    SELECT string_agg(format('voice.%s %s', t.name, CASE WHEN r.srsubstate IS NULL THEN 'is missing' ELSE format('is "%s"', r.srsubstate) END), ', ' ORDER BY t.name) INTO problem
    FROM voice._moved_tables() t
    LEFT JOIN (SELECT r.srrelid, r.srsubstate FROM pg_subscription u JOIN pg_subscription_rel r ON r.srsubid = u.oid
               WHERE u.subname = subscription AND u.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())) r
        ON r.srrelid = to_regclass('voice.' || t.name)
    WHERE r.srsubstate IS DISTINCT FROM 'r';
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'tables are not ready'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('Of subscription %I: %s.', subscription, problem),
                  HINT = 'They are still being copied ("d", "f", "s"), or copying fails again and again: the log of this server says why.';
    END IF;
    IF (print->>'held')::boolean AND NOT EXISTS (SELECT 1 FROM voice._move_mark m WHERE m.tenant_id = tenant AND m.token = (print->>'token')::uuid) THEN
        RAISE EXCEPTION 'the last changes have not come yet'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'The mark that the other server wrote when the tenant was held is not here.',
                  HINT = 'Try again; pg_stat_subscription and the log of this server say what replication waits for.';
    END IF;
    problem := voice._differences(print);
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'what is here is not what is there'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = problem || '.',
                  HINT = 'Where a tenant is not held, its calls change meanwhile: try again with a new print.';
    ELSIF NOT (print->>'held')::boolean THEN
        RETURN false;
    END IF;
    PERFORM voice._take_in_settings(print);
    -- A turn that comes now for a call of then must not have the id of one of then.
    FOR name IN SELECT jsonb_object_keys(print->'sequences') LOOP
        PERFORM setval(('voice.' || name)::regclass, greatest((print->'sequences'->>name)::bigint, pg_sequence_last_value(('voice.' || name)::regclass)))
        WHERE print->'sequences'->>name IS NOT NULL;
    END LOOP;
    FOREACH name IN ARRAY voice._rollup_tables() LOOP
        EXECUTE format('DELETE FROM voice.%I d WHERE d.tenant_id = $1', name) USING tenant;
        PERFORM voice._take_in_rows(name, print->'baggage'->name);
    END LOOP;
    PERFORM voice._take_in_rows('alert', print->'alerts');
    PERFORM voice._take_in_jobs(print, voice._take_in_samples(print->'baggage'));
    DELETE FROM voice._move_mark m WHERE m.tenant_id = tenant;
    UPDATE voice._receiving r SET arrived_at = at, kept_before = (print->'baggage'->>'kept_before')::date,
        token = (print->>'token')::uuid
    WHERE r.tenant_id = tenant;
    PERFORM voice._fence_tenant(tenant, false);
    PERFORM voice._reread_limits();
    PERFORM voice._wake();
    RETURN true;
END
$$;
COMMENT ON FUNCTION voice_tenant_arrived(text, jsonb) IS
    'compares what has come with a print, and raises what differs; of a tenant that is held also takes over its queue, alerts and what else the print carries, and serves it from then on: true; false: all is alike, and the tenant is not held yet';
