-- What voice.daily has no room for: how the calls of a day are spread. One row a tenant, agent and day, and one for all agents
-- together (agent_id ''), computed with voice.daily.

CREATE FUNCTION voice._install_daily_detail() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.daily_detail') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.daily_detail (
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        day date NOT NULL,
        agent_id text NOT NULL,
        hours jsonb NOT NULL DEFAULT '{}',
        intents jsonb NOT NULL DEFAULT '{}',
        latencies jsonb NOT NULL DEFAULT '{}',
        tools jsonb NOT NULL DEFAULT '{}',
        end_reasons jsonb NOT NULL DEFAULT '{}',
        longest_silence_ms int,
        longest_silence_call uuid,
        computed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (tenant_id, day, agent_id)
    );
    PERFORM voice._make_private('voice.daily_detail');
    PERFORM voice._enable_tenant_rls('voice.daily_detail');
    COMMENT ON TABLE voice.daily_detail IS 'nightly roll-up for voice_report(): how the calls of a day are spread; it stays when its calls go';
    COMMENT ON COLUMN voice.daily_detail.day IS 'of the calls'' start, in the time zone of the setting voice_analytics.timezone';
    COMMENT ON COLUMN voice.daily_detail.agent_id IS 'empty: all agents of the tenant together';
    COMMENT ON COLUMN voice.daily_detail.hours IS 'calls by the hour in which they started: {"0" to "23": calls}';
    COMMENT ON COLUMN voice.daily_detail.intents IS 'analysed calls by intent';
    COMMENT ON COLUMN voice.daily_detail.latencies IS 'by stage (transcription, first_token, first_byte, end_to_end): {"bucket": turns}, see voice._latency_bucket(); percentiles of several rows come from the sums of their buckets';
    COMMENT ON COLUMN voice.daily_detail.tools IS 'by name of the tool: {"calls", "errors", "ms": {"bucket": calls}}; what is 0 is left out';
    COMMENT ON COLUMN voice.daily_detail.end_reasons IS 'ended calls by end_reason; what is no code (long, or with a number in it) is "other"';
    COMMENT ON COLUMN voice.daily_detail.longest_silence_ms IS 'the longest time between the end of a turn and the start of the next one, milliseconds';
    COMMENT ON COLUMN voice.daily_detail.longest_silence_call IS 'the call in which that was; it may have left since';
END
$$;
COMMENT ON FUNCTION voice._install_daily_detail() IS 'creates voice.daily_detail if it is missing';
