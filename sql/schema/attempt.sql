-- The ledger: one row for every attempt ever made, good or bad. It leaves with its call and its month.

CREATE FUNCTION voice._install_attempt() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.attempt') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE SEQUENCE IF NOT EXISTS voice.attempt_id_seq;
    CREATE TABLE voice.attempt (
        call_id uuid NOT NULL,
        id bigint NOT NULL DEFAULT nextval('voice.attempt_id_seq'),
        job_id bigint NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        http_status int,
        prompt_tokens int,
        completion_tokens int,
        latency_ms int,
        attempt smallint NOT NULL,
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        kind text NOT NULL CONSTRAINT attempt_kind_known CHECK (kind IN ('analyze', 'deliver', 'trial', 'live')),
        outcome text NOT NULL
            CONSTRAINT attempt_outcome_known CHECK (outcome IN ('ok', 'part', 'skipped', 'stale', 'failed', 'snoozed', 'dead', 'discarded')),
        error text,
        model text,
        webhook_id uuid,
        event text,
        mended boolean,
        PRIMARY KEY (call_id, id)
    ) PARTITION BY RANGE (call_id);
    PERFORM voice._make_private('voice.attempt_id_seq');
    PERFORM voice._make_private('voice.attempt');
    PERFORM voice._enable_tenant_rls('voice.attempt');
    ALTER SEQUENCE voice.attempt_id_seq OWNED BY voice.attempt.id;
    COMMENT ON TABLE voice.attempt IS 'every attempt to analyse a call, to look at it while it goes on, to try another analysis of it or to tell a webhook of it, and what came of it';
    COMMENT ON COLUMN voice.attempt.job_id IS 'the job it was made for; the job itself is gone when it is done';
    COMMENT ON COLUMN voice.attempt.attempt IS 'which attempt of the job, from 1; one that was snoozed gives its number to the next';
    COMMENT ON COLUMN voice.attempt.outcome IS 'ok; part: one of the requests of an attempt that takes several, before its last; skipped: nothing had changed; stale: the transcript changed meanwhile; failed: it will be tried again; snoozed: the same, and not counted, for the LLM server or the configuration was to blame; dead: it will not; discarded: somebody else was faster';
    COMMENT ON COLUMN voice.attempt.webhook_id IS 'of a delivery: to which webhook';
    COMMENT ON COLUMN voice.attempt.event IS 'of a delivery: what it told; of a trial: its id';
    COMMENT ON COLUMN voice.attempt.mended IS 'true: the model''s answer did not hold to the form that was asked for, and was read all the same; else NULL';
    COMMENT ON COLUMN voice.attempt.latency_ms IS 'milliseconds from request to answer';
END
$$;
COMMENT ON FUNCTION voice._install_attempt() IS 'creates voice.attempt if it is missing';
