-- Data belongs to the user, code to the extension: tables are created by a function and are not members, so that
-- pg_dump treats them as ordinary ones and DROP EXTENSION refuses while they stand.

CREATE FUNCTION voice_install() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    fresh CONSTANT boolean := to_regclass('voice.call') IS NULL;
BEGIN
    PERFORM voice._install_agent();
    PERFORM voice._install_call();
    PERFORM voice._install_turn();
    PERFORM voice._install_transcript_chunk();
    PERFORM voice._install_tool_call();
    PERFORM voice._install_analytics();
    PERFORM voice._install_attempt();
    PERFORM voice._install_search_document();
    PERFORM voice._install_result();
    PERFORM voice._install_queue();
    PERFORM voice._install_webhook();
    PERFORM voice._install_daily();
    PERFORM voice._install_daily_result();
    PERFORM voice._install_daily_usage();
    PERFORM voice._install_daily_detail();
    PERFORM voice._install_state();
    PERFORM voice._install_tenant_limit();
    PERFORM voice._install_model_price();
    PERFORM voice._install_backfill();
    PERFORM voice._install_analysis();
    PERFORM voice._install_trial();
    PERFORM voice._install_label();
    PERFORM voice._install_live();
    PERFORM voice._install_alert();
    PERFORM voice._install_pin();
    PERFORM voice._install_erasure();
    -- Data that was there before us is a copy until voice_resume() says otherwise.
    IF fresh THEN
        INSERT INTO voice._state (instance, schema_version)
        SELECT id, voice._latest_schema_version() FROM voice._instance ON CONFLICT DO NOTHING;
    END IF;
    PERFORM voice._migrate();
    PERFORM voice._install_default_partitions();
    PERFORM voice._install_missing_partitions();
    PERFORM @extschema@.voice_create_partitions(3, now() - interval '1 month');
    PERFORM voice._wake();
    RETURN fresh;
END
$$;
COMMENT ON FUNCTION voice_install() IS 'creates whatever is missing of the tables (after a partial restore) and brings those of an older version up to date; does nothing otherwise; true: there was no call table before';

DO $$
BEGIN
    PERFORM voice._make_private(r) FROM pg_catalog.unnest('{_instance,_webhook_secret,_receive_secret,_rolled_month,_sending,_receiving,_move_mark,metrics,metrics_by_model}'::text[]) t(name),
        pg_catalog.to_regclass('voice.' || t.name) r;
    PERFORM voice._close_functions();
    -- Postgres' own role for whoever watches. The schema's name is no secret; its tables grant it nothing.
    GRANT USAGE ON SCHEMA voice TO pg_monitor;
    GRANT SELECT ON voice.metrics, voice.metrics_by_model TO pg_monitor;
    -- pg_dump's preamble: the tables follow, with their rows, from the dump. Tables of ours would collide with them.
    IF pg_catalog.current_setting('row_security') = 'off' THEN
        RAISE NOTICE 'voice_analytics creates no tables while a dump is being restored (row_security is off)'
            USING HINT = 'If this is no restore: SELECT voice_install()';
        -- Its worker has something to say all the same: that this is a copy.
        PERFORM voice._announce();
        RETURN;
    END IF;
    PERFORM @extschema@.voice_install();
    PERFORM voice._release_tables();
    PERFORM voice._announce();
END
$$;
