-- A trial judges a sample of calls as another model, version or prompt would, beside what is stored, and changes nothing else.
-- Its rows leave with their calls; the trial stays.

CREATE FUNCTION voice._install_trial() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.trial') IS NULL THEN
        CREATE SEQUENCE IF NOT EXISTS voice.trial_id_seq;
        CREATE TABLE voice.trial (
            id bigint NOT NULL DEFAULT nextval('voice.trial_id_seq'),
            created_at timestamptz NOT NULL DEFAULT now(),
            since timestamptz NOT NULL,
            sample int NOT NULL CONSTRAINT trial_sample_in_range CHECK (sample BETWEEN 1 AND 10000),
            calls int NOT NULL CONSTRAINT trial_calls_not_negative CHECK (calls >= 0),
            version int,
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            created_by text NOT NULL DEFAULT session_user,
            name text,
            model text,
            vertical text,
            instructions text,
            PRIMARY KEY (id)
        );
        CREATE INDEX trial_tenant_id_idx ON voice.trial (tenant_id);
        PERFORM voice._make_private('voice.trial_id_seq');
        PERFORM voice._make_private('voice.trial');
        PERFORM voice._enable_tenant_rls('voice.trial');
        ALTER SEQUENCE voice.trial_id_seq OWNED BY voice.trial.id;
        COMMENT ON TABLE voice.trial IS 'samples of calls that are judged otherwise than they were: voice_trial()';
        COMMENT ON COLUMN voice.trial.name IS 'the analysis that is tried; NULL: the fixed row';
        COMMENT ON COLUMN voice.trial.version IS 'of the analysis; NULL: the fixed row';
        COMMENT ON COLUMN voice.trial.model IS 'the model that judges; NULL: the one that would without a trial';
        COMMENT ON COLUMN voice.trial.instructions IS 'in place of those of the definition or, of the fixed row, added to its prompt; NULL: as without a trial';
        COMMENT ON COLUMN voice.trial.sample IS 'how many calls were asked for';
        COMMENT ON COLUMN voice.trial.calls IS 'how many calls were found and queued';
        COMMENT ON COLUMN voice.trial.created_by IS 'the role that had logged in';
    END IF;
    IF to_regclass('voice.trial_result') IS NULL THEN
        CREATE TABLE voice.trial_result (
            trial_id bigint NOT NULL,
            call_id uuid NOT NULL,
            computed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            prompt_tokens int,
            completion_tokens int,
            latency_ms int,
            unsupported_before smallint,
            unsupported_after smallint,
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            model text,
            error text,
            before jsonb,
            after jsonb,
            PRIMARY KEY (trial_id, call_id)
        );
        CREATE INDEX trial_result_call_id_idx ON voice.trial_result (call_id);
        PERFORM voice._make_private('voice.trial_result');
        PERFORM voice._enable_tenant_rls('voice.trial_result');
        COMMENT ON TABLE voice.trial_result IS 'what a trial made of a call, beside what is stored of it: voice_trial_report()';
        COMMENT ON COLUMN voice.trial_result.before IS 'what was stored when the trial judged: of the fixed row {sentiment, lead_score, intent, entities, summary, next_action}, of an analysis {version, values, criteria, score, success}';
        COMMENT ON COLUMN voice.trial_result.after IS 'what the trial made of it, in the same form; NULL: nothing, and error says why';
        COMMENT ON COLUMN voice.trial_result.unsupported_before IS 'claims of evidence that do not stand in the transcript as quoted, as stored';
        COMMENT ON COLUMN voice.trial_result.unsupported_after IS 'the same, of the trial';
        COMMENT ON COLUMN voice.trial_result.latency_ms IS 'milliseconds from request to answer';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._install_trial() IS 'creates voice.trial and voice.trial_result if they are missing';
