-- On the server that a tenant leaves: its changes are published, at the end it is held, and whoever changes their mind releases it.

-- Publications of other names send their own, and are the DBA's.
CREATE FUNCTION voice_send_tenant(tenant text, connection text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms'
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    publication CONSTANT text := voice._move_name(tenant);
    slots CONSTANT int := current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots);
    senders CONSTANT int := current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_replication);
    full_already regclass[];
    try int := 0;
BEGIN
    IF tenant IS NULL OR NOT EXISTS (SELECT 1 FROM voice.agent a WHERE a.tenant_id = tenant) THEN
        RAISE EXCEPTION 'there is no such tenant'
            USING ERRCODE = 'no_data_found', DETAIL = format('No agent is of tenant %s.', coalesce(quote_literal(tenant), 'NULL')),
                  HINT = 'SELECT DISTINCT tenant_id FROM voice.agent lists them.';
    ELSIF current_setting('server_version_num')::int < 150000 THEN
        RAISE EXCEPTION 'tenants move from PostgreSQL 15 on'
            USING ERRCODE = 'feature_not_supported', DETAIL = format('This is %s, whose publications have no row filter.', current_setting('server_version')),
                  HINT = 'pg_upgrade this server first, or move all tenants at once (docs/replication.md).';
    ELSIF current_setting('wal_level') <> 'logical' THEN
        RAISE EXCEPTION 'this server does not log what replication needs'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('wal_level is %s.', current_setting('wal_level')),
                  HINT = 'ALTER SYSTEM SET wal_level = logical, and restart the server.';
    ELSIF EXISTS (SELECT 1 FROM voice._receiving r WHERE r.tenant_id = tenant AND r.arrived_at IS NULL) THEN
        RAISE EXCEPTION 'this tenant has not arrived here'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('Tenant "%s" is on its way to this server.', tenant),
                  HINT = 'Finish that move, or undo it: scripts/move-tenant.sh --undo.';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM voice._sending s WHERE s.tenant_id = tenant) THEN
        IF slots < 3 OR senders < 3 THEN
            RAISE EXCEPTION 'this server has no room for another subscriber'
                USING ERRCODE = 'configuration_limit_exceeded',
                      DETAIL = format('Free: %s replication slots, %s WAL senders; a move takes one of each, and two more of each while it copies.', slots, senders),
                      HINT = 'Raise max_replication_slots and max_wal_senders and restart the server, or wait for other moves.';
        ELSIF EXISTS (SELECT 1 FROM pg_publication p WHERE p.pubname = publication) THEN
            RAISE EXCEPTION 'there is a publication of this name already'
                USING ERRCODE = 'duplicate_object', DETAIL = 'It came with a dump of a server that was sending this tenant.',
                      HINT = format('DROP PUBLICATION %I', publication);
        ELSIF EXISTS (SELECT 1 FROM pg_replication_slots r WHERE r.slot_name = publication) THEN
            RAISE EXCEPTION 'a subscriber of an earlier move is left'
                USING ERRCODE = 'object_in_use', DETAIL = format('There is a replication slot %I.', publication),
                      HINT = format('DROP SUBSCRIPTION %1$I on the server that it was; if that is gone: SELECT pg_drop_replication_slot(%1$L)', publication);
        END IF;
        PERFORM voice._refuse_identities();
        LOOP
            BEGIN
                PERFORM voice._lock_partitioned_tables('ACCESS EXCLUSIVE', try);
                full_already := coalesce((SELECT s.was_full FROM voice._sending s LIMIT 1),
                                         (SELECT array_agg(i.relation) FROM voice._identities() i WHERE i.identity = 'f'), '{}');
                PERFORM voice._set_identities(true);
                EXECUTE format('CREATE PUBLICATION %I FOR TABLE ', publication)
                    || (SELECT string_agg(format('voice.%I WHERE (tenant_id = %L)', t.name, tenant), ', ') FROM voice._moved_tables() t)
                    || ' WITH (publish_via_partition_root = true)';
                EXIT;
            EXCEPTION WHEN lock_not_available THEN
                NULL;
            END;
            try := try + 1;
            PERFORM voice._try_again(try, began);
        END LOOP;
        INSERT INTO voice._sending (tenant_id, was_full) VALUES (tenant, full_already);
    END IF;
    RETURN format('CREATE SUBSCRIPTION %I CONNECTION %L PUBLICATION %I', publication,
                  coalesce(connection, format('host=… port=%s user=… dbname=%s', current_setting('port'), quote_literal(current_database()))), publication);
