-- On the server to which a tenant comes: what stands in the way is said before anything is copied, and it is this server's once all
-- of it has arrived.

CREATE FUNCTION voice._not_receivable(print jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    tenant CONSTANT text := print->>'tenant';
    ours CONSTANT text := (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'voice_analytics');
    retention CONSTANT text := coalesce(nullif(current_setting('voice_analytics.retention', true), ''), 'off');
    setting record;
    found text;
BEGIN
    IF tenant IS NULL OR print->'rows' IS NULL THEN
        RAISE EXCEPTION 'this is no print of a tenant'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'It lacks a tenant, or its rows.', HINT = 'Pass what voice_tenant_print(tenant) returns on its server.';
    ELSIF current_setting('server_version_num')::int < 150000 THEN
        RAISE EXCEPTION 'tenants move from PostgreSQL 15 on'
            USING ERRCODE = 'feature_not_supported', DETAIL = format('This is %s.', current_setting('server_version')), HINT = 'pg_upgrade this server first.';
    ELSIF (print->>'instance')::uuid = (SELECT i.id FROM voice._instance i) THEN
        RAISE EXCEPTION 'a tenant does not move to where it is'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'The print is of this very installation.', HINT = 'Pass the print of another server.';
    ELSIF print->>'version' <> ours OR (print->>'schema_version')::int <> voice._schema_version() THEN
        RAISE EXCEPTION 'the two servers have different versions of voice_analytics'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = format('There: %s, tables %s; here: %s, tables %s.', print->>'version', print->>'schema_version', ours, voice._schema_version()),
                  HINT = 'ALTER EXTENSION voice_analytics UPDATE on the one that is behind.';
    END IF;
    FOR setting IN
        SELECT * FROM (VALUES ('search_config', coalesce(nullif(current_setting('voice_analytics.search_config', true), ''), 'simple')),
                              ('timezone', voice._zone())) v(name, here)
        WHERE v.here <> print->>v.name
    LOOP
        RAISE EXCEPTION 'the two servers have different settings'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = format('voice_analytics.%s is %s there and %s here.', setting.name, print->>setting.name, setting.here),
                  HINT = format('ALTER DATABASE … SET voice_analytics.%s on one of them: search documents and days are made by it, and come as they are.', setting.name);
    END LOOP;
    SELECT string_agg(format('%s.%s', t.name, c), ', ' ORDER BY t.name, c) INTO found
    FROM voice._moved_tables() t CROSS JOIN LATERAL jsonb_array_elements_text(print->'columns'->t.name) c
    WHERE NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = to_regclass('voice.' || t.name) AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped);
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'tables have columns there that they lack here'
            USING ERRCODE = 'undefined_column', DETAIL = format('Columns: %s.', found), HINT = 'ALTER TABLE voice.… ADD COLUMN here, of the same type.';
    END IF;
    IF retention <> 'off' AND (print->>'oldest')::timestamptz < date_trunc('month', now() - retention::interval) - interval '1 month' THEN
        RAISE EXCEPTION 'this server would drop months of the tenant'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = format('Its oldest month there is of %s; voice_analytics.retention is %s here.', (print->>'oldest')::timestamptz::date, retention),
                  HINT = 'Give both the same retention, or SELECT voice_drop_partitions(…) there first.';
    END IF;
    PERFORM voice._refuse_identities();
    IF EXISTS (SELECT 1 FROM voice._sending s WHERE s.tenant_id = tenant) THEN
        RAISE EXCEPTION 'this tenant is being sent from here'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('What it has left here is not deleted yet: tenant "%s".', tenant),
                  HINT = 'SELECT voice_forget_tenant(tenant) until it is 0, or voice_release_tenant(tenant).';
    ELSIF (SELECT count(*) FROM pg_subscription) >= current_setting('max_logical_replication_workers')::int - 1
       OR (SELECT count(*) FROM pg_subscription) >= current_setting('max_replication_slots')::int - 2 THEN
        RAISE EXCEPTION 'this server has no room for another subscription'
            USING ERRCODE = 'configuration_limit_exceeded',
                  DETAIL = format('It has %s; max_logical_replication_workers is %s, max_replication_slots %s.', (SELECT count(*) FROM pg_subscription),
                                  current_setting('max_logical_replication_workers'), current_setting('max_replication_slots')),
                  HINT = 'Raise both and restart the server, or wait for other moves.';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._not_receivable(jsonb) IS 'raises the error for what keeps a tenant from coming here, without touching a table of calls';

