-- The results of a day, one row a tenant, agent, vertical, analysis and version, beside voice.daily and computed with it. A call
-- counts once an analysis: for the newest version that judged it.

CREATE FUNCTION voice._install_daily_result() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.daily_result') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.daily_result (
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        day date NOT NULL,
        version int NOT NULL,
        agent_id text NOT NULL,
        vertical text NOT NULL,
        analysis text NOT NULL,
        calls bigint NOT NULL,
        passed bigint NOT NULL DEFAULT 0,
        failed bigint NOT NULL DEFAULT 0,
        unknown bigint NOT NULL DEFAULT 0,
        scored bigint NOT NULL DEFAULT 0,
        score_sum bigint NOT NULL DEFAULT 0,
        unsupported bigint NOT NULL DEFAULT 0,
        refused bigint NOT NULL DEFAULT 0,
        computed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        criteria jsonb NOT NULL DEFAULT '{}' CONSTRAINT daily_result_criteria_is_an_object CHECK (jsonb_typeof(criteria) = 'object'),
        PRIMARY KEY (tenant_id, day, agent_id, vertical, analysis, version)
    );
    PERFORM voice._make_private('voice.daily_result');
    PERFORM voice._enable_tenant_rls('voice.daily_result');
    COMMENT ON TABLE voice.daily_result IS 'nightly roll-up of voice.result; it stays when its calls go';
    COMMENT ON COLUMN voice.daily_result.day IS 'of the calls'' start, in the time zone of the setting voice_analytics.timezone';
    COMMENT ON COLUMN voice.daily_result.computed_at IS 'of a day that is not over: it has what was there then, of tenants with many results only';
    COMMENT ON COLUMN voice.daily_result.calls IS 'calls with a result: passed + failed + unknown; each for the newest version that judged it';
    COMMENT ON COLUMN voice.daily_result.passed IS 'of calls; passed / (passed + failed) is the success rate';
    COMMENT ON COLUMN voice.daily_result.scored IS 'those of calls that have a score: the denominator of the mean score';
    COMMENT ON COLUMN voice.daily_result.score_sum IS 'over the scored calls';
    COMMENT ON COLUMN voice.daily_result.unsupported IS 'claims of evidence that do not stand in the transcript as quoted';
    COMMENT ON COLUMN voice.daily_result.refused IS 'values and criteria that the model answered out of form';
    COMMENT ON COLUMN voice.daily_result.criteria IS 'by name of the criterion: {"judged", "share", "not_applicable", "unknown"}: how many calls, and share the sum over the judged of 1 (pass), 0 (fail) or points / max; share / judged is its pass rate; what is 0 is left out';
END
$$;
COMMENT ON FUNCTION voice._install_daily_result() IS 'creates voice.daily_result if it is missing';
