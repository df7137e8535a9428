-- The queue's edges: the wake at commit, and what the worker says of itself. In Rust (src/api/): they act when the
-- transaction commits, and read shared memory.

CREATE FUNCTION voice._wake() RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_wake_wrapper';
COMMENT ON FUNCTION voice._wake() IS 'wakes this database''s worker when the transaction commits';

CREATE FUNCTION voice._worker_status(
    OUT worker_pid int, OUT state text, OUT reason text, OUT analyzer text, OUT in_flight int,
    OUT p50_ms double precision, OUT p95_ms double precision, OUT last_error text, OUT last_error_at timestamptz)
RETURNS SETOF record
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_worker_status_wrapper';
COMMENT ON FUNCTION voice._worker_status() IS 'what this database''s worker says of itself in shared memory; one row';

CREATE FUNCTION voice._announce() RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_announce_wrapper';
COMMENT ON FUNCTION voice._announce() IS 'tells the launcher, at commit, that this database has the extension';
