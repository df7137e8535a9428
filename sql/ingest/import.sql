-- One whole finished call in a few statements, or nothing of it; the same call twice, also from two clients at once, is one.

-- In Rust (src/api/formats.rs). Imports of many calls in one transaction hold one advisory lock a call until commit: some
-- hundreds at a time.
CREATE FUNCTION voice_import_call(call jsonb) RETURNS uuid
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_import_call';
COMMENT ON FUNCTION voice_import_call(jsonb) IS
    'imports one finished call (a line of calls.jsonl) and returns its id; its id is the external_id, and the same one again completes the call';
