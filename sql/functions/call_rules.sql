-- What is true of every call, whoever writes it: its id carries its start, it ends after it starts, an end is an end.

-- Runs only for rows that the trigger's WHEN finds worth a look: a call that starts now, with an id of its own, is not.
CREATE FUNCTION voice._call_written() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    -- '24 hours' and not '1 day', which is 23 or 25 hours where clocks change.
    reach CONSTANT interval := '24 hours';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id THEN
            RAISE EXCEPTION 'a call keeps its id and its tenant'
                USING ERRCODE = 'restrict_violation',
                      DETAIL = format('Call %s of tenant "%s" was to become %s of tenant "%s".',
                                      OLD.id, OLD.tenant_id, NEW.id, NEW.tenant_id),
                      HINT = 'Insert another call and delete this one.';
        ELSIF OLD.status <> 'in_progress' AND NEW.status = 'in_progress' THEN
            RAISE EXCEPTION 'a call that has ended does not start again'
                USING ERRCODE = 'restrict_violation',
                      DETAIL = format('Call %s is %s since %s.', OLD.id, OLD.status, OLD.ended_at),
                      HINT = 'Start a new call; external_id or meta can say that it continues this one.';
        END IF;
        -- A duration that was computed follows the times it was computed from.
        IF NEW.duration_ms = OLD.duration_ms AND OLD.duration_ms = voice._span_ms(OLD.started_at, OLD.ended_at)
           AND (NEW.started_at, NEW.ended_at) IS DISTINCT FROM (OLD.started_at, OLD.ended_at) THEN
            NEW.duration_ms := NULL;
        END IF;
    END IF;

    IF NEW.status NOT IN ('in_progress', 'completed', 'failed', 'transferred') THEN
        RAISE EXCEPTION 'there is no such status'
            USING ERRCODE = 'check_violation',
                  DETAIL = format('status is %s.', quote_literal(NEW.status)),
                  HINT = 'A call is in_progress, then completed, failed or transferred.';
    END IF;
    IF substr(NEW.id::text, 15, 1) <> '7' THEN
        RAISE EXCEPTION 'the id of a call must carry its start'
            USING ERRCODE = 'check_violation',
                  DETAIL = format('%s is not a UUIDv7.', NEW.id),
                  HINT = 'Leave id out, or set id = voice_uuidv7(started_at).';
    ELSIF @extschema@.voice_uuid_time(NEW.id) NOT BETWEEN NEW.started_at - reach AND NEW.started_at + reach THEN
        RAISE EXCEPTION 'the id of a call must carry its start'
            USING ERRCODE = 'check_violation',
                  DETAIL = format('Id %s is of %s, more than 24 hours from started_at, %s.',
                                  NEW.id, @extschema@.voice_uuid_time(NEW.id), NEW.started_at),
                  HINT = CASE TG_OP WHEN 'INSERT' THEN 'set id = voice_uuidv7(started_at)'
                              ELSE 'A call keeps its id, and with it its day: insert another call and delete this one.' END;
    END IF;

    -- An end says that the call is over, also where nobody set the status.
    IF NEW.status = 'in_progress' AND NEW.ended_at IS NOT NULL THEN
        NEW.status := 'completed';
    END IF;
    IF NEW.duration_ms < 0 THEN
        RAISE EXCEPTION 'a call cannot last less than no time'
            USING ERRCODE = 'check_violation',
                  DETAIL = format('duration_ms is %s.', NEW.duration_ms),
                  HINT = 'Leave duration_ms NULL: it is computed from started_at and ended_at.';
    END IF;
    IF NEW.status <> 'in_progress' THEN
        NEW.ended_at := coalesce(NEW.ended_at, NEW.started_at + NEW.duration_ms * interval '1 millisecond',
                                 greatest(clock_timestamp(), NEW.started_at));
        IF NOT isfinite(NEW.ended_at) THEN
            RAISE EXCEPTION 'a call has an end that a clock can show'
                USING ERRCODE = 'check_violation',
                      DETAIL = format('ended_at is %s.', NEW.ended_at),
                      HINT = 'Leave ended_at NULL: it becomes the moment of the end.';
        ELSIF NEW.ended_at < NEW.started_at THEN
            RAISE EXCEPTION 'a call cannot end before it starts'
                USING ERRCODE = 'check_violation',
                      DETAIL = format('started_at is %s, ended_at %s.', NEW.started_at, NEW.ended_at),
                      HINT = 'Set both from the same clock, or leave ended_at NULL: it becomes the moment of the end.';
        END IF;
        NEW.duration_ms := coalesce(NEW.duration_ms, voice._span_ms(NEW.started_at, NEW.ended_at));
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION voice._call_written() IS 'checks and completes a call as it is written';

-- NULL for a call that was left open for more than 24 days: a duration that an integer cannot hold is not measured.
-- One expression, so that it inlines: a SQL function that does not is parsed and planned at every call (6 % of ingest).
CREATE FUNCTION voice._span_ms(started_at timestamptz, ended_at timestamptz) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN EXTRACT(epoch FROM $2 - $1) < 2147483 THEN (EXTRACT(epoch FROM $2 - $1) * 1000)::int END $$;
COMMENT ON FUNCTION voice._span_ms(timestamptz, timestamptz) IS 'milliseconds between two moments, for call.duration_ms';

-- SECURITY DEFINER: an application's role may change a call, but not write its analytics.
CREATE FUNCTION voice._copy_to_analytics() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    UPDATE voice.analytics
    SET agent_id = NEW.agent_id, started_at = NEW.started_at, deleted_at = NEW.deleted_at
    WHERE call_id = NEW.id;
    RETURN NULL;
END
$$;
ALTER FUNCTION voice._copy_to_analytics() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._copy_to_analytics() FROM PUBLIC;
COMMENT ON FUNCTION voice._copy_to_analytics() IS 'keeps the copies of a call''s columns in its analytics true';

-- job and dead_job have no foreign key (the queue must stay cheap), so this is what removes theirs. The calls' locks
-- come first, as in the worker's settle. SECURITY DEFINER: an application's role may delete a call, but not write the queue.
CREATE FUNCTION voice._calls_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    DELETE FROM voice.job j USING gone WHERE j.call_id = gone.id AND j.kind = 'analyze';
    DELETE FROM voice.dead_job d USING gone WHERE d.call_id = gone.id;
    RETURN NULL;
END
$$;
ALTER FUNCTION voice._calls_deleted() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._calls_deleted() FROM PUBLIC;
COMMENT ON FUNCTION voice._calls_deleted() IS 'removes the jobs of deleted calls';
