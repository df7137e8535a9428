-- One judgement a call, never out of range; the copies of the call's columns are there for the indexes,
-- and so that top leads come from one table.

CREATE FUNCTION voice._install_analytics() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.analytics') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.analytics (
        call_id uuid NOT NULL,
        started_at timestamptz NOT NULL,
        deleted_at timestamptz,
        computed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        sentiment double precision NOT NULL CONSTRAINT analytics_sentiment_in_range CHECK (sentiment BETWEEN -1 AND 1),
        prompt_tokens int CONSTRAINT analytics_prompt_tokens_not_negative CHECK (prompt_tokens >= 0),
        completion_tokens int CONSTRAINT analytics_completion_tokens_not_negative CHECK (completion_tokens >= 0),
        lead_score smallint NOT NULL CONSTRAINT analytics_lead_score_in_range CHECK (lead_score BETWEEN 0 AND 100),
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        agent_id text NOT NULL,
        vertical text NOT NULL,
        intent text NOT NULL
            CONSTRAINT analytics_intent_known CHECK (intent IN ('info', 'booking', 'complaint', 'sales', 'support', 'none')),
        model text NOT NULL,
        prompt_version text NOT NULL,
        from_number text,
        transcript_hash bytea,
        entities jsonb NOT NULL DEFAULT '{}' CONSTRAINT analytics_entities_is_an_object CHECK (jsonb_typeof(entities) = 'object'),
        summary text NOT NULL CONSTRAINT analytics_summary_is_short CHECK (char_length(summary) <= 240),
        next_action text NOT NULL,
        announced text[],
        contact_number text,
        external_id text,
        evidence jsonb CONSTRAINT analytics_evidence_is_an_array CHECK (jsonb_typeof(evidence) = 'array'),
        unsupported smallint CONSTRAINT analytics_unsupported_not_negative CHECK (unsupported >= 0),
        PRIMARY KEY (call_id)
    ) PARTITION BY RANGE (call_id);
    -- Top leads read only the rows they return; leading with the tenant, row-level security costs them nothing.
    CREATE INDEX analytics_top_of_vertical_idx ON voice.analytics (tenant_id, vertical, lead_score DESC, started_at DESC);
    CREATE INDEX analytics_top_idx ON voice.analytics (tenant_id, lead_score DESC, started_at DESC);
    -- Trends read a stretch of time, which lies together in the table too.
    CREATE INDEX analytics_started_at_idx ON voice.analytics (tenant_id, started_at);
    PERFORM voice._make_private('voice.analytics');
    PERFORM voice._enable_tenant_rls('voice.analytics');
    COMMENT ON TABLE voice.analytics IS 'what the analyzer made of a call';
    COMMENT ON COLUMN voice.analytics.sentiment IS 'the caller''s, from -1 (angry) to 1 (delighted)';
    COMMENT ON COLUMN voice.analytics.lead_score IS '0 (no interest) to 100 (ready to buy)';
    COMMENT ON COLUMN voice.analytics.intent IS 'info, booking, complaint, sales, support or none';
    COMMENT ON COLUMN voice.analytics.entities IS 'name, email, phone, topic: what the caller said of them';
    COMMENT ON COLUMN voice.analytics.summary IS 'at most 240 characters';
    COMMENT ON COLUMN voice.analytics.agent_id IS 'copy of the call''s, kept true by a trigger';
    COMMENT ON COLUMN voice.analytics.from_number IS 'copy of the call''s, kept true by a trigger';
    COMMENT ON COLUMN voice.analytics.contact_number IS 'the number of the other party: who rang or, of an outbound call, who was rung';
    COMMENT ON COLUMN voice.analytics.external_id IS 'copy of the call''s, kept true by a trigger';
    COMMENT ON COLUMN voice.analytics.started_at IS 'copy of the call''s, kept true by a trigger';
    COMMENT ON COLUMN voice.analytics.deleted_at IS 'copy of the call''s, kept true by a trigger';
    COMMENT ON COLUMN voice.analytics.vertical IS 'the agent''s at the time of the analysis';
    COMMENT ON COLUMN voice.analytics.model IS 'who judged: the LLM''s name, builtin/… or rule/…';
    COMMENT ON COLUMN voice.analytics.announced IS 'which webhooks were to be told what of this call (webhook id, event): each once, however often it is judged; and what they were told last (webhook id, #hash)';
    COMMENT ON COLUMN voice.analytics.evidence IS 'array of {"claim", "turn", "quote", "speaker", "supported"}: voice_evidence(); NULL: none was given';
    COMMENT ON COLUMN voice.analytics.unsupported IS 'how many claims of evidence do not stand in the transcript as quoted; NULL: none was given';
    COMMENT ON COLUMN voice.analytics.transcript_hash IS 'of the words that were judged; NULL: to be judged again whatever they are';
END
$$;
COMMENT ON FUNCTION voice._install_analytics() IS 'creates voice.analytics if it is missing';