END
$$;
COMMENT ON FUNCTION voice_send_tenant(text, text) IS
    'publishes the rows of a tenant for another server, and returns the statement that subscribes there to them; connection: how that server reaches this one';

-- Called again and again until it is true. What it takes out of the queue goes with the tenant; what a model has in hand is
-- waited for, so that no answer is paid for twice.
CREATE FUNCTION voice_hold_tenant(tenant text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    sending voice._sending;
    waiting CONSTANT bigint := (SELECT count(*) FROM voice.job j WHERE j.tenant_id = tenant AND j.lease IS NULL);
    new_token CONSTANT uuid := gen_random_uuid();
    at CONSTANT timestamptz := clock_timestamp();
BEGIN
    SELECT s.* INTO sending FROM voice._sending s WHERE s.tenant_id = tenant FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this tenant is not being sent'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('Tenant %s is not on its way from here.', coalesce(quote_literal(tenant), 'NULL')),
                  HINT = 'SELECT voice_send_tenant(tenant) begins.';
    ELSIF sending.held_at IS NOT NULL THEN
        RETURN true;
    ELSIF sending.fenced_at IS NULL THEN
        IF waiting > 100000 THEN
            RAISE EXCEPTION 'too many jobs of this tenant are waiting'
                USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('%s wait; at most 100000 go with a tenant.', waiting),
                      HINT = 'Move it when they are done: voice_progress() says how far they are.';
        END IF;
        PERFORM voice._fence_tenant(tenant, true);
        UPDATE voice._sending s SET fenced_at = at WHERE s.tenant_id = tenant;
        -- Its locks are not to be held for what comes next.
        RETURN false;
    END IF;
    -- Before the jobs: an evaluation that has locked an alert may queue deliveries yet.
    WITH taken AS (
        DELETE FROM voice.alert a WHERE a.tenant_id = tenant RETURNING a.*
    ), packed AS (
        SELECT jsonb_agg(to_jsonb(t)) AS alerts FROM taken t
    )
    UPDATE voice._sending s SET alerts = s.alerts || p.alerts FROM packed p WHERE s.tenant_id = tenant AND p.alerts IS NOT NULL;
    WITH taken AS (
        DELETE FROM voice.job j WHERE j.tenant_id = tenant AND j.lease IS NULL RETURNING j.*
    ), packed AS (
        SELECT jsonb_agg(to_jsonb(t) - '{lease,leased_until}'::text[] ORDER BY t.id) AS jobs FROM taken t
    )
    UPDATE voice._sending s SET jobs = s.jobs || p.jobs FROM packed p WHERE s.tenant_id = tenant AND p.jobs IS NOT NULL;
    IF EXISTS (SELECT 1 FROM voice.job j WHERE j.tenant_id = tenant) THEN
        RETURN false;
    END IF;
    UPDATE voice._sending s SET held_at = at, token = new_token WHERE s.tenant_id = tenant;
    INSERT INTO voice._move_mark AS m (tenant_id, token) VALUES (tenant, new_token)
    ON CONFLICT (tenant_id) DO UPDATE SET token = EXCLUDED.token;
    RETURN true;
END
$$;
COMMENT ON FUNCTION voice_hold_tenant(text) IS
    'keeps everybody from a tenant that is being sent, and takes its jobs out of the queue; false: a job is still running, call it again; true: nothing of the tenant changes here any more';

-- The way back of voice_send_tenant() and voice_hold_tenant().
CREATE FUNCTION voice_release_tenant(tenant text, keep_sending boolean DEFAULT false) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    sending voice._sending;
BEGIN
    SELECT s.* INTO sending FROM voice._sending s WHERE s.tenant_id = tenant FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    ELSIF sending.print->>'forgetting' IS NOT NULL THEN
        RAISE EXCEPTION 'this tenant has left'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('What tenant "%s" had here is being deleted.', tenant),
                  HINT = 'SELECT voice_forget_tenant(tenant) until it is 0; then move it back.';
    END IF;
    IF NOT keep_sending THEN
        PERFORM voice._refuse_subscribers(tenant);
        PERFORM voice._end_sending(tenant);
    END IF;
    -- Nobody's call has changed meanwhile, so what waited waits again.
    INSERT INTO voice.job (run_at, call_id, priority, attempt, kind, tenant_id, webhook_id, event)
    SELECT j.run_at, j.call_id, j.priority, j.attempt, j.kind, j.tenant_id, j.webhook_id, j.event
    FROM jsonb_populate_recordset(NULL::voice.job, sending.jobs) j ORDER BY j.id
    ON CONFLICT DO NOTHING;
    INSERT INTO voice.alert SELECT a.* FROM jsonb_populate_recordset(NULL::voice.alert, sending.alerts) a ON CONFLICT DO NOTHING;
    UPDATE voice._sending s SET fenced_at = NULL, held_at = NULL, token = NULL, print = NULL, jobs = '[]', alerts = '[]' WHERE s.tenant_id = tenant;
    PERFORM voice._fence_tenant(tenant, false);
    PERFORM voice._wake();
    RETURN true;
END
$$;
COMMENT ON FUNCTION voice_release_tenant(text, boolean) IS
    'a tenant that was held or sent stays here: its jobs and alerts are put back and everybody is let to it again; keep_sending: its changes go on being published; false: it was not being sent';

CREATE FUNCTION voice._refuse_subscribers(tenant text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    slot CONSTANT text := voice._move_name(tenant);
BEGIN
    -- Whatever is deleted here would be deleted there.
    IF EXISTS (SELECT 1 FROM pg_replication_slots r WHERE r.slot_name = slot) THEN
        RAISE EXCEPTION 'another server still receives the changes of this tenant'
            USING ERRCODE = 'object_in_use', DETAIL = format('There is a replication slot %I.', slot),
                  HINT = format('DROP SUBSCRIPTION %1$I on that server; if it is gone: SELECT pg_drop_replication_slot(%1$L)', slot);
    ELSIF EXISTS (SELECT 1 FROM pg_subscription u JOIN pg_database d ON d.oid = u.subdbid AND d.datname = current_database() WHERE u.subname = slot) THEN
        RAISE EXCEPTION 'this server still receives the changes of this tenant'
            USING ERRCODE = 'object_in_use', DETAIL = format('There is a subscription %I.', slot), HINT = format('DROP SUBSCRIPTION %I', slot);
    END IF;
END
$$;
COMMENT ON FUNCTION voice._refuse_subscribers(text) IS 'raises the error for a tenant whose changes are still replicated from or to this server';

CREATE FUNCTION voice._end_sending(tenant text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms'
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    full_before regclass[];
    try int := 0;
BEGIN
    DELETE FROM voice._sending s WHERE s.tenant_id = tenant RETURNING s.was_full INTO full_before;
    DELETE FROM voice._move_mark m WHERE m.tenant_id = tenant;
    LOOP
        BEGIN
            PERFORM voice._lock_partitioned_tables('ACCESS EXCLUSIVE', try);
            EXECUTE format('DROP PUBLICATION IF EXISTS %I', voice._move_name(tenant));
            IF NOT EXISTS (SELECT 1 FROM voice._sending) THEN
                PERFORM voice._set_identities(false, coalesce(full_before, '{}'));
            END IF;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
        try := try + 1;
        PERFORM voice._try_again(try, began);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._end_sending(text) IS 'takes back publication and, after the last of them, replica identities';

-- After the switch. A thousand calls are deleted in a tenth of a second or so, and others' transactions find a moment in between.
CREATE FUNCTION voice_forget_tenant(tenant text, print jsonb DEFAULT NULL, batch int DEFAULT 1000) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    sending voice._sending;
    coming boolean;
    agents CONSTANT text[] := ARRAY(SELECT a.id FROM voice.agent a WHERE a.tenant_id = tenant);
    ids uuid[];
    left_over bigint;
    name text;
BEGIN
    IF batch IS NULL OR batch NOT BETWEEN 1 AND 100000 THEN
        RAISE EXCEPTION 'batch is out of range'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('batch is %s; it may be 1 to 100000.', coalesce(batch::text, 'NULL')),
                  HINT = 'Leave it out: a thousand calls at a time.';
    END IF;
    PERFORM voice._refuse_subscribers(tenant);
    -- voice_tenant_arrived() locks the same row.
    SELECT r.arrived_at IS NULL INTO coming FROM voice._receiving r WHERE r.tenant_id = tenant FOR UPDATE;
    SELECT s.* INTO sending FROM voice._sending s WHERE s.tenant_id = tenant FOR UPDATE;
    IF sending.tenant_id IS NULL AND coming IS NOT TRUE THEN
        RAISE EXCEPTION 'this tenant lives here'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('Tenant %s has not left this server.', coalesce(quote_literal(tenant), 'NULL')),
                  HINT = 'Move it first: scripts/move-tenant.sh. To delete its calls: voice_erase_call().';
    ELSIF sending.tenant_id IS NOT NULL AND sending.held_at IS NULL THEN
        RAISE EXCEPTION 'this tenant is not held'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('Tenant "%s" has not left this server: it is being sent.', tenant),
                  HINT = 'Finish the move, or SELECT voice_release_tenant(tenant).';
    ELSIF sending.tenant_id IS NOT NULL AND sending.print->>'forgetting' IS NULL THEN
        IF sending.token IS DISTINCT FROM (print->>'arrived')::uuid THEN
            RAISE EXCEPTION 'nothing proves that this tenant has arrived'
                USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('The print is not of the server to which tenant "%s" was sent, or it has not arrived there.', tenant),
                      HINT = 'SELECT voice_tenant_print(tenant, now()) on that server once voice_tenant_arrived() is true there, and pass what it returns.';
        END IF;
        -- Superusers pass the fence.
        IF sending.print IS NULL OR (sending.print->'rows', sending.print->'settings') IS DISTINCT FROM
           (voice._tenant_rows(tenant, voice._first_id_of((sending.print->>'since')::timestamptz), voice._last_id_of('infinity'),
                               coalesce((sending.print->>'hashed')::boolean, true)),
            voice._tenant_settings(tenant, true)) THEN
            RAISE EXCEPTION 'somebody has written here since this tenant left'
                USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('Rows of tenant "%s" are not what was sent.', tenant),
                      HINT = 'Write them on its new server as well; then UPDATE voice._sending SET print = ''{"forgetting": true}'', and call this again.';
        END IF;
        UPDATE voice._sending s SET print = jsonb_build_object('forgetting', true) WHERE s.tenant_id = tenant;
        -- Nothing that is deleted from here on is for anybody.
        EXECUTE format('DROP PUBLICATION IF EXISTS %I', voice._move_name(tenant));
    END IF;
    ids := ARRAY(SELECT c.id FROM voice.call c WHERE c.agent_id = ANY (agents) AND c.tenant_id = tenant LIMIT batch);
    ids := ARRAY(SELECT i FROM unnest(ids) i ORDER BY i);
    DELETE FROM voice.call c WHERE c.id = ANY (ids) AND c.id BETWEEN ids[1] AND ids[cardinality(ids)];
    -- Counted again after each thousand: so not beyond what a person wants to know.
    left_over := (SELECT count(*) FROM (SELECT 1 FROM voice.call c WHERE c.agent_id = ANY (agents) AND c.tenant_id = tenant LIMIT 10000) l);
    IF left_over > 0 THEN
        RETURN left_over;
    END IF;
    IF coming THEN
        -- Rows whose call had not come yet: in replication no foreign key is checked.
        FOREACH name IN ARRAY voice._partitioned_tables() LOOP
            EXECUTE format('DELETE FROM voice.%I t WHERE t.tenant_id = $1', name) USING tenant;
        END LOOP;
    END IF;
    FOREACH name IN ARRAY voice._rollup_tables() || '{job,dead_job,trial_result,trial,label,label_task,label_sample,live,alert,alert_event,backfill,analysis,daily_usage,erasure,webhook,tenant_limit,agent,_alert_hour,_alert_hour_done,_alert_window,_alert_drift,_receiving,_move_mark}'::text[] LOOP
        EXECUTE format('DELETE FROM voice.%I t WHERE t.tenant_id = $1', name) USING tenant;
    END LOOP;
    DELETE FROM voice._receive_secret r WHERE r.tenant_id = tenant;
    IF sending.tenant_id IS NOT NULL THEN
        PERFORM voice._end_sending(tenant);
    END IF;
    PERFORM voice._fence_tenant(tenant, false);
    PERFORM voice._reread_limits();
    RETURN 0;
END
$$;
COMMENT ON FUNCTION voice_forget_tenant(text, jsonb, int) IS
    'deletes what a tenant that has left (or whose arrival is given up) leaves here, so many calls at a time, and returns how many are left (10000: at least so many): call it until that is 0; print: of its new server, which proves that it is there';
