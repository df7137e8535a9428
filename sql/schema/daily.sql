-- A row is what was true of an agent's day when it was computed; sums stand beside averages, so that longer stretches
-- have exact averages too. It outlives its calls.

-- Where nothing has been written since, no day is looked at. A member of the extension and never dumped, as
-- voice._instance: the counters are this server's, and in a copy the same number would say nothing.
CREATE TABLE voice._rolled_month (
    lower uuid PRIMARY KEY,
    zone text NOT NULL,
    changes bigint NOT NULL,
    past date NOT NULL
);
COMMENT ON TABLE voice._rolled_month IS 'months whose days were all found rolled up, and the counters of their tables then';
ALTER TABLE voice._rolled_month OWNER TO voice_worker;
REVOKE ALL ON voice._rolled_month FROM PUBLIC;

CREATE FUNCTION voice._install_daily() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.daily') IS NULL THEN
        CREATE TABLE voice.daily (
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            day date NOT NULL,
            agent_id text NOT NULL,
            calls bigint NOT NULL,
            in_progress bigint NOT NULL DEFAULT 0,
            completed bigint NOT NULL DEFAULT 0,
            failed bigint NOT NULL DEFAULT 0,
            transferred bigint NOT NULL DEFAULT 0,
            minutes double precision NOT NULL DEFAULT 0,
            analyzed bigint NOT NULL DEFAULT 0,
            sentiment_sum double precision NOT NULL DEFAULT 0,
            lead_score_sum bigint NOT NULL DEFAULT 0,
            avg_sentiment double precision GENERATED ALWAYS AS (sentiment_sum / nullif(analyzed, 0)) STORED,
            avg_lead_score double precision GENERATED ALWAYS AS (lead_score_sum::double precision / nullif(analyzed, 0)) STORED,
            hot_leads bigint NOT NULL DEFAULT 0,
            tool_calls bigint NOT NULL DEFAULT 0,
            tool_errors bigint NOT NULL DEFAULT 0,
            tool_p50_ms double precision,
            tool_p95_ms double precision,
            turns_measured bigint NOT NULL DEFAULT 0,
            e2e_p50_ms double precision,
            e2e_p95_ms double precision,
            computed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            analyses_passed bigint NOT NULL DEFAULT 0,
            analyses_failed bigint NOT NULL DEFAULT 0,
            PRIMARY KEY (tenant_id, day, agent_id)
        );
        PERFORM voice._make_private('voice.daily');
        PERFORM voice._enable_tenant_rls('voice.daily');
        COMMENT ON TABLE voice.daily IS 'nightly roll-up: one row a tenant, agent and day; it stays when its calls go';
        COMMENT ON COLUMN voice.daily.day IS 'of the calls'' start, in the time zone of the setting voice_analytics.timezone';
        COMMENT ON COLUMN voice.daily.calls IS 'calls that started that day and are not deleted, analysed or not: in_progress + completed + failed + transferred';
        COMMENT ON COLUMN voice.daily.in_progress IS 'those that had not ended when the row was computed';
        COMMENT ON COLUMN voice.daily.completed IS 'of calls; completed / (calls - in_progress) is the completion rate';
        COMMENT ON COLUMN voice.daily.failed IS 'of calls; failed / (calls - in_progress) is the failure rate';
        COMMENT ON COLUMN voice.daily.transferred IS 'of calls; transferred / (calls - in_progress) is the transfer rate';
        COMMENT ON COLUMN voice.daily.minutes IS 'of all calls that have ended, together; not rounded up call by call';
        COMMENT ON COLUMN voice.daily.analyzed IS 'those of calls that have analytics: the denominator of avg_sentiment, avg_lead_score and of the share of hot_leads';
        COMMENT ON COLUMN voice.daily.sentiment_sum IS 'over the analyzed calls';
        COMMENT ON COLUMN voice.daily.lead_score_sum IS 'over the analyzed calls';
        COMMENT ON COLUMN voice.daily.avg_sentiment IS 'sentiment_sum / analyzed; NULL where nothing was analysed. Over several days: sum(sentiment_sum) / sum(analyzed)';
        COMMENT ON COLUMN voice.daily.avg_lead_score IS 'lead_score_sum / analyzed; NULL where nothing was analysed. Over several days: sum(lead_score_sum) / sum(analyzed)';
        COMMENT ON COLUMN voice.daily.hot_leads IS 'analyzed calls with a lead score of 80 or more and intent sales';
        COMMENT ON COLUMN voice.daily.analyses_passed IS 'results of those calls with success pass, of the newest version of each analysis: voice.daily_result';
        COMMENT ON COLUMN voice.daily.analyses_failed IS 'the same, with success fail';
        COMMENT ON COLUMN voice.daily.tool_calls IS 'tools called in those calls: the denominator of tool_errors';
        COMMENT ON COLUMN voice.daily.tool_errors IS 'tool calls with an error_text';
        COMMENT ON COLUMN voice.daily.tool_p50_ms IS 'median of the tool calls'' latency_ms, where it is known';
        COMMENT ON COLUMN voice.daily.tool_p95_ms IS '95th percentile of the tool calls'' latency_ms, where it is known';
        COMMENT ON COLUMN voice.daily.turns_measured IS 'turns that have an e2e_latency_ms';
        COMMENT ON COLUMN voice.daily.e2e_p50_ms IS 'median of e2e_latency_ms over turns_measured';
        COMMENT ON COLUMN voice.daily.e2e_p95_ms IS '95th percentile of e2e_latency_ms over turns_measured';
    END IF;
    -- What a day looked like when it was rolled up, so that a change afterwards is seen without anybody having to say so.
    IF to_regclass('voice._rolled_day') IS NULL THEN
        CREATE TABLE voice._rolled_day (
            day date PRIMARY KEY,
            zone text NOT NULL,
            -- NULL: it had no calls.
            print bigint,
            rolled_at timestamptz NOT NULL DEFAULT clock_timestamp()
        );
        PERFORM voice._make_private('voice._rolled_day');
        COMMENT ON TABLE voice._rolled_day IS 'which days are rolled up, and a fingerprint of what was';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._install_daily() IS 'creates voice.daily, and what remembers how it came about, if they are missing';
