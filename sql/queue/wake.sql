-- The queue's edges: the wake at commit, and what the worker says of itself. In Rust (src/api/): they act when the
-- transaction commits, and read shared memory.

CREATE FUNCTION voice._wake() RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_wake_wrapper';
COMMENT ON FUNCTION voice._wake() IS 'wakes this database''s worker when the transaction commits';

-- One value: a library and SQL of different versions must be able to talk about what is wrong.
CREATE FUNCTION voice._worker_status() RETURNS jsonb
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_worker_status_wrapper';
COMMENT ON FUNCTION voice._worker_status() IS 'what this database''s worker says of itself in shared memory';

CREATE FUNCTION voice._announce() RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_announce_wrapper';
COMMENT ON FUNCTION voice._announce() IS 'tells the launcher, at commit, that this database has the extension';
