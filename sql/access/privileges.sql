-- One list says which access has what; voice_grant(), voice_access(), the tests and SECURITY.md all go by it. A table or
-- function that is not in it is nobody's, and a test says so.

-- Tables: in the words of GRANT. What is not among an access's columns carries what callers said, or their numbers.
CREATE FUNCTION voice._access_to_tables(OUT access text, OUT relation text, OUT privileges text) RETURNS SETOF record
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, voice, pg_temp
AS $$ VALUES
    ('reader', 'agent', 'SELECT'),
    ('reader', 'call', 'SELECT'),
    ('reader', 'turn', 'SELECT'),
    ('reader', 'transcript_chunk', 'SELECT'),
    ('reader', 'tool_call', 'SELECT'),
    ('reader', 'analytics', 'SELECT'),
    ('reader', 'result', 'SELECT'),
    ('reader', 'daily', 'SELECT'),
    ('reader', 'daily_result', 'SELECT'),
    ('reader', 'daily_usage', 'SELECT'),
    ('reader', 'daily_cost', 'SELECT'),
    ('reader', 'model_price', 'SELECT'),
    ('reader', 'backfill', 'SELECT'),
    ('reader', 'daily_detail', 'SELECT'),
    ('reader', 'analysis', 'SELECT'),
    ('reader', 'trial', 'SELECT'),
    ('reader', 'trial_result', 'SELECT'),
    ('reader', 'live', 'SELECT'),
    ('reader', 'alert', 'SELECT'),
    ('reader', 'alert_event', 'SELECT'),
    ('analyst', 'agent', 'SELECT'),
    ('analyst', 'alert', 'SELECT'),
    ('analyst', 'alert_event', 'SELECT'),
    ('analyst', 'analytics', 'SELECT (call_id, started_at, deleted_at, computed_at, sentiment, prompt_tokens, completion_tokens, '
        'lead_score, tenant_id, agent_id, vertical, intent, model, prompt_version, external_id, unsupported)'),
    ('analyst', 'result', 'SELECT (call_id, started_at, deleted_at, computed_at, version, prompt_tokens, completion_tokens, score, '
        'unsupported, tenant_id, agent_id, vertical, analysis, success, model, prompt_version, criteria, refused)'),
    ('analyst', 'live', 'SELECT (call_id, asked_at, computed_at, alerted_at, sentiment, turn, looks, prompt_tokens, completion_tokens, '
        'lead_score, low_looks, redacted, tenant_id, intent, model, criteria, alerts)'),
    ('analyst', 'daily', 'SELECT'),
    ('analyst', 'daily_result', 'SELECT'),
    ('analyst', 'daily_usage', 'SELECT'),
    ('analyst', 'daily_cost', 'SELECT'),
    ('analyst', 'model_price', 'SELECT'),
    ('analyst', 'daily_detail', 'SELECT (tenant_id, day, agent_id, hours, intents, latencies, computed_at)'),
    ('analyst', 'analysis', 'SELECT'),
    ('reader', 'label', 'SELECT'),
    ('reader', 'label_sample', 'SELECT'),
    ('reader', 'label_task', 'SELECT'),
    ('analyst', 'label', 'SELECT (call_id, labelled_at, sentiment, lead_score, tenant_id, labeller, intent, criteria)'),
    ('analyst', 'label_sample', 'SELECT'),
    ('analyst', 'label_task', 'SELECT'),
    -- Blind: no judgement, and of what waits for people nothing that tells one (its stratum, its doubt).
    ('labeller', 'call', 'SELECT (id, started_at, ended_at, deleted_at, duration_ms, status, direction, tenant_id, agent_id, language)'),
    ('labeller', 'turn', 'SELECT (call_id, id, started_at, ended_at, interrupted, role, tenant_id, speaker, text)'),
    ('labeller', 'transcript_chunk', 'SELECT (call_id, turn_id, seq, is_final, tenant_id, text)'),
    ('labeller', 'tool_call', 'SELECT (call_id, id, invoked_at, tenant_id, name, args, result, error_text)'),
    ('labeller', 'analysis', 'SELECT'),
    ('labeller', 'label', 'SELECT, INSERT, UPDATE (labelled_at, sentiment, lead_score, intent, values, criteria, comment)'),
    ('labeller', 'label_task', 'SELECT (sample_id, call_id, leased_until, place, wanted, labels, tenant_id, leased_by), UPDATE (leased_until, leased_by)'),
    ('writer', 'agent', 'SELECT, INSERT, UPDATE (name, vertical, prompt_hash, voice, deleted_at)'),
    ('writer', 'call', 'INSERT, SELECT (id, started_at, ended_at, deleted_at, duration_ms, status, direction, tenant_id, agent_id, '
        'external_id, end_reason, language, cost, cost_currency), '
        'UPDATE (started_at, ended_at, duration_ms, status, direction, agent_id, from_number, to_number, external_id, end_reason, '
        'language, recording_url, meta, cost, cost_currency)'),
    ('writer', 'turn', 'INSERT, SELECT (call_id, id, started_at, ended_at, transcription_ms, llm_ttft_ms, tts_ttfb_ms, '
        'e2e_latency_ms, interrupted, role, tenant_id, external_id), '
        'UPDATE (started_at, ended_at, transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms, interrupted, role, text, audio_url, speaker, external_id)'),
    ('writer', 'transcript_chunk', 'INSERT, SELECT (call_id, turn_id, seq, start_ms, end_ms, confidence, is_final, tenant_id), '
        'UPDATE (start_ms, end_ms, confidence, is_final, text)'),
    ('writer', 'tool_call', 'INSERT, SELECT (call_id, id, invoked_at, turn_id, latency_ms, tenant_id, name, external_id), '
        'UPDATE (invoked_at, turn_id, latency_ms, name, args, result, error_text, external_id)'),
    ('writer', 'turn_id_seq', 'USAGE'),
    ('writer', 'tool_call_id_seq', 'USAGE'),
    ('operator', 'agent', 'SELECT'),
    ('operator', 'call', 'SELECT (id, started_at, ended_at, deleted_at, duration_ms, status, tenant_id, agent_id)'),
    ('operator', 'analytics', 'SELECT (call_id, started_at, deleted_at, computed_at, tenant_id, agent_id, vertical, model, '
        'prompt_version, transcript_hash)'),
    ('operator', 'result', 'SELECT (call_id, started_at, deleted_at, computed_at, version, prompt_tokens, completion_tokens, tenant_id, '
        'agent_id, vertical, analysis, model, prompt_version, transcript_hash)'),
    ('operator', 'attempt', 'SELECT'),
    ('operator', 'daily', 'SELECT'),
    ('operator', 'daily_result', 'SELECT'),
    ('operator', 'daily_usage', 'SELECT'),
    ('operator', 'daily_cost', 'SELECT'),
    ('operator', 'model_price', 'SELECT'),
    ('operator', 'backfill', 'SELECT, INSERT (queued, tenant_id, name, vertical), UPDATE (finished_at)'),
    ('operator', 'daily_detail', 'SELECT (tenant_id, day, agent_id, hours, intents, latencies, computed_at)'),
    ('operator', 'analysis', 'SELECT'),
    ('operator', 'trial', 'SELECT, INSERT'),
    ('operator', 'alert', 'SELECT'),
    ('operator', 'alert_event', 'SELECT'),
    ('operator', 'label', 'SELECT (call_id, tenant_id)'),
    ('operator', 'trial_id_seq', 'USAGE'),
    ('operator', 'job', 'SELECT, INSERT (tenant_id, kind, call_id, priority, webhook_id, event)'),
    ('operator', 'job_id_seq', 'USAGE'),
    ('operator', 'dead_job', 'SELECT, UPDATE (died_at), DELETE'),
    ('operator', '_state', 'SELECT, UPDATE (paused_at, pause_reason)'),
    ('operator', '_instance', 'SELECT'),
    ('operator', 'tenant_limit', 'SELECT, INSERT, UPDATE, DELETE'),
    ('admin', 'agent', 'DELETE'),
    ('admin', 'call', 'SELECT, INSERT, UPDATE, DELETE'),
    ('admin', 'turn', 'SELECT, INSERT, UPDATE, DELETE'),
    ('admin', 'transcript_chunk', 'SELECT, INSERT, UPDATE, DELETE'),
    ('admin', 'tool_call', 'SELECT, INSERT, UPDATE, DELETE'),
    ('admin', 'search_document', 'SELECT (call_id, tenant_id)'),
    ('admin', 'daily_detail', 'UPDATE (longest_silence_call)'),
    ('admin', 'erasure', 'SELECT, INSERT'),
    ('admin', 'erasure_id_seq', 'USAGE'),
    ('operator', 'metrics', 'SELECT'),
    ('operator', 'metrics_by_model', 'SELECT'),
    ('admin', 'webhook', 'SELECT, INSERT, UPDATE, DELETE'),
    ('admin', 'model_price', 'SELECT, INSERT, UPDATE, DELETE'),
    ('admin', 'analysis', 'INSERT, UPDATE (retired_at)'),
    ('admin', 'label', 'SELECT, INSERT, UPDATE, DELETE'),
    ('admin', 'label_sample', 'INSERT'),
    ('admin', 'label_sample_id_seq', 'USAGE'),
    ('admin', 'label_task', 'INSERT'),
    -- Nobody's: only superusers pin, only the worker reads secrets and keeps books of roll-ups.
    ('', '_pin', ''),
    ('', '_webhook_secret', ''),
    ('', '_receive_secret', ''),
    ('', '_rolled_day', ''),
    ('', '_rolled_month', ''),
    ('', '_sending', ''),
    ('', '_receiving', ''),
    ('', '_move_mark', ''),
    ('', '_alert_hour', ''),
    ('', '_alert_hour_done', ''),
    ('', '_alert_window', ''),
    ('', '_alert_drift', '')
