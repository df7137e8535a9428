-- What is true of every call, whoever writes it, and of what is said and done in it. The rules stand in core/src/call.rs
-- and core/src/turn.rs, the triggers in src/api/call.rs and src/api/turn.rs: Postgres parses a CHECK or a WHEN from its
-- text at every statement that writes, and that was a third of the cost of writing a call (docs/decisions/0005).

-- Nobody but their owner may attach these to a table: on one of his own, an ordinary role would write the queue.
-- Firing a trigger asks for no privilege. Theirs, because voice_worker gives new months the triggers of their partitioned tables.

CREATE FUNCTION voice._complete_call() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_complete_call';
ALTER FUNCTION voice._complete_call() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._complete_call() FROM PUBLIC;
COMMENT ON FUNCTION voice._complete_call() IS 'checks a call before it is written, and fills in what its end leaves open';

CREATE FUNCTION voice._call_written() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_call_written';
ALTER FUNCTION voice._call_written() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._call_written() FROM PUBLIC;
COMMENT ON FUNCTION voice._call_written() IS
    'checks a call as it was written, and queues the analysis of one that has ended, in the transaction that ends it';

CREATE FUNCTION voice._turn_written() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_turn_written';
ALTER FUNCTION voice._turn_written() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._turn_written() FROM PUBLIC;
COMMENT ON FUNCTION voice._turn_written() IS
    'checks a turn, and queues the analysis again when it changes after its call has ended';

CREATE FUNCTION voice._chunk_written() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_chunk_written';
ALTER FUNCTION voice._chunk_written() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._chunk_written() FROM PUBLIC;
COMMENT ON FUNCTION voice._chunk_written() IS 'queues the analysis again when final words come after the call has ended';

CREATE FUNCTION voice._tool_call_written() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_tool_call_written';
ALTER FUNCTION voice._tool_call_written() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._tool_call_written() FROM PUBLIC;
COMMENT ON FUNCTION voice._tool_call_written() IS 'checks a tool call';

-- Taken apart by the planner.
CREATE FUNCTION voice._contact_number(direction text, from_number text, to_number text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN $1 OPERATOR(pg_catalog.=) 'outbound' THEN $3 ELSE $2 END $$;
COMMENT ON FUNCTION voice._contact_number(text, text, text) IS 'the number of the other party: who rang or, of an outbound call, who was rung';

-- SECURITY DEFINER: an application's role may change a call, but not write its analytics.
CREATE FUNCTION voice._copy_to_analytics() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    UPDATE voice.analytics
    SET agent_id = NEW.agent_id, started_at = NEW.started_at, deleted_at = NEW.deleted_at, from_number = NEW.from_number,
        contact_number = voice._contact_number(NEW.direction, NEW.from_number, NEW.to_number),
        external_id = NEW.external_id
    WHERE call_id = NEW.id;
    UPDATE voice.result
    SET agent_id = NEW.agent_id, started_at = NEW.started_at, deleted_at = NEW.deleted_at
    WHERE call_id = NEW.id
      AND (agent_id, started_at, deleted_at) IS DISTINCT FROM (NEW.agent_id, NEW.started_at, NEW.deleted_at);
    -- A deleted call has nothing to wait for; one that comes back is queued by voice._call_written().
    IF NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL THEN
        DELETE FROM voice.job j WHERE j.call_id = NEW.id;
        DELETE FROM voice.dead_job d WHERE d.call_id = NEW.id;
        DELETE FROM voice.live l WHERE l.call_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
ALTER FUNCTION voice._copy_to_analytics() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._copy_to_analytics() FROM PUBLIC;
COMMENT ON FUNCTION voice._copy_to_analytics() IS 'keeps the copies of a call''s columns in its analytics and results true, and takes a deleted call out of the queue';

-- job and dead_job have no foreign key (the queue must stay cheap), nor have trial_result, label, label_task and live (a month
-- must be able to leave), so this is what removes theirs. The calls' locks
-- come first, as in the worker's settle. SECURITY DEFINER: an application's role may delete a call, but not write the queue.
CREATE FUNCTION voice._calls_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    DELETE FROM voice.job j USING gone WHERE j.call_id = gone.id AND j.kind = 'analyze';
    -- Deliveries are few: their own index, which is by webhook, is read as a whole.
    DELETE FROM voice.job j USING gone WHERE j.call_id = gone.id AND j.webhook_id IS NOT NULL;
    DELETE FROM voice.job j USING gone WHERE j.call_id = gone.id AND j.kind IN ('trial', 'live');
    DELETE FROM voice.dead_job d USING gone WHERE d.call_id = gone.id;
    DELETE FROM voice.trial_result t USING gone WHERE t.call_id = gone.id;
    -- Labels before their tasks: one that is deleted locks its tasks.
    DELETE FROM voice.label l USING gone WHERE l.call_id = gone.id;
    DELETE FROM voice.label_task t USING gone WHERE t.call_id = gone.id;
    DELETE FROM voice.live l USING gone WHERE l.call_id = gone.id;
    RETURN NULL;
END
$$;
ALTER FUNCTION voice._calls_deleted() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._calls_deleted() FROM PUBLIC;
COMMENT ON FUNCTION voice._calls_deleted() IS 'removes the jobs, trials, labels and looks of deleted calls';
