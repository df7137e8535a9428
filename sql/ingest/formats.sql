-- Calls as other programs write and read them. In Rust (src/api/formats.rs, core/src/import, core/src/export);
-- docs/integrations.md says what each format keeps.

CREATE FUNCTION voice_import(format text, payload jsonb, options jsonb DEFAULT '{}') RETURNS uuid
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_import';
COMMENT ON FUNCTION voice_import(text, jsonb, jsonb) IS
    'imports one finished call as its provider or framework writes it and returns its id; the same call again is completed, and a NOTICE says with what';

CREATE FUNCTION voice_imports(format text, payloads jsonb[], options jsonb DEFAULT '{}') RETURNS uuid[]
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_imports';
COMMENT ON FUNCTION voice_imports(text, jsonb[], jsonb) IS
    'imports many finished calls in few statements, all or none, and returns their ids in the order of the payloads; some hundreds to thousands at a time';

-- Fields of the report are over what was there, within each field of the first level too; nothing is lost.
CREATE FUNCTION voice._merged_meta(old jsonb, new jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT CASE
        WHEN jsonb_typeof(old) = 'object' AND jsonb_typeof(new) = 'object' THEN
            (SELECT coalesce(jsonb_object_agg(k.key, CASE
                        WHEN jsonb_typeof(old -> k.key) = 'object' AND jsonb_typeof(new -> k.key) = 'object'
                        THEN (old -> k.key) || (new -> k.key)
                        ELSE coalesce(new -> k.key, old -> k.key) END), '{}')
             FROM (SELECT jsonb_object_keys(old) AS key UNION SELECT jsonb_object_keys(new)) k)
        ELSE coalesce(old, new) END
$$;
COMMENT ON FUNCTION voice._merged_meta(jsonb, jsonb) IS 'the meta of a call with that of a later report';

CREATE FUNCTION voice_export(call_id uuid, format text DEFAULT 'vcon') RETURNS jsonb
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'voice_export';
COMMENT ON FUNCTION voice_export(uuid, text) IS
    'the whole call as vcon (with our analysis) or voice (which voice_import takes again); NULL: no such call';