$$;
COMMENT ON FUNCTION voice._access_to_tables() IS 'which access has which privileges on which table or sequence';

-- Functions, by name. closed: EXECUTE is theirs only; the others anybody may call, and they do what the tables let their
-- caller do. owner: runs as voice_worker for them, for it does what only the owner of the tables can, and shows nothing
-- of what was said: it creates, drops or detaches tables, or writes a table that nobody else may write.
CREATE FUNCTION voice._access_to_functions(OUT function text, OUT access text[], OUT closed boolean, OUT owner boolean)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, voice, pg_temp
AS $$ VALUES
    ('voice_uuidv7', '{reader,analyst,labeller,writer,operator}'::text[], false, false),
    ('voice_uuid_at', '{reader,analyst,labeller,writer,operator}', false, false),
    ('voice_uuid_time', '{reader,analyst,labeller,writer,operator}', false, false),
    ('_tenant', '{reader,analyst,labeller,writer,operator}', false, false),
    -- reading
    ('voice_transcript', '{reader,labeller}', false, false),
    ('_streamed_words', '{reader,labeller}', false, false),
    ('_turn_words', '{reader,labeller}', false, false),
    ('_turn_speaker', '{reader,labeller}', false, false),
    ('_turn_line', '{operator}', false, false),
    ('_tool_call_line', '{operator}', false, false),
    ('_lines_hash', '{operator}', false, false),
    ('voice_export', '{reader}', false, false),
    ('voice_search', '{reader}', false, false),
    ('voice_tool_stats', '{reader}', false, false),
    ('voice_top_leads', '{reader,analyst}', false, false),
    ('voice_sentiment_trend', '{reader,analyst}', false, false),
    ('_sentiment_trend', '{reader,analyst}', false, false),
    ('voice_cost', '{reader,analyst,operator}', false, false),
    ('_costs', '{reader,analyst,operator}', false, false),
    ('_few_agents', '{reader,analyst,operator}', false, false),
    ('_model_prices', '{reader,analyst,operator}', false, false),
    ('_model_price', '{reader,analyst,operator}', false, false),
    ('_prices', '{reader,analyst,operator}', false, false),
    ('voice_list_prices', '{reader,analyst,operator}', true, false),
    ('_usage_cost', '{reader,analyst,operator}', false, false),
    ('voice_progress', '{reader,operator}', false, false),
    ('voice_analyses', '{reader,analyst,labeller,operator}', false, false),
    ('_no_such_analysis', '{reader,analyst,labeller,operator}', false, false),
    ('voice_results', '{reader,analyst}', false, false),
    ('_results', '{reader,analyst}', false, false),
    ('voice_evidence', '{reader}', false, false),
    ('voice_live', '{reader}', false, false),
    ('voice_create_view', '{reader}', false, false),
    ('_create_view', '{reader}', false, false),
    ('_typed_column', '{reader}', false, false),
    ('_date', '{reader}', false, false),
    ('voice_scorecard', '{reader,analyst}', false, false),
    ('voice_trial_report', '{reader}', false, false),
    ('_trial_differs', '{reader}', false, false),
    ('voice_agreement', '{reader}', false, false),
    ('_agreement', '{reader}', false, false),
    ('voice_drift', '{reader,analyst}', false, false),
    ('_drift', '{reader,analyst}', false, false),
    ('_counted_results', '{reader,analyst}', false, false),
    ('_result_sums', '{reader,analyst}', false, false),
    ('_many_results', '{reader,analyst}', false, false),
    ('_open_days_rolled_up', '{reader,analyst}', false, false),
    -- alerts: figures of the session's tenant, from what few may read.
    ('voice_alerts', '{reader,analyst,operator}', false, false),
    ('voice_alert_history', '{reader,analyst}', true, true),
    ('voice_add_alert', '{admin}', true, true),
    ('voice_remove_alert', '{admin}', true, true),
    ('voice_silence_alert', '{operator}', true, true),
    ('voice_report', '{reader,analyst,operator}', false, false),
    ('voice_report_data', '{reader,analyst,operator}', false, false),
    ('_report_page', '{reader,analyst,operator}', false, false),
    ('_may_read', '{reader,analyst,operator}', false, false),
    ('_report_days', '{reader,analyst,operator}', false, false),
    ('_report_details', '{reader,analyst,operator}', false, false),
    ('_report_calls', '{reader,analyst}', false, false),
    ('_report_cost', '{reader,analyst,operator}', false, false),
    ('_add_up_tools', '{reader,analyst,operator}', false, false),
    ('_detail_sums', '{reader}', false, false),
    ('_latency_bucket', '{reader}', false, false),
    ('_end_reason_code', '{reader}', false, false),
    ('_bucket_ms', '{reader,analyst,operator}', false, false),
    -- labelling
    ('voice_label', '{labeller}', false, false),
    ('_check_label', '{labeller}', false, false),
    ('voice_next_to_label', '{labeller}', false, false),
    -- writing
    ('voice_start_call', '{writer}', false, false),
    ('voice_add_turn', '{writer}', false, false),
    ('voice_add_chunk', '{writer}', false, false),
    ('voice_finish_turn', '{writer}', false, false),
    -- Writes a turn's words from its chunks, which a writer may not read.
    ('_finish_turn_from_chunks', '{writer}', true, false),
    ('voice_add_tool_call', '{writer}', false, false),
    ('voice_end_call', '{writer}', false, false),
    ('voice_stale_calls', '{reader,writer}', false, false),
    ('voice_end_stale_calls', '{writer}', false, false),
    ('_last_word_at', '{reader,writer}', false, false),
    ('voice_import_call', '{writer}', false, false),
    ('voice_import', '{writer}', false, false),
    ('voice_imports', '{writer}', false, false),
    -- Reads the sender's secret, which a writer may not.
    ('voice_receive', '{writer}', true, false),
    ('_merged_meta', '{}', true, false),
    ('_unknown_call', '{writer}', false, false),
    ('_unknown_turn', '{writer}', false, false),
    ('_check_turn', '{writer}', false, false),
    ('_lock_external_id', '{writer}', false, false),
    -- operating
    ('voice_status', '{operator}', false, false),
    ('voice_pause', '{operator}', false, false),
    ('voice_resume', '{operator}', false, false),
    ('voice_requeue_dead', '{operator}', false, false),
    ('voice_limit_tenant', '{operator}', true, false),
    ('_pinned_to', '{operator}', true, false),
    ('voice_budgets', '{operator}', true, false),
    ('_spent', '{operator}', false, false),
    ('_maintenance_progress', '{operator}', true, true),
    ('voice_reanalyze', '{operator}', true, false),
    ('_claim_ownership', '{operator}', true, true),
    ('voice_create_partitions', '{operator}', true, true),
    ('voice_backfill', '{operator}', false, false),
    ('voice_trial', '{operator}', true, false),
    ('voice_rollup', '{operator}', true, true),
    ('_yesterday', '{operator}', false, false),
    ('_zone', '{reader,analyst,operator}', false, false),
    ('_analyzer', '{operator}', false, false),
    ('_estimate_tokens', '{operator}', false, false),
    ('_estimate_cost', '{operator}', false, false),
    ('_estimate_trial', '{operator}', false, false),
    ('_call_chars', '{operator}', false, false),
    ('_transcript_hash', '{operator}', false, false),
    ('_applying_definitions', '{operator}', false, false),
    ('_user_turns', '{operator}', false, false),
    ('_is_hot_lead', '{reader,analyst,operator}', false, false),
    ('_months_ahead', '{operator}', false, false),
    ('_metrics', '{operator}', true, false),
    ('_is_copy', '{operator}', false, false),
    ('_wake', '{operator}', false, false),
    ('_worker_status', '{operator}', true, false),
    -- deleting
    ('voice_delete_call', '{admin}', true, false),
    ('voice_restore_call', '{admin}', true, false),
    ('voice_erase_call', '{admin}', true, false),
    ('voice_erase_caller', '{admin}', true, false),
    -- webhooks
    ('voice_import_scores', '{admin}', true, false),
    ('_import_scores', '{admin}', true, false),
    ('_check_scores', '{admin}', true, false),
    ('voice_receive_secret', '{admin}', true, false),
    ('voice_label_sample', '{admin}', true, false),
    ('_most_doubtful', '{admin}', false, false),
    ('_draw_sample', '{admin}', false, false),
    ('_doubt', '{admin}', false, false),
    ('voice_define_analysis', '{admin}', true, false),
    ('voice_retire_analysis', '{admin}', true, false),
    ('_check_definition', '{admin}', true, false),
    ('voice_add_webhook', '{admin}', true, false),
    ('voice_remove_webhook', '{admin}', true, false),
    ('voice_enable_webhook', '{admin}', true, false),
    ('_add_webhook', '{admin}', true, false),
    ('_unknown_webhook', '{admin}', true, false),
    ('_webhook_url', '{admin}', true, false),
    ('_webhook_secret', '{admin}', true, false),
    ('_webhook_has_secret', '{admin}', true, false),
    ('_no_such_call', '{admin}', false, false),
    ('_erase', '{admin}', true, false),
    ('_contact_number', '{admin}', false, false),
    ('_not_a_caller', '{admin}', false, false),
    ('_is_caller', '{admin}', false, false),
    ('_international_number', '{admin}', false, false),
    ('_mentions', '{admin}', false, false),
    ('_partitioned_tables', '{admin}', false, false),
    ('_partitions', '{operator}', false, false),
    -- Superusers', who need no grant. (Months leave with the calls of every tenant.)
    ('voice_drop_partitions', '{}', true, false),
    ('voice_schedule', '{}', true, false),
    ('voice_unschedule', '{}', true, false),
    ('voice_grant', '{}', true, false),
    ('voice_revoke', '{}', true, false),
    ('voice_pin_tenant', '{}', true, false),
    ('voice_install', '{}', true, false),
    ('voice_send_tenant', '{}', true, false),
    ('voice_hold_tenant', '{}', true, false),
    ('voice_release_tenant', '{}', true, false),
    ('voice_tenant_print', '{}', true, false),
    ('voice_receive_tenant', '{}', true, false),
    ('voice_tenant_arrived', '{}', true, false),
    ('voice_forget_tenant', '{}', true, false),
    -- Part of a policy: whoever asks for a tenant that is not served here is told so.
    ('_is_here', '{reader,analyst,labeller,writer,operator}', false, false),
    -- What a backfill leaves alone; the names of tenants only.
    ('_moving_tenants', '{operator}', true, true),
    ('_write_pin', '{}', true, true),
    ('_sync_role_names', '{}', true, false),
    ('_why_no_pin_holds', '{}', true, false),
    ('_reanalyze', '{}', true, false),
    ('_roll_up_results', '{}', true, false),
    ('_roll_up_detail', '{}', true, false),
    ('_roll_up_open_detail', '{}', true, false),
    ('_roll_up_open_days', '{}', true, false),
    ('_roll_up_costs', '{}', true, false),
    ('_store_trial', '{}', true, false),
    ('_close_streaming_turn', '{}', true, false),
    ('_take_in_chunk', '{}', true, false),
    ('_is_of_this_transaction', '{}', true, false),
    ('_end_stale_calls', '{}', true, false),
    ('_grant_with', '{}', true, false),
    ('_grant_relations', '{}', true, false),
    ('_migrate_0006', '{}', true, false),
    ('_migrate_0007', '{}', true, false),
    ('_migrate_0008', '{}', true, false),
    ('_migrate_0009', '{}', true, false),
    ('_migrate_0011', '{}', true, false),
    ('_migrate_0010', '{}', true, false),
    ('_migrate_0012', '{}', true, false),
    ('_migrate_0013', '{}', true, false),
    ('_migrate_0014', '{}', true, false),
    ('_migrate_0015', '{}', true, false),
    ('_check_role', '{}', true, false),
    ('_close_functions', '{}', true, false),
    ('_schema_version', '{}', true, false),
    ('_latest_schema_version', '{}', true, false),
    ('_migrate', '{}', true, false),
    ('_migrate_0002', '{}', true, false),
    ('_migrate_0003', '{}', true, false),
    ('_migrate_0004', '{}', true, false),
    ('_migrate_0005', '{}', true, false),
    ('_release_tables', '{}', true, false),
    ('_access_to_tables', '{}', false, false),
    ('_access_to_functions', '{}', false, false),
    ('_access_columns', '{}', false, false),
    ('voice_access', '{}', true, false)
