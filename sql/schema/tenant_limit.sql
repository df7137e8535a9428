-- What a tenant may ask of the LLM, where it is not what the settings say of every tenant. Whoever is pinned to a tenant
-- sees its limit and sets none.

-- In Rust (src/api/tenant.rs), beside voice._tenant().
CREATE FUNCTION voice._pinned_to() RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'voice_pinned_to';
COMMENT ON FUNCTION voice._pinned_to() IS 'the tenant that the session is pinned to; NULL: to none';

-- In Rust (src/api/queue.rs), as voice._wake(): what is remembered until the commit is no row, for which others would wait.
CREATE FUNCTION voice._reread_limits() RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_reread_limits_wrapper';
COMMENT ON FUNCTION voice._reread_limits() IS 'has this database''s worker read limits and definitions again when the transaction commits';

-- SECURITY DEFINER: whoever may write the table (this one or voice.analysis) tells the worker.
CREATE FUNCTION voice._limits_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    PERFORM voice._reread_limits();
    RETURN NULL;
END
$$;
ALTER FUNCTION voice._limits_changed() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._limits_changed() FROM PUBLIC;
COMMENT ON FUNCTION voice._limits_changed() IS 'has the worker read limits and definitions again; where triggers do not fire, it does so by itself at each sweep';

CREATE FUNCTION voice._install_tenant_limit() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.tenant_limit') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.tenant_limit (
        max_concurrency int CONSTRAINT tenant_limit_max_concurrency_in_range CHECK (max_concurrency BETWEEN 0 AND 1024),
        requests_per_minute int CONSTRAINT tenant_limit_requests_per_minute_in_range CHECK (requests_per_minute BETWEEN 0 AND 1000000),
        tenant_id text NOT NULL,
        budget_per_day numeric CONSTRAINT tenant_limit_budget_per_day_in_range CHECK (budget_per_day > 0 AND budget_per_day < 1e12),
        budget_currency text NOT NULL DEFAULT 'USD' CONSTRAINT tenant_limit_budget_currency_is_a_code CHECK (budget_currency ~ '^[A-Z]{3}$'),
        PRIMARY KEY (tenant_id)
    );
    PERFORM voice._make_private('voice.tenant_limit');
    ALTER TABLE voice.tenant_limit ENABLE ROW LEVEL SECURITY;
    CREATE POLICY seen ON voice.tenant_limit FOR SELECT USING (tenant_id = coalesce(voice._pinned_to(), tenant_id));
    CREATE POLICY set_by_nobody_who_is_pinned ON voice.tenant_limit USING (voice._pinned_to() IS NULL);
    CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON voice.tenant_limit
        FOR EACH STATEMENT EXECUTE FUNCTION voice._limits_changed();
    COMMENT ON TABLE voice.tenant_limit IS 'tenants of whom something else is said than of all: voice_limit_tenant()';
    COMMENT ON COLUMN voice.tenant_limit.max_concurrency IS 'requests to the LLM in flight at once; 0: no limit; NULL: the setting tenant_max_concurrency';
    COMMENT ON COLUMN voice.tenant_limit.requests_per_minute IS 'requests to the LLM a minute; 0: no limit; NULL: the setting tenant_requests_per_minute';
    COMMENT ON COLUMN voice.tenant_limit.budget_per_day IS 'what its analyses may cost a day; NULL: as much as they do';
    COMMENT ON COLUMN voice.tenant_limit.budget_currency IS 'of budget_per_day; what has no price in this currency is not counted';
END
$$;
COMMENT ON FUNCTION voice._install_tenant_limit() IS 'creates voice.tenant_limit if it is missing';
