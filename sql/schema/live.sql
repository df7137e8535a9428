-- What is known of calls in progress. A row comes with the first words of a call, is replaced by each look at it, and leaves with the
-- final analysis; it leaves with its call, too (voice._calls_deleted). Rows are few and short-lived: no partitions.

CREATE FUNCTION voice._install_live() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.live') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.live (
        call_id uuid NOT NULL,
        asked_at timestamptz,
        computed_at timestamptz,
        alerted_at timestamptz,
        sentiment double precision CONSTRAINT live_sentiment_in_range CHECK (sentiment BETWEEN -1 AND 1),
        turn int,
        looks int NOT NULL DEFAULT 0,
        whole_lines int,
        prompt_tokens int,
        completion_tokens int,
        lead_score smallint CONSTRAINT live_lead_score_in_range CHECK (lead_score BETWEEN 0 AND 100),
        low_looks smallint NOT NULL DEFAULT 0,
        redacted boolean NOT NULL DEFAULT false,
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        intent text CONSTRAINT live_intent_known CHECK (intent IN ('info', 'booking', 'complaint', 'sales', 'support', 'none')),
        model text,
        summary text,
        criteria jsonb NOT NULL DEFAULT '{}' CONSTRAINT live_criteria_is_an_object CHECK (jsonb_typeof(criteria) = 'object'),
        alerts text[] NOT NULL DEFAULT '{}',
        seen bytea,
        PRIMARY KEY (call_id)
    ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
    CREATE INDEX live_tenant_id_idx ON voice.live (tenant_id);
    PERFORM voice._make_private('voice.live');
    PERFORM voice._enable_tenant_rls('voice.live');
    COMMENT ON TABLE voice.live IS 'calls in progress and the last look at each, where the setting voice_analytics.live_interval is on: voice_live()';
    COMMENT ON COLUMN voice.live.asked_at IS 'when the last look began; NULL: there was none yet';
    COMMENT ON COLUMN voice.live.computed_at IS 'when the last look was stored';
    COMMENT ON COLUMN voice.live.alerted_at IS 'when a look last raised an alert';
    COMMENT ON COLUMN voice.live.turn IS 'as of which turn of the call, counted from 1';
    COMMENT ON COLUMN voice.live.looks IS 'how often the call was looked at';
    COMMENT ON COLUMN voice.live.whole_lines IS 'lines that the call had when it was last looked at as a whole';
    COMMENT ON COLUMN voice.live.prompt_tokens IS 'of all looks at the call together';
    COMMENT ON COLUMN voice.live.completion_tokens IS 'of all looks at the call together';
    COMMENT ON COLUMN voice.live.low_looks IS 'looks in a row with a sentiment below -0.6';
    COMMENT ON COLUMN voice.live.redacted IS 'whether the words were redacted before they were sent';
    COMMENT ON COLUMN voice.live.summary IS 'the model''s notes on the call so far, which the next look is asked with; values that were redacted are placeholders in it';
    COMMENT ON COLUMN voice.live.criteria IS 'by name of the analysis and of the criterion, as voice.result.criteria';
    COMMENT ON COLUMN voice.live.alerts IS 'what alerts were raised for, each once: sentiment, criteria.<analysis>.<criterion>';
    COMMENT ON COLUMN voice.live.seen IS 'a hash of each line that was looked at';
END
$$;
COMMENT ON FUNCTION voice._install_live() IS 'creates voice.live if it is missing';
