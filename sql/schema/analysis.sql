-- What a tenant asks of its calls, a row a version: a definition that changes is a new row, and the old one stays for the calls
-- that were judged by it. voice_define_analysis() checks what it writes; the table checks shapes only.

CREATE FUNCTION voice._install_analysis() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.analysis') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.analysis (
        created_at timestamptz NOT NULL DEFAULT now(),
        retired_at timestamptz,
        version int NOT NULL CONSTRAINT analysis_version_positive CHECK (version > 0),
        min_user_turns int NOT NULL DEFAULT 1 CONSTRAINT analysis_min_user_turns_in_range CHECK (min_user_turns BETWEEN 0 AND 1000),
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        name text NOT NULL
            CONSTRAINT analysis_name_is_a_name CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$' AND name NOT IN ('fixed', 'evidence')),
        created_by text NOT NULL DEFAULT session_user,
        vertical text CONSTRAINT analysis_vertical_not_empty CHECK (vertical <> ''),
        agent_id text,
        model text CONSTRAINT analysis_model_not_empty CHECK (model <> ''),
        instructions text,
        schema jsonb NOT NULL CONSTRAINT analysis_schema_is_an_object CHECK (jsonb_typeof(schema) = 'object'),
        criteria jsonb CONSTRAINT analysis_criteria_is_an_array CHECK (jsonb_typeof(criteria) = 'array'),
        PRIMARY KEY (tenant_id, name, version)
    );
    PERFORM voice._make_private('voice.analysis');
    PERFORM voice._enable_tenant_rls('voice.analysis');
    CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON voice.analysis
        FOR EACH STATEMENT EXECUTE FUNCTION voice._limits_changed();
    COMMENT ON TABLE voice.analysis IS 'what is asked of calls beside the fixed row, one row a version: voice_define_analysis()';
    COMMENT ON COLUMN voice.analysis.tenant_id IS 'whose definition it is: the setting voice_analytics.tenant';
    COMMENT ON COLUMN voice.analysis.name IS 'lower case; the newest version of it that is not retired applies';
    COMMENT ON COLUMN voice.analysis.version IS 'from 1; a definition that changes gets the next one';
    COMMENT ON COLUMN voice.analysis.retired_at IS 'set: it applies to no call any more; its results stay';
    COMMENT ON COLUMN voice.analysis.vertical IS 'applies to calls of agents of this vertical, upper and lower case alike; NULL: of all';
    COMMENT ON COLUMN voice.analysis.agent_id IS 'applies to calls of this agent; NULL: of all';
    COMMENT ON COLUMN voice.analysis.model IS 'the model that judges; NULL: the one of the setting voice_analytics.llm_model';
    COMMENT ON COLUMN voice.analysis.schema IS 'JSON Schema of the values that are extracted';
    COMMENT ON COLUMN voice.analysis.criteria IS 'the scorecard: an array of {name, rubric, kind, max, weight}; NULL: none';
    COMMENT ON COLUMN voice.analysis.instructions IS 'what the model is told beside schema and criteria';
    COMMENT ON COLUMN voice.analysis.min_user_turns IS 'calls in which the caller spoke fewer turns are not asked';
    COMMENT ON COLUMN voice.analysis.created_by IS 'the role that had logged in';
END
$$;
COMMENT ON FUNCTION voice._install_analysis() IS 'creates voice.analysis if it is missing';
