-- What the model made of a call by one version of a definition; another version is another row. The copies of the call's columns
-- are there for the index, and so that results come from one table.

CREATE FUNCTION voice._install_result() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.result') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.result (
        call_id uuid NOT NULL,
        started_at timestamptz NOT NULL,
        deleted_at timestamptz,
        computed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        version int NOT NULL,
        prompt_tokens int CONSTRAINT result_prompt_tokens_not_negative CHECK (prompt_tokens >= 0),
        completion_tokens int CONSTRAINT result_completion_tokens_not_negative CHECK (completion_tokens >= 0),
        score smallint CONSTRAINT result_score_in_range CHECK (score BETWEEN 0 AND 100),
        unsupported smallint NOT NULL DEFAULT 0 CONSTRAINT result_unsupported_not_negative CHECK (unsupported >= 0),
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        agent_id text NOT NULL,
        vertical text NOT NULL,
        analysis text NOT NULL,
        success text NOT NULL DEFAULT 'unknown' CONSTRAINT result_success_known CHECK (success IN ('pass', 'fail', 'unknown')),
        model text NOT NULL,
        prompt_version text NOT NULL,
        transcript_hash bytea,
        "values" jsonb NOT NULL DEFAULT '{}' CONSTRAINT result_values_is_an_object CHECK (jsonb_typeof("values") = 'object'),
        criteria jsonb NOT NULL DEFAULT '{}' CONSTRAINT result_criteria_is_an_object CHECK (jsonb_typeof(criteria) = 'object'),
        refused text[],
        evidence jsonb NOT NULL DEFAULT '[]' CONSTRAINT result_evidence_is_an_array CHECK (jsonb_typeof(evidence) = 'array'),
        PRIMARY KEY (call_id, analysis, version)
    ) PARTITION BY RANGE (call_id);
    -- The newest results of one analysis; leading with the tenant, row-level security costs them nothing.
    CREATE INDEX result_newest_idx ON voice.result (tenant_id, analysis, started_at DESC);
    PERFORM voice._make_private('voice.result');
    PERFORM voice._enable_tenant_rls('voice.result');
    COMMENT ON TABLE voice.result IS 'what a call was judged to be by a version of an analysis: voice_results()';
    COMMENT ON COLUMN voice.result.analysis IS 'name of the definition in voice.analysis';
    COMMENT ON COLUMN voice.result.version IS 'which version of the definition judged';
    COMMENT ON COLUMN voice.result."values" IS 'what was extracted, by property of the definition''s schema';
    COMMENT ON COLUMN voice.result.criteria IS 'by name of the criterion: {"verdict": "pass" | "fail" | "not_applicable" | "unknown", "points", "max", "weight"}';
    COMMENT ON COLUMN voice.result.score IS '0 to 100 over the criteria that applied, by weight; NULL: none did';
    COMMENT ON COLUMN voice.result.success IS 'pass, fail or unknown, computed from the criteria';
    COMMENT ON COLUMN voice.result.evidence IS 'array of {"claim", "turn", "quote", "speaker", "supported"}: voice_evidence()';
    COMMENT ON COLUMN voice.result.unsupported IS 'how many claims of evidence do not stand in the transcript as quoted';
    COMMENT ON COLUMN voice.result.refused IS 'paths of what the model answered out of form and that is left out of values or criteria; NULL: none';
    COMMENT ON COLUMN voice.result.model IS 'the LLM that judged';
    COMMENT ON COLUMN voice.result.transcript_hash IS 'of the words that were judged; NULL: to be judged again whatever they are';
    COMMENT ON COLUMN voice.result.agent_id IS 'copy of the call''s, kept true by a trigger';
    COMMENT ON COLUMN voice.result.started_at IS 'copy of the call''s, kept true by a trigger';
    COMMENT ON COLUMN voice.result.deleted_at IS 'copy of the call''s, kept true by a trigger';
    COMMENT ON COLUMN voice.result.vertical IS 'the agent''s at the time of the analysis';
END
$$;
COMMENT ON FUNCTION voice._install_result() IS 'creates voice.result if it is missing';
