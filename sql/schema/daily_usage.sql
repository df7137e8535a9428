-- What was spent: tokens of every request to a language model, booked by the worker with what came of it, and the calls' own cost,
-- rolled up with voice.daily. Both outlive their calls: money that is spent stays spent.

CREATE FUNCTION voice._install_daily_usage() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.daily_usage') IS NULL THEN
        CREATE TABLE voice.daily_usage (
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            day date NOT NULL,
            agent_id text NOT NULL,
            model text NOT NULL,
            analysis text NOT NULL,
            requests bigint NOT NULL DEFAULT 0,
            unmetered bigint NOT NULL DEFAULT 0,
            prompt_tokens bigint NOT NULL DEFAULT 0,
            cached_tokens bigint NOT NULL DEFAULT 0,
            completion_tokens bigint NOT NULL DEFAULT 0,
            PRIMARY KEY (tenant_id, day, agent_id, model, analysis)
        -- No index has a counter: a row that counts on is a HOT update.
        ) WITH (fillfactor = 70);
        PERFORM voice._make_private('voice.daily_usage');
        PERFORM voice._enable_tenant_rls('voice.daily_usage');
        COMMENT ON TABLE voice.daily_usage IS 'tokens of requests to language models, a row a tenant, day, agent, model and what was asked; it stays when its calls go';
        COMMENT ON COLUMN voice.daily_usage.day IS 'of the answer, in the time zone of the setting voice_analytics.timezone';
        COMMENT ON COLUMN voice.daily_usage.agent_id IS 'of the call; empty: it was erased before the answer came';
        COMMENT ON COLUMN voice.daily_usage.model IS 'as the server names it';
        COMMENT ON COLUMN voice.daily_usage.analysis IS 'what was asked: fixed, or names of analyses, one request''s joined by +; (notes): on a part of a long call; (trial), (live)';
        COMMENT ON COLUMN voice.daily_usage.requests IS 'requests that were answered with a count of tokens, or with a status of success and none';
        COMMENT ON COLUMN voice.daily_usage.unmetered IS 'those of requests whose answer had no count of tokens: what they cost is not known';
        COMMENT ON COLUMN voice.daily_usage.cached_tokens IS 'those of prompt_tokens that the server had in its cache';
    END IF;
    IF to_regclass('voice.daily_cost') IS NULL THEN
        CREATE TABLE voice.daily_cost (
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            day date NOT NULL,
            agent_id text NOT NULL,
            currency text NOT NULL,
            calls bigint NOT NULL,
            minutes double precision NOT NULL DEFAULT 0,
            cost numeric NOT NULL,
            computed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (tenant_id, day, agent_id, currency)
        );
        PERFORM voice._make_private('voice.daily_cost');
        PERFORM voice._enable_tenant_rls('voice.daily_cost');
        COMMENT ON TABLE voice.daily_cost IS 'nightly roll-up of voice.call.cost, a row a tenant, day, agent and currency; it stays when its calls go';
        COMMENT ON COLUMN voice.daily_cost.day IS 'of the calls'' start, in the time zone of the setting voice_analytics.timezone';
        COMMENT ON COLUMN voice.daily_cost.currency IS 'upper case; empty: the calls name none';
        COMMENT ON COLUMN voice.daily_cost.calls IS 'calls that have a cost in this currency';
        COMMENT ON COLUMN voice.daily_cost.minutes IS 'of those calls';
        COMMENT ON COLUMN voice.daily_cost.cost IS 'of those calls';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._install_daily_usage() IS 'creates voice.daily_usage and voice.daily_cost if they are missing';