$$;
COMMENT ON FUNCTION voice._access_to_functions() IS 'which access may call which function';

-- An admin has what everybody has.
CREATE FUNCTION voice._access_columns(OUT access text, OUT relation text, OUT privilege text, OUT columns text[]) RETURNS SETOF record
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT a.access, t.relation, m[1], string_to_array(m[2], ', ')
    FROM voice._access_to_tables() t
    JOIN (VALUES ('reader'), ('analyst'), ('labeller'), ('writer'), ('operator'), ('admin')) a(access) ON t.access IN (a.access) OR (a.access = 'admin' AND t.access <> '')
    CROSS JOIN regexp_matches(t.privileges, '([A-Z]+)(?: [(]([^)]*)[)])?', 'g') m
$$;
COMMENT ON FUNCTION voice._access_columns() IS 'the same, a row a privilege; columns NULL: the whole table';

-- Called once all functions are there: whatever default privileges the database has, a function is its owner's and, if it
-- is not closed, PUBLIC's, as functions are. known: functions that were there before an upgrade, which keep what
-- voice_grant() gave others.
CREATE FUNCTION voice._close_functions(known oid[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    f record;
    grantee text;
BEGIN
    FOR f IN
        SELECT p.oid::regprocedure::text AS name, p.proacl, p.proowner, p.prosecdef,
               p.prorettype = 'trigger'::regtype AS is_trigger,
               coalesce(a.closed, p.proname ~ '^_') AS closed, coalesce(a.owner, false) AS owner
        FROM pg_depend d
        JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'voice_analytics'
        JOIN pg_proc p ON p.oid = d.objid
        LEFT JOIN voice._access_to_functions() a ON a.function = p.proname
        WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
    LOOP
        IF f.owner THEN
            EXECUTE format('ALTER FUNCTION %s OWNER TO voice_worker', f.name);
            EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER', f.name);
        END IF;
        FOR grantee IN
            SELECT DISTINCT a.grantee::regrole::text FROM aclexplode(f.proacl) a
            WHERE a.grantee NOT IN (0, f.proowner, 'voice_worker'::regrole) AND f.name::regprocedure <> ALL (known)
        LOOP
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', f.name, grantee);
        END LOOP;
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO voice_worker', f.name);
        IF f.name::regprocedure IN ('voice._metrics()'::regprocedure, 'voice._worker_status()'::regprocedure) THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pg_monitor', f.name);
        END IF;
        IF f.closed OR f.is_trigger OR f.prosecdef THEN
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f.name);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._close_functions(oid[]) IS 'takes from everybody the functions that are not for everybody';
