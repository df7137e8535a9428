-- One row that says what runs, what waits, and what is wrong with the way out; true also where no worker runs.

CREATE FUNCTION voice_status(
    OUT worker_pid int, OUT state text, OUT reason text, OUT analyzer text, OUT queued bigint, OUT running bigint,
    OUT in_flight int, OUT dead bigint, OUT oldest_wait_ms double precision,
    OUT p50_ms double precision, OUT p95_ms double precision,
    OUT last_error text, OUT last_error_at timestamptz,
    OUT breaker text, OUT provider_failures int, OUT next_request_at timestamptz,
    OUT months_ahead int, OUT calls_in_default bigint, OUT backfill_queued bigint)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    worker CONSTANT jsonb := voice._worker_status();
    here record;
BEGIN
    worker_pid := worker->>'worker_pid';
    state := worker->>'state';
    reason := worker->>'reason';
    analyzer := worker->>'analyzer';
    in_flight := worker->>'in_flight';
    p50_ms := worker->>'p50_ms';
    p95_ms := worker->>'p95_ms';
    last_error := worker->>'last_error';
    last_error_at := to_timestamp((worker->>'last_error_at')::double precision);
    breaker := worker->>'breaker';
    provider_failures := worker->>'provider_failures';
    next_request_at := to_timestamp((worker->>'next_request_at')::double precision);

    IF voice._is_copy() THEN
        state := 'restored copy';
        reason := 'restored copy: SELECT voice_resume()';
    ELSE
        SELECT s.paused_at, s.pause_reason INTO here FROM voice._state s;
        IF here.paused_at IS NOT NULL THEN
            state := 'paused';
            reason := coalesce(here.pause_reason, 'by voice_pause()');
        END IF;
    END IF;
    IF to_regclass('voice.job') IS NOT NULL AND to_regclass('voice.dead_job') IS NOT NULL THEN
        SELECT count(*) FILTER (WHERE j.lease IS NULL), count(*) FILTER (WHERE j.lease IS NOT NULL),
               extract(epoch FROM now() - min(j.run_at) FILTER (WHERE j.lease IS NULL AND j.run_at <= now())) * 1000,
               count(*) FILTER (WHERE j.lease IS NULL AND j.priority > 0)
        INTO queued, running, oldest_wait_ms, backfill_queued FROM voice.job j WHERE j.kind <> 'live';
        SELECT count(*) INTO dead FROM voice.dead_job;
    END IF;
    months_ahead := voice._months_ahead();
    -- A partition is nobody's to read but its owner's.
    IF has_function_privilege('voice._metrics()', 'EXECUTE') THEN
        calls_in_default := m.calls_in_default FROM voice._metrics() m;
    END IF;
END
$$;
COMMENT ON FUNCTION voice_status() IS
    'the worker and its queue: what runs (running: leased, in_flight: requests), what waits and for how long (oldest_wait_ms), p50_ms and p95_ms from hang-up to analytics; breaker: closed, open (the LLM server fails and is left alone until next_request_at) or half-open; months_ahead: partitions ready beyond this month; calls_in_default: calls whose month has none; backfill_queued: those of queued that wait behind live calls';
