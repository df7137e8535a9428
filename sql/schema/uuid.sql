-- A call's id carries its start: ids sort, prune and partition by time. Times are floored to the millisecond.

CREATE FUNCTION voice_uuidv7(at timestamptz DEFAULT now()) RETURNS uuid
LANGUAGE c VOLATILE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_uuidv7_wrapper';
COMMENT ON FUNCTION voice_uuidv7(timestamptz) IS 'a new UUIDv7 of this moment; the id of a call is one of its started_at';

CREATE FUNCTION voice_uuid_at(at timestamptz) RETURNS uuid
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_uuid_at_wrapper';
COMMENT ON FUNCTION voice_uuid_at(timestamptz) IS 'the lowest id of this moment''s millisecond, for ranges over ids';

CREATE FUNCTION voice_uuid_time(id uuid) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_uuid_time_wrapper';
COMMENT ON FUNCTION voice_uuid_time(uuid) IS 'the moment an id carries, to the millisecond';
