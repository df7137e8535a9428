-- A call is in progress or it has an end, never both; its id is a UUIDv7 of its start and chooses its month.

CREATE FUNCTION voice._install_call() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.call') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.call (
        id uuid NOT NULL DEFAULT @extschema@.voice_uuidv7(),
        started_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz,
        deleted_at timestamptz,
        duration_ms int CONSTRAINT call_duration_not_negative CHECK (duration_ms >= 0),
        status text NOT NULL DEFAULT 'in_progress'
            CONSTRAINT call_status_known CHECK (status IN ('in_progress', 'completed', 'failed', 'transferred')),
        direction text NOT NULL DEFAULT 'inbound'
            CONSTRAINT call_direction_known CHECK (direction IN ('inbound', 'outbound')),
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        agent_id text NOT NULL,
        from_number text,
        to_number text,
        external_id text,
        end_reason text,
        language text,
        recording_url text,
        meta jsonb,
        CONSTRAINT call_ends_after_it_starts CHECK (ended_at >= started_at AND ended_at < 'infinity'),
        CONSTRAINT call_in_progress_has_no_end CHECK ((status = 'in_progress') = (ended_at IS NULL)),
        PRIMARY KEY (id),
        -- What the leaves of the other families reference: one probe that keeps tenants apart too.
        UNIQUE (id, tenant_id),
        FOREIGN KEY (agent_id, tenant_id) REFERENCES voice.agent (id, tenant_id)
    ) PARTITION BY RANGE (id);
    CREATE INDEX call_agent_id_started_at_idx ON voice.call (agent_id, started_at);
    CREATE INDEX call_from_number_started_at_idx ON voice.call (from_number, started_at) WHERE from_number IS NOT NULL;
    CREATE INDEX call_in_progress_idx ON voice.call (started_at) WHERE status = 'in_progress';
    CREATE INDEX call_external_id_idx ON voice.call (external_id) WHERE external_id IS NOT NULL;
    PERFORM voice._make_private('voice.call');
    PERFORM voice._keep_tenants_apart('voice.call');

    -- The usual row, a call that starts now, passes without entering PL/pgSQL.
    CREATE TRIGGER check_insert BEFORE INSERT ON voice.call FOR EACH ROW
        WHEN (NEW.status <> 'in_progress' OR NEW.ended_at IS NOT NULL OR NEW.duration_ms IS NOT NULL
              OR @extschema@.voice_uuid_time(NEW.id)
                 NOT BETWEEN NEW.started_at - interval '24 hours' AND NEW.started_at + interval '24 hours')
        EXECUTE FUNCTION voice._call_written();
    CREATE TRIGGER check_update BEFORE UPDATE ON voice.call FOR EACH ROW
        WHEN (NEW.status <> OLD.status OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id
              OR NEW.started_at <> OLD.started_at OR NEW.ended_at IS DISTINCT FROM OLD.ended_at
              OR NEW.duration_ms IS DISTINCT FROM OLD.duration_ms)
        EXECUTE FUNCTION voice._call_written();
    CREATE TRIGGER enqueue_insert AFTER INSERT ON voice.call FOR EACH ROW
        WHEN (NEW.status <> 'in_progress')
        EXECUTE FUNCTION voice._enqueue();
    -- Not UPDATE OF status: an UPDATE of ended_at alone ends the call too. A call that is no longer deleted comes back.
    CREATE TRIGGER enqueue_update AFTER UPDATE ON voice.call FOR EACH ROW
        WHEN (NEW.status <> 'in_progress' AND NEW.deleted_at IS NULL
              AND (OLD.status = 'in_progress' OR OLD.deleted_at IS NOT NULL))
        EXECUTE FUNCTION voice._enqueue();
    CREATE TRIGGER copy_to_analytics AFTER UPDATE OF agent_id, started_at, deleted_at ON voice.call FOR EACH ROW
        WHEN (NEW.agent_id <> OLD.agent_id OR NEW.started_at <> OLD.started_at
              OR NEW.deleted_at IS DISTINCT FROM OLD.deleted_at)
        EXECUTE FUNCTION voice._copy_to_analytics();
    CREATE TRIGGER remove_jobs AFTER DELETE ON voice.call REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION voice._calls_deleted();

    COMMENT ON TABLE voice.call IS 'phone calls, by month of their id';
    COMMENT ON COLUMN voice.call.id IS 'UUIDv7 within 24 hours of started_at: voice_uuidv7(started_at)';
    COMMENT ON COLUMN voice.call.tenant_id IS 'whose call it is: the setting voice_analytics.tenant';
    COMMENT ON COLUMN voice.call.ended_at IS 'NULL while in progress; set alone, it makes the call completed';
    COMMENT ON COLUMN voice.call.duration_ms IS 'milliseconds; computed at the end when not given';
    COMMENT ON COLUMN voice.call.status IS 'in_progress, then completed, failed or transferred; leaving in_progress queues the analysis';
    COMMENT ON COLUMN voice.call.direction IS 'inbound: the caller rang; outbound: the agent did';
    COMMENT ON COLUMN voice.call.external_id IS 'the telephony provider''s id of the call';
    COMMENT ON COLUMN voice.call.end_reason IS 'why it ended, in the provider''s words';
    COMMENT ON COLUMN voice.call.language IS 'spoken language, as a BCP 47 tag (en, es-MX)';
    COMMENT ON COLUMN voice.call.meta IS 'whatever else you keep of a call';
    COMMENT ON COLUMN voice.call.deleted_at IS 'set: no read function shows it, its rows stay until it is erased';
END
$$;
COMMENT ON FUNCTION voice._install_call() IS 'creates voice.call if it is missing';
