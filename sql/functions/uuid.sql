CREATE FUNCTION voice_uuid_at(at timestamptz) RETURNS uuid
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_uuid_at_wrapper';
