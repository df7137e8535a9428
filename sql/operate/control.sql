-- The hand on the switch. A copy of the data does nothing until somebody says that it is the one that counts now.

CREATE FUNCTION voice._is_copy() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    -- A statement of its own: one that names the table could not even be parsed without it.
    IF to_regclass('voice._state') IS NULL THEN
        RETURN true;
    END IF;
    RETURN NOT EXISTS (
        SELECT 1 FROM voice._instance i
        JOIN voice._state s ON s.instance = i.id
        JOIN pg_database d ON d.oid = i.database AND d.datname = current_database());
END
$$;
COMMENT ON FUNCTION voice._is_copy() IS 'whether the data remembers another installation, or this one is in another database';

CREATE FUNCTION voice_pause(reason text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    ran boolean;
BEGIN
    IF voice._is_copy() THEN
        RAISE EXCEPTION 'this database is a restored copy: nothing runs that could be paused'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = 'Its data remembers another installation of voice_analytics.',
                  HINT = 'SELECT voice_resume() makes it the one that counts.';
    END IF;
    SELECT s.paused_at IS NULL INTO ran FROM voice._state s;
    UPDATE voice._state SET paused_at = coalesce(paused_at, now()), pause_reason = voice_pause.reason;
    PERFORM voice._wake();
    RETURN ran;
END
$$;
COMMENT ON FUNCTION voice_pause(text) IS 'the worker finishes what it has and takes nothing new; calls keep queueing; false: it was paused already, and the reason is the new one';

-- As voice_worker (voice._access_to_functions()): whoever may resume may resume a copy too, where tables may be missing and
-- the books are others' to write.
CREATE FUNCTION voice._claim_ownership() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF NOT voice._is_copy() THEN
        RETURN;
    END IF;
    PERFORM @extschema@.voice_install();
    UPDATE voice._instance SET database = (SELECT oid FROM pg_database WHERE datname = current_database());
    INSERT INTO voice._state AS s (instance, schema_version) SELECT id, voice._latest_schema_version() FROM voice._instance
    ON CONFLICT (singleton) DO UPDATE SET instance = EXCLUDED.instance, paused_at = NULL, pause_reason = NULL;
    PERFORM voice._disable_webhooks_without_secret();
    -- Counters of the server, or the database, that this is a copy of.
    DELETE FROM voice._rolled_month;
    PERFORM voice._sync_role_names();
    PERFORM voice._wake();
END
$$;
COMMENT ON FUNCTION voice._claim_ownership() IS 'makes this copy the installation that counts, as voice_worker';

CREATE FUNCTION voice_resume() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    waited boolean;
BEGIN
    IF voice._is_copy() THEN
        PERFORM voice._claim_ownership();
        RETURN true;
    END IF;
    SELECT s.paused_at IS NOT NULL INTO waited FROM voice._state s;
    UPDATE voice._state SET paused_at = NULL, pause_reason = NULL;
    PERFORM voice._wake();
    RETURN waited;
END
$$;
COMMENT ON FUNCTION voice_resume() IS 'ends a pause; in a restored copy, makes it the installation that counts; false: it was neither';

CREATE FUNCTION voice_requeue_dead(max_jobs int DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    requeued bigint;
BEGIN
    IF max_jobs < 0 THEN
        RAISE EXCEPTION 'max_jobs is out of range'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('max_jobs is %s.', max_jobs),
                  HINT = 'Pass 0 or more, or NULL for all.';
    END IF;
    WITH risen AS (
        DELETE FROM voice.dead_job d
        WHERE d.id IN (SELECT b.id FROM voice.dead_job b ORDER BY b.died_at, b.id LIMIT max_jobs FOR UPDATE SKIP LOCKED)
        RETURNING d.tenant_id, d.kind, d.call_id, d.priority, d.webhook_id, d.event
    ), made AS (
        INSERT INTO voice.job (tenant_id, kind, call_id, webhook_id, event, priority)
        SELECT r.tenant_id, r.kind, r.call_id, r.webhook_id, r.event, min(r.priority) FROM risen r GROUP BY 1, 2, 3, 4, 5
        ON CONFLICT (call_id) WHERE kind = 'analyze' DO NOTHING
        RETURNING 1
    )
    SELECT count(*) INTO requeued FROM made;
    PERFORM voice._wake();
    RETURN requeued;
END
$$;
COMMENT ON FUNCTION voice_requeue_dead(int) IS 'gives dead jobs another chance, the oldest first; returns how many wait again';

CREATE FUNCTION voice_limit_tenant(
    tenant text, max_concurrency int DEFAULT NULL, requests_per_minute int DEFAULT NULL,
    budget_per_day numeric DEFAULT NULL, budget_currency text DEFAULT 'USD') RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    model CONSTANT text := current_setting('voice_analytics.llm_model', true);
BEGIN
    IF tenant IS NULL THEN
        RAISE EXCEPTION 'no tenant is named'
            USING ERRCODE = 'null_value_not_allowed', DETAIL = 'tenant is NULL.',
                  HINT = 'What holds for every tenant are the settings tenant_max_concurrency and tenant_requests_per_minute.';
    ELSIF voice._pinned_to() IS NOT NULL THEN
        RAISE EXCEPTION 'who is pinned to a tenant sets no limits'
            USING ERRCODE = 'insufficient_privilege', DETAIL = format('This session is pinned to tenant "%s".', voice._pinned_to()),
                  HINT = 'Ask whoever looks after the tenants.';
    ELSIF max_concurrency NOT BETWEEN 0 AND 1024 THEN
        RAISE EXCEPTION 'max_concurrency is out of range'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('max_concurrency is %s; it may be 0 to 1024.', max_concurrency),
                  HINT = '0 is no limit, NULL what the setting tenant_max_concurrency says.';
    ELSIF requests_per_minute NOT BETWEEN 0 AND 1000000 THEN
        RAISE EXCEPTION 'requests_per_minute is out of range'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('requests_per_minute is %s; it may be 0 to 1000000.', requests_per_minute),
                  HINT = '0 is no limit, NULL what the setting tenant_requests_per_minute says.';
    ELSIF NOT (budget_per_day > 0 AND budget_per_day < 1e12) THEN
        RAISE EXCEPTION 'budget_per_day is out of range'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('budget_per_day is %s; it may be more than 0 and less than 1e12.', budget_per_day),
                  HINT = 'NULL is no budget. To stop everything: voice_pause().';
    ELSIF budget_currency IS NULL OR budget_currency !~ '^[A-Z]{3}$' THEN
        RAISE EXCEPTION 'budget_currency is no currency'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('budget_currency is %s.', coalesce(quote_literal(budget_currency), 'NULL')),
                  HINT = 'Pass the code of ISO 4217 that voice.model_price has: ''USD''.';
    END IF;
    IF max_concurrency IS NULL AND requests_per_minute IS NULL AND budget_per_day IS NULL THEN
        DELETE FROM voice.tenant_limit l WHERE l.tenant_id = voice_limit_tenant.tenant;
        RETURN false;
    END IF;
    INSERT INTO voice.tenant_limit AS l (tenant_id, max_concurrency, requests_per_minute, budget_per_day, budget_currency)
    VALUES (voice_limit_tenant.tenant, voice_limit_tenant.max_concurrency, voice_limit_tenant.requests_per_minute,
            voice_limit_tenant.budget_per_day, voice_limit_tenant.budget_currency)
    ON CONFLICT ON CONSTRAINT tenant_limit_pkey
    DO UPDATE SET max_concurrency = EXCLUDED.max_concurrency, requests_per_minute = EXCLUDED.requests_per_minute,
                  budget_per_day = EXCLUDED.budget_per_day, budget_currency = EXCLUDED.budget_currency;
    IF budget_per_day IS NOT NULL AND voice._analyzer()->>'analyzer' <> 'builtin' AND NOT EXISTS (
        SELECT 1 FROM voice._model_price(model, voice._yesterday() + 1) p WHERE p.currency = voice_limit_tenant.budget_currency) THEN
        RAISE NOTICE 'the model % has no price in %, so its requests do not count', model, budget_currency
            USING HINT = 'INSERT INTO voice.model_price (model, currency, prompt, completion) VALUES (…)';
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION voice_limit_tenant(text, int, int, numeric, text) IS
    'how much a tenant may ask of the LLM: requests in flight at once, and a minute (0: no limit; NULL, or left out: what the settings tenant_max_concurrency and tenant_requests_per_minute say of every tenant), and what its analyses may cost a day by voice.model_price (NULL: as much as they do). What is over the limit waits in the queue and holds up nobody else. Returns whether the tenant has limits of its own now';

-- The hash is what lets the worker skip a call that it has judged already; without it, it judges again. The row stays
-- to be read until then.
CREATE FUNCTION voice._reanalyze(call_id uuid) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    found_call record;
    made bigint;
BEGIN
    SELECT c.tenant_id, c.status INTO found_call FROM voice.call c
    WHERE c.id = _reanalyze.call_id AND c.tenant_id = voice._tenant() AND c.deleted_at IS NULL
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such call'
            USING ERRCODE = 'no_data_found',
                  DETAIL = format('Call %s is not among those of tenant "%s".', coalesce(call_id::text, 'NULL'), voice._tenant()),
                  HINT = 'The setting voice_analytics.tenant says whose calls are seen.';
    ELSIF found_call.status = 'in_progress' THEN
        RAISE EXCEPTION 'the call has not ended yet'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = format('Call %s is in progress.', call_id),
                  HINT = 'voice_end_call() queues its analysis by itself.';
    END IF;
    UPDATE voice.analytics a SET transcript_hash = NULL WHERE a.call_id = _reanalyze.call_id;
    UPDATE voice.result r SET transcript_hash = NULL WHERE r.call_id = _reanalyze.call_id;
    INSERT INTO voice.job (tenant_id, kind, call_id) VALUES (found_call.tenant_id, 'analyze', _reanalyze.call_id)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS made = ROW_COUNT;
    PERFORM voice._wake();
    RETURN made;
END
$$;
COMMENT ON FUNCTION voice._reanalyze(uuid) IS 'does the work of voice_reanalyze, as voice_worker';

-- In Rust (src/api/owner.rs): it writes what an operator may not, and knows who asks.
CREATE FUNCTION voice_reanalyze(call_id uuid) RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_reanalyze_wrapper';
COMMENT ON FUNCTION voice_reanalyze(uuid) IS 'queues a call to be judged again whatever was judged before; 0: it is waiting already';