-- What people must do by hand, before the switch: secrets and roles do not travel.
CREATE FUNCTION voice._say_what_stays_behind(print jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    item text;
BEGIN
    FOR item IN SELECT r FROM jsonb_array_elements_text(print->'roles') r
                WHERE NOT EXISTS (SELECT 1 FROM voice._pin p WHERE p.role = r AND p.tenant_id = print->>'tenant') LOOP
        RAISE NOTICE 'the role % is pinned to this tenant there, and not here', item
            USING HINT = format('CREATE ROLE %1$I LOGIN; SELECT voice_grant(%1$L, …), voice_pin_tenant(%1$L, %2$L)', item, print->>'tenant');
    END LOOP;
    FOR item IN SELECT w->>'id' FROM jsonb_array_elements(print->'webhooks') w
                WHERE (w->>'enabled')::boolean
                  AND NOT EXISTS (SELECT 1 FROM voice.webhook h WHERE h.id = (w->>'id')::uuid AND h.enabled) LOOP
        RAISE NOTICE 'webhook % comes without its secret, and disabled', item
            USING HINT = 'Before the switch, as the tenant: SELECT voice_enable_webhook(id, secret => …).';
    END LOOP;
    FOR item IN SELECT r FROM jsonb_array_elements_text(print->'receives') r
                WHERE NOT EXISTS (SELECT 1 FROM voice._receive_secret s WHERE s.tenant_id = print->>'tenant' AND s.format = r) LOOP
        RAISE NOTICE 'what sends calls in format % is not known here', item
            USING HINT = 'Before the switch, as the tenant: SELECT voice_receive_secret(format, secret).';
    END LOOP;
    IF print->'prices' <> (SELECT coalesce(jsonb_agg(to_jsonb(p) - 'source' ORDER BY p.model, p.valid_from), '[]') FROM voice.model_price p) THEN
        RAISE NOTICE 'models have other prices here'
            USING DETAIL = 'voice.model_price is of all tenants of a server, and stays as it is.',
                  HINT = 'Where its budget or its costs are to stay the same, insert the rows that are missing.';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._say_what_stays_behind(jsonb) IS 'gives notice of secrets, roles and prices that do not travel with a tenant';

-- As after a restore: without a secret nothing is sent.
CREATE FUNCTION voice._take_in_settings(print jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    tenant CONSTANT text := print->>'tenant';
    hook voice.webhook;
BEGIN
    DELETE FROM voice.tenant_limit l WHERE l.tenant_id = tenant;
    INSERT INTO voice.tenant_limit SELECT l.* FROM jsonb_populate_record(NULL::voice.tenant_limit, nullif(print->'limits', 'null')) l WHERE l.tenant_id = tenant;
    DELETE FROM voice.webhook w WHERE w.tenant_id = tenant AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements(print->'webhooks') h WHERE (h->>'id')::uuid = w.id);
    FOR hook IN SELECT h.* FROM jsonb_populate_recordset(NULL::voice.webhook, print->'webhooks') h LOOP
        IF EXISTS (SELECT 1 FROM voice.webhook w WHERE w.id = hook.id) THEN
            UPDATE voice.webhook w SET min_lead_score = hook.min_lead_score, events = hook.events, intents = hook.intents, only_if = hook.only_if
            WHERE w.id = hook.id AND w.tenant_id = tenant;
        ELSE
            INSERT INTO voice.webhook (id, created_at, disabled_at, min_lead_score, enabled, tenant_id, url, format, events, intents, disabled_reason, only_if)
            VALUES (hook.id, hook.created_at, coalesce(hook.disabled_at, now()), hook.min_lead_score, false, tenant, hook.url, hook.format, hook.events, hook.intents,
                    coalesce(hook.disabled_reason, 'its tenant has moved, and its secret has not: SELECT voice_enable_webhook(id)'), hook.only_if);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._take_in_settings(jsonb) IS 'writes the limits and webhooks of a tenant that comes here';

CREATE FUNCTION voice_receive_tenant(print jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    tenant CONSTANT text := print->>'tenant';
    is_known CONSTANT boolean := EXISTS (SELECT 1 FROM voice._receiving r WHERE r.tenant_id = tenant AND r.arrived_at IS NULL);
    name text;
    is_there boolean;
    found text;
BEGIN
    PERFORM voice._not_receivable(print);
    IF is_known THEN
        PERFORM voice._take_in_settings(print);
        PERFORM voice._say_what_stays_behind(print);
        RETURN false;
    END IF;
    -- First, for nothing may be locked yet. Rows of a month that is missing would lie in the DEFAULT partitions.
    PERFORM @extschema@.voice_create_partitions(3, (print->>'oldest')::timestamptz);
    SELECT string_agg(quote_literal(a.id), ', ' ORDER BY a.id) INTO found FROM (
        SELECT a.id FROM voice.agent a JOIN jsonb_array_elements_text(print->'agents') n ON n = a.id WHERE a.tenant_id <> tenant ORDER BY a.id LIMIT 5) a;
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'agents of other tenants have the same ids here'
            USING ERRCODE = 'unique_violation', DETAIL = format('Agents: %s.', found),
                  HINT = 'Ids of agents are one server''s. Give the one here, or the one there, a new id first: INSERT an agent, UPDATE voice.call SET agent_id, DELETE the old one.';
    END IF;
    FOR name IN SELECT t.name FROM voice._moved_tables() t WHERE t.name <> '_move_mark' LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM voice.%I t WHERE t.tenant_id = $1)', name) USING tenant INTO is_there;
        IF is_there THEN
            RAISE EXCEPTION 'rows of this tenant are here already'
                USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('voice.%s has some.', name),
                      HINT = 'If they are left of a move that was undone by hand: INSERT INTO voice._receiving (tenant_id) VALUES (tenant), then SELECT voice_forget_tenant(tenant) until it is 0.';
        END IF;
    END LOOP;
    DELETE FROM voice._move_mark m WHERE m.tenant_id = tenant;
    PERFORM voice._take_in_settings(print);
    INSERT INTO voice._receiving AS r (tenant_id) VALUES (tenant)
    ON CONFLICT (tenant_id) DO UPDATE SET began_at = EXCLUDED.began_at, arrived_at = NULL, kept_before = NULL;
    -- Nobody writes of it here before it has arrived.
    PERFORM voice._fence_tenant(tenant, true);
    PERFORM voice._say_what_stays_behind(print);
    RETURN true;
END
$$;
COMMENT ON FUNCTION voice_receive_tenant(jsonb) IS
    'makes ready for a tenant, by the print of its server: refuses what would not work, makes its months, writes its limits and its webhooks (disabled: secrets do not travel); false: it was made ready before';

CREATE FUNCTION voice._differences(print jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    tenant CONSTANT text := print->>'tenant';
    settings CONSTANT jsonb := voice._tenant_settings(tenant, (print->>'held')::boolean);
    here CONSTANT jsonb := voice._tenant_rows(tenant,
        voice._first_id_of((print->>'since')::timestamptz), voice._last_id_of((print->>'until')::timestamptz),
        coalesce((print->>'hashed')::boolean, true));
BEGIN
    RETURN (
        SELECT string_agg(format('%s: %s rows there, %s here', d.what, coalesce(d.there->>0, '0'), coalesce(d.here->>0, '0')), '; ' ORDER BY d.what)
        FROM (
            SELECT format('%s of %s', f.key, m.key) AS what, print->'rows'->f.key->m.key AS there, here->f.key->m.key AS here
            FROM jsonb_each(here) f CROSS JOIN LATERAL jsonb_object_keys((print->'rows'->f.key) || f.value) m(key)
            UNION ALL
            SELECT s.key, s.value, settings->s.key FROM jsonb_each(print->'settings') s
        ) d WHERE d.there IS DISTINCT FROM d.here);
END
$$;
COMMENT ON FUNCTION voice._differences(jsonb) IS 'what a tenant has on its server and not here, or otherwise; NULL: nothing';
