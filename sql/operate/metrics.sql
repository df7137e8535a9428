-- Figures for machines: numbers only, the same for every reader, and cheap however long the queue and the tables are.

-- How many whole months beyond the current one (UTC) have their partitions, without a gap; -1: not even the current one.
CREATE FUNCTION voice._months_ahead() RETURNS int
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    WITH partition AS MATERIALIZED (
        SELECT l.lower, l.upper FROM voice._partitions('call') l WHERE l.upper > @extschema@.voice_uuid_at(now())
    ), month AS (
        SELECT n, @extschema@.voice_uuid_at((date_trunc('month', now() AT TIME ZONE 'UTC') + n * interval '1 month') AT TIME ZONE 'UTC') AS first_id
        FROM generate_series(0, 241) n
    )
    SELECT min(m.n) - 1 FROM month m
    WHERE m.n = 241 OR NOT EXISTS (SELECT 1 FROM partition l WHERE l.lower <= m.first_id AND l.upper > m.first_id)
$$;
COMMENT ON FUNCTION voice._months_ahead() IS 'months of partitions that are ready beyond the current one; -1: the current one is missing';

-- SECURITY DEFINER: whoever watches has no right to read calls or the queue, and row-level security would show him the
-- queue of one tenant. What leaves here is counts and times, of all tenants together, and nobody's words.
-- Nothing is counted beyond 100,000: above that the queue's length is Postgres' own estimate.
CREATE FUNCTION voice._metrics(
    OUT worker_up int, OUT serving int, OUT paused int, OUT restored_copy int, OUT breaker_open int, OUT provider_failures int,
    OUT requests_in_flight int, OUT live_queued bigint, OUT backfill_queued bigint, OUT running bigint, OUT dead bigint,
    OUT live_wait_seconds double precision, OUT backfill_wait_seconds double precision,
    OUT analysis_p50_seconds double precision, OUT analysis_p95_seconds double precision, OUT last_error_timestamp_seconds double precision,
    OUT queue_dead_tuples bigint, OUT queue_bytes bigint, OUT months_ahead int, OUT calls_in_default bigint,
    OUT deliveries_queued bigint, OUT webhooks_disabled bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
-- Plans are kept, and the queue may have been empty when they were made; what is switched off costs enough to call for JIT.
SET search_path = pg_catalog, voice, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $$
DECLARE
    worker CONSTANT jsonb := voice._worker_status();
    enough CONSTANT int := 100000;
    live_due timestamptz;
    backfill_due timestamptz;
BEGIN
    worker_up := (worker ? 'worker_pid')::int;
    serving := (worker->>'state' IN ('idle', 'working', 'waiting for provider'))::int;
    breaker_open := (coalesce(worker->>'breaker', 'closed') <> 'closed')::int;
    provider_failures := coalesce(worker->>'provider_failures', '0');
    requests_in_flight := coalesce(worker->>'in_flight', '0');
    analysis_p50_seconds := (worker->>'p50_ms')::double precision / 1000;
    analysis_p95_seconds := (worker->>'p95_ms')::double precision / 1000;
    last_error_timestamp_seconds := coalesce(worker->>'last_error_at', '0');
    restored_copy := voice._is_copy()::int;
    months_ahead := voice._months_ahead();

    IF to_regclass('voice._state') IS NOT NULL THEN
        paused := EXISTS (SELECT 1 FROM voice._state s WHERE s.paused_at IS NOT NULL)::int;
    END IF;
    IF to_regclass('voice.job') IS NOT NULL THEN
        -- Both by job_waiting_idx, whose first column is the priority.
        SELECT count(*) INTO live_queued
        FROM (SELECT 1 FROM voice.job j WHERE j.lease IS NULL AND j.kind = 'analyze' AND j.priority < 10 LIMIT enough) counted;
        SELECT count(*) INTO backfill_queued
        FROM (SELECT 1 FROM voice.job j WHERE j.lease IS NULL AND j.kind = 'analyze' AND j.priority >= 10 LIMIT enough) counted;
        SELECT count(*) INTO running FROM (SELECT 1 FROM voice.job j WHERE j.lease IS NOT NULL LIMIT enough) counted;
        -- By job_delivery_idx. Those to a receiver that is down wait for days.
        SELECT count(*) INTO deliveries_queued
        FROM (SELECT 1 FROM voice.job j WHERE j.webhook_id IS NOT NULL AND j.lease IS NULL LIMIT enough) counted;
        IF backfill_queued = enough THEN
            backfill_queued := greatest(enough, pg_stat_get_live_tuples('voice.job'::regclass) - live_queued - deliveries_queued - running);
        ELSIF live_queued = enough THEN
            live_queued := greatest(enough, pg_stat_get_live_tuples('voice.job'::regclass) - backfill_queued - deliveries_queued - running);
        END IF;
        -- One probe of the index a priority and tenant, as in look.sql: each lands on the next tenant's first job.
        WITH RECURSIVE first_of_tenant AS (
            (SELECT j.priority, j.tenant_id, j.run_at FROM voice.job j WHERE j.lease IS NULL AND j.kind = 'analyze'
             ORDER BY j.priority, j.tenant_id, j.run_at LIMIT 1)
            UNION ALL
            SELECT following.priority, following.tenant_id, following.run_at
            FROM first_of_tenant t
            CROSS JOIN LATERAL (
                SELECT j.priority, j.tenant_id, j.run_at FROM voice.job j
                WHERE j.lease IS NULL AND j.kind = 'analyze' AND (j.priority, j.tenant_id) > (t.priority, t.tenant_id)
                ORDER BY j.priority, j.tenant_id, j.run_at LIMIT 1
            ) following
        )
        SELECT min(f.run_at) FILTER (WHERE f.priority < 10), min(f.run_at) FILTER (WHERE f.priority >= 10)
        INTO live_due, backfill_due FROM first_of_tenant f;
        live_wait_seconds := greatest(0, coalesce(extract(epoch FROM now() - live_due), 0));
        backfill_wait_seconds := greatest(0, coalesce(extract(epoch FROM now() - backfill_due), 0));
        queue_dead_tuples := pg_stat_get_dead_tuples('voice.job'::regclass);
        queue_bytes := pg_total_relation_size('voice.job'::regclass);
    END IF;
    IF to_regclass('voice.webhook') IS NOT NULL THEN
        SELECT count(*) INTO webhooks_disabled FROM (SELECT 1 FROM voice.webhook w WHERE NOT w.enabled LIMIT enough) counted;
    END IF;
    IF to_regclass('voice.dead_job') IS NOT NULL THEN
        SELECT count(*) INTO dead FROM (SELECT 1 FROM voice.dead_job LIMIT enough) counted;
    END IF;
    IF to_regclass('voice.call_default') IS NOT NULL THEN
        SELECT count(*) INTO calls_in_default FROM (SELECT 1 FROM voice.call_default LIMIT enough) counted;
    END IF;
END
$$;
ALTER FUNCTION voice._metrics() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._metrics() FROM PUBLIC;
COMMENT ON FUNCTION voice._metrics() IS 'what voice.metrics shows; NULL where there is no table or nothing was measured yet';

-- Views over functions: a view that names the tables would have to be dropped with them, and could not stand before a
-- restore has brought them.
CREATE VIEW voice.metrics AS SELECT * FROM voice._metrics();
COMMENT ON VIEW voice.metrics IS 'one row of figures about the worker, its queue and the partitions, for a monitoring system; docs/monitoring.md explains each';
COMMENT ON COLUMN voice.metrics.worker_up IS '1: this database has its background worker';
COMMENT ON COLUMN voice.metrics.serving IS '1: the worker takes jobs, or would if the LLM server answered; 0: it is paused, disabled, misconfigured, unfit, failing, or keeps quiet';
COMMENT ON COLUMN voice.metrics.paused IS '1: by voice_pause()';
COMMENT ON COLUMN voice.metrics.restored_copy IS '1: a restored copy, which does nothing before voice_resume()';
COMMENT ON COLUMN voice.metrics.breaker_open IS '1: the LLM server fails or refuses all requests, and is left alone but for a probe now and then';
COMMENT ON COLUMN voice.metrics.provider_failures IS 'failures of the LLM server in a row';
COMMENT ON COLUMN voice.metrics.requests_in_flight IS 'requests to the LLM server that wait for their answer';
COMMENT ON COLUMN voice.metrics.live_queued IS 'analyses of calls that have just ended, waiting';
COMMENT ON COLUMN voice.metrics.backfill_queued IS 'jobs of voice_backfill(), waiting behind all others; an estimate above 100,000';
COMMENT ON COLUMN voice.metrics.running IS 'jobs that the worker has taken';
COMMENT ON COLUMN voice.metrics.dead IS 'jobs that gave up; counted up to 100,000';
COMMENT ON COLUMN voice.metrics.live_wait_seconds IS 'how long the first live job has been due; 0: none waits';
COMMENT ON COLUMN voice.metrics.backfill_wait_seconds IS 'the same of backfill';
COMMENT ON COLUMN voice.metrics.analysis_p50_seconds IS 'hang-up to analytics, median of the latest 256 live calls since the worker began; NULL: none yet';
COMMENT ON COLUMN voice.metrics.analysis_p95_seconds IS 'the same, 95th percentile';
COMMENT ON COLUMN voice.metrics.last_error_timestamp_seconds IS 'when the worker last met an error, Unix time; 0: not yet; voice_status() has its text';
COMMENT ON COLUMN voice.metrics.queue_dead_tuples IS 'dead rows of voice.job that vacuum has not removed yet, by Postgres'' statistics';
COMMENT ON COLUMN voice.metrics.queue_bytes IS 'size of voice.job with its indexes';
COMMENT ON COLUMN voice.metrics.months_ahead IS 'months of partitions ready beyond the current one, without a gap; -1: the current one is missing';
COMMENT ON COLUMN voice.metrics.calls_in_default IS 'calls in the DEFAULT partition, whose month does not exist; counted up to 100,000';
COMMENT ON COLUMN voice.metrics.deliveries_queued IS 'deliveries to webhooks, waiting; counted up to 100,000';
COMMENT ON COLUMN voice.metrics.webhooks_disabled IS 'webhooks that are told nothing: voice.webhook.disabled_reason says why';

CREATE VIEW voice.metrics_by_model AS
SELECT m.model, m.analyses, m.failures, m.prompt_tokens, m.completion_tokens, m.mended,
       m.mended::double precision / nullif(m.analyses, 0) AS mended_share
FROM jsonb_to_recordset(voice._worker_status()->'models')
    m(model text, analyses bigint, failures bigint, prompt_tokens bigint, completion_tokens bigint, mended bigint);
COMMENT ON VIEW voice.metrics_by_model IS 'counters by model since the server started (or lost a process to a crash): what was analysed, what failed, the tokens of both, and how many answers had to be mended';
COMMENT ON COLUMN voice.metrics_by_model.model IS 'as the LLM server names it; the first seven, then other models';
COMMENT ON COLUMN voice.metrics_by_model.analyses IS 'analyses stored';
COMMENT ON COLUMN voice.metrics_by_model.failures IS 'attempts that failed, whoever was to blame';
COMMENT ON COLUMN voice.metrics_by_model.prompt_tokens IS 'of every answer, also of those that were refused or came too late';
COMMENT ON COLUMN voice.metrics_by_model.completion_tokens IS 'of every answer, also of those that were refused or came too late';
COMMENT ON COLUMN voice.metrics_by_model.mended IS 'analyses whose answer did not hold to the form that was asked for, and was read all the same';
COMMENT ON COLUMN voice.metrics_by_model.mended_share IS 'the same as a share of the analyses, 0 to 1; NULL: none yet';
