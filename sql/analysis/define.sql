-- What a tenant wants to know of its calls: a definition that changes is a new version, the same one again is not.

-- In Rust (src/api/definition.rs): what a definition may be stands in core/src/definition.
CREATE FUNCTION voice._check_definition(
    name text, schema jsonb, criteria jsonb, instructions text, vertical text, agent_id text, model text, min_user_turns int) RETURNS void
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'voice_check_definition';
COMMENT ON FUNCTION voice._check_definition(text, jsonb, jsonb, text, text, text, text, int) IS
    'raises the error for a definition that not every model can be asked: it names the property, the keyword and the way out';

CREATE FUNCTION voice_define_analysis(
    name text, schema jsonb, criteria jsonb DEFAULT NULL, instructions text DEFAULT NULL, vertical text DEFAULT NULL,
    agent_id text DEFAULT NULL, model text DEFAULT NULL, min_user_turns int DEFAULT 1) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    wanted record;
    newest record;
    new_version int;
BEGIN
    PERFORM voice._check_definition(name, schema, criteria, instructions, vertical, agent_id, model, min_user_turns);
    SELECT voice_define_analysis.schema, nullif(nullif(voice_define_analysis.criteria, 'null'), '[]') AS criteria,
           nullif(btrim(voice_define_analysis.instructions), '') AS instructions, nullif(btrim(voice_define_analysis.vertical), '') AS vertical,
           nullif(btrim(voice_define_analysis.agent_id), '') AS agent_id, nullif(btrim(voice_define_analysis.model), '') AS model,
           voice_define_analysis.min_user_turns
    INTO wanted;
    -- Two sessions at once: the second one sees what the first has made of the name.
    PERFORM pg_advisory_xact_lock(hashtextextended(format('voice_define_analysis %s %s', voice._tenant(), name), 0));
    SELECT a.version, a.retired_at,
           (a.schema, a.criteria, a.instructions, a.vertical, a.agent_id, a.model, a.min_user_turns) IS NOT DISTINCT FROM
           (wanted.schema, wanted.criteria, wanted.instructions, wanted.vertical, wanted.agent_id, wanted.model, wanted.min_user_turns) AS is_same
    INTO newest
    FROM voice.analysis a WHERE a.tenant_id = voice._tenant() AND a.name = voice_define_analysis.name ORDER BY a.version DESC LIMIT 1;
    -- As core/src/definition/mod.rs has it.
    IF (SELECT count(DISTINCT a.name) FROM voice.analysis a
        WHERE a.tenant_id = voice._tenant() AND a.retired_at IS NULL AND a.name <> voice_define_analysis.name) >= 100 THEN
        RAISE EXCEPTION 'there are too many analyses'
            USING ERRCODE = 'program_limit_exceeded', DETAIL = format('Tenant "%s" has 100 that apply, and no call is asked more.', voice._tenant()),
                  HINT = 'SELECT voice_retire_analysis(name) ends one; several questions can be properties of one analysis.';
    END IF;
    IF newest.is_same THEN
        IF newest.retired_at IS NOT NULL THEN
            UPDATE voice.analysis a SET retired_at = NULL
            WHERE a.tenant_id = voice._tenant() AND a.name = voice_define_analysis.name AND a.version = newest.version;
        END IF;
        RETURN newest.version;
    END IF;
    new_version := coalesce(newest.version, 0) + 1;
    INSERT INTO voice.analysis (name, version, schema, criteria, instructions, vertical, agent_id, model, min_user_turns)
    VALUES (name, new_version, wanted.schema, wanted.criteria, wanted.instructions, wanted.vertical, wanted.agent_id, wanted.model, wanted.min_user_turns);
    IF wanted.agent_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM voice.agent g WHERE g.id = wanted.agent_id AND g.tenant_id = voice._tenant()) THEN
        RAISE NOTICE 'no agent has this id yet' USING DETAIL = format('agent_id is %L: until there is one, %s applies to no call.', wanted.agent_id, name);
    ELSIF wanted.vertical IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM voice.agent g WHERE lower(btrim(g.vertical)) = lower(wanted.vertical) AND g.tenant_id = voice._tenant()) THEN
        RAISE NOTICE 'no agent is of this vertical yet' USING DETAIL = format('vertical is %L: until there is one, %s applies to no call.', wanted.vertical, name);
    END IF;
    RETURN new_version;
END
$$;
COMMENT ON FUNCTION voice_define_analysis(text, jsonb, jsonb, text, text, text, text, int) IS
    'says what is to be extracted from calls (schema) and judged of them (criteria) that end from now on, and returns the version: the next one where the definition changed, else the one that is there';

-- All versions: with the newest alone, the one before would apply again.
CREATE FUNCTION voice_retire_analysis(name text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    at CONSTANT timestamptz := clock_timestamp();
BEGIN
    PERFORM voice._no_such_analysis(name);
    UPDATE voice.analysis a SET retired_at = at
    WHERE a.tenant_id = voice._tenant() AND a.name = voice_retire_analysis.name AND a.retired_at IS NULL;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION voice_retire_analysis(text) IS
    'an analysis applies to no call any more; its results stay, and voice_define_analysis() takes it up again; false: it was retired already';
