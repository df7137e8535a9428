-- The queue is a table: a job is leased by one worker or by none, and a call has at most one analysis waiting.

CREATE FUNCTION voice._install_queue() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.job') IS NULL THEN
        CREATE SEQUENCE IF NOT EXISTS voice.job_id_seq;
        -- A queue's rows live for seconds: room on each page, and vacuum by what changed, not by share of the table.
        -- No CHECK: only a few statements of ours (sql/queries) write here, one of them in every transaction that ends a call.
        CREATE TABLE voice.job (
            id bigint NOT NULL DEFAULT nextval('voice.job_id_seq'),
            run_at timestamptz NOT NULL DEFAULT now(),
            leased_until timestamptz,
            lease bigint,
            call_id uuid NOT NULL,
            priority smallint NOT NULL DEFAULT 0,
            attempt smallint NOT NULL DEFAULT 0,
            kind text NOT NULL,
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            webhook_id uuid,
            event text,
            PRIMARY KEY (id)
        ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
                autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 0,
                autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
        CREATE UNIQUE INDEX job_one_analysis_a_call_idx ON voice.job (call_id) WHERE kind = 'analyze';
        -- By tenant: however much one of them has waiting, the first jobs of the others are a probe away.
        -- Other kinds are not in it: deliveries to a receiver that is down wait for days.
        CREATE INDEX job_waiting_idx ON voice.job (priority, tenant_id, run_at, id) WHERE lease IS NULL AND kind = 'analyze';
        -- By webhook: however much one of them has waiting, the first deliveries of the others are a probe away.
        CREATE INDEX job_delivery_idx ON voice.job (webhook_id, priority, run_at, id) WHERE webhook_id IS NOT NULL;
        -- As job_waiting_idx; and one of a trial for each call, which are also found by it. Looks at calls in progress share both:
        -- each index more costs every transaction that ends a call.
        CREATE INDEX job_trial_waiting_idx ON voice.job (priority, tenant_id, run_at, id) WHERE lease IS NULL AND kind IN ('trial', 'live');
        CREATE UNIQUE INDEX job_one_trial_a_call_idx ON voice.job (call_id, event) WHERE kind IN ('trial', 'live');
        CREATE INDEX job_leased_idx ON voice.job (lease) WHERE lease IS NOT NULL;
        PERFORM voice._make_private('voice.job_id_seq');
        PERFORM voice._make_private('voice.job');
        PERFORM voice._enable_tenant_rls('voice.job');
        ALTER SEQUENCE voice.job_id_seq OWNED BY voice.job.id;
        COMMENT ON TABLE voice.job IS 'the queue: work to be done for calls that have ended, and looks at those in progress';
        COMMENT ON COLUMN voice.job.call_id IS 'of the delivery of an alert: the id of the row of voice.alert_event';
        COMMENT ON COLUMN voice.job.priority IS '0: calls that have just ended; 5: looks at calls in progress; 10: backfill. The lower goes first, within its kind';
        COMMENT ON COLUMN voice.job.attempt IS 'how often it was begun; what the provider or the configuration failed at is not counted';
        COMMENT ON COLUMN voice.job.webhook_id IS 'of a delivery: to which webhook';
        COMMENT ON COLUMN voice.job.event IS 'of a delivery: what it tells; of a trial: its id; of a look at a call in progress: look';
        COMMENT ON COLUMN voice.job.lease IS 'the epoch of the worker that has it; NULL: nobody';
    END IF;
    IF to_regclass('voice.dead_job') IS NULL THEN
        CREATE TABLE voice.dead_job (
            id bigint NOT NULL,
            died_at timestamptz NOT NULL DEFAULT now(),
            call_id uuid NOT NULL,
            priority smallint NOT NULL DEFAULT 0,
            attempts smallint NOT NULL,
            kind text NOT NULL CONSTRAINT dead_job_kind_known CHECK (kind IN ('analyze', 'deliver', 'trial', 'live')),
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            last_error text,
            webhook_id uuid,
            event text,
            PRIMARY KEY (id)
        );
        CREATE INDEX dead_job_call_id_idx ON voice.dead_job (call_id);
        CREATE INDEX dead_job_tenant_id_died_at_idx ON voice.dead_job (tenant_id, died_at);
        PERFORM voice._make_private('voice.dead_job');
        PERFORM voice._enable_tenant_rls('voice.dead_job');
        COMMENT ON TABLE voice.dead_job IS 'jobs that gave up; voice_requeue_dead() gives them another chance';
        COMMENT ON COLUMN voice.dead_job.id IS 'the job''s';
        COMMENT ON COLUMN voice.dead_job.webhook_id IS 'of a delivery: to which webhook';
        COMMENT ON COLUMN voice.dead_job.event IS 'of a delivery: what it told; of a trial: its id';
        COMMENT ON COLUMN voice.dead_job.last_error IS 'why the last attempt failed, without secrets';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._install_queue() IS 'creates voice.job and voice.dead_job if they are missing';
