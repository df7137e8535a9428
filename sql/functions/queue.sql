-- The queue's edges: the trigger that makes a job in the transaction that ends a call, and the wake at commit.

-- All of these are in Rust (src/api/): they remember what the transaction has done already, and act when it commits.

-- Nobody but their owner may attach SECURITY DEFINER triggers to a table: on one of his own, with types and casts of his
-- own, an ordinary role would run code as voice_worker. Firing a trigger asks for no privilege.

-- SECURITY DEFINER: an application's role may end calls, but not write the queue.
CREATE FUNCTION voice._enqueue() RETURNS trigger
LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'voice_enqueue_wrapper';
ALTER FUNCTION voice._enqueue() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._enqueue() FROM PUBLIC;
COMMENT ON FUNCTION voice._enqueue() IS 'queues the analysis of a call that has ended, in the transaction that ends it';

-- SECURITY DEFINER: an application's role may write turns, but not read the queue or the analytics.
CREATE FUNCTION voice._turn_written() RETURNS trigger
LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'voice_turn_written_wrapper';
ALTER FUNCTION voice._turn_written() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._turn_written() FROM PUBLIC;
COMMENT ON FUNCTION voice._turn_written() IS 'queues the analysis again when a turn changes after its call has ended';

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
