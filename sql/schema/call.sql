-- A call is in progress or it has an end, never both (voice._complete_call, voice._call_written); its id is a UUIDv7 of its start and chooses its month.

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
        duration_ms int,
        status text NOT NULL DEFAULT 'in_progress',
        direction text NOT NULL DEFAULT 'inbound',
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        agent_id text NOT NULL,
        from_number text,
        to_number text,
        external_id text,
        end_reason text,
        language text,
        recording_url text,
        meta jsonb,
        cost numeric,
        cost_currency text,
        PRIMARY KEY (id),
        -- What the partitions of the other partitioned tables reference: one probe that keeps tenants apart too.
        UNIQUE (id, tenant_id),
        FOREIGN KEY (agent_id, tenant_id) REFERENCES voice.agent (id, tenant_id)
    ) PARTITION BY RANGE (id);
    -- No index says status or ended_at: so the end of a call is a HOT update.
    CREATE INDEX call_agent_id_started_at_idx ON voice.call (agent_id, started_at);
    -- A caller has few calls in a month: equal entries share their key, and sorting them is nothing.
    CREATE INDEX call_from_number_idx ON voice.call (from_number);
    CREATE INDEX call_external_id_idx ON voice.call (external_id) WHERE external_id IS NOT NULL;
    PERFORM voice._make_private('voice.call');
    PERFORM voice._enable_tenant_rls('voice.call');

    CREATE TRIGGER complete BEFORE INSERT OR UPDATE ON voice.call FOR EACH ROW EXECUTE FUNCTION voice._complete_call();
    CREATE TRIGGER written AFTER INSERT OR UPDATE ON voice.call FOR EACH ROW EXECUTE FUNCTION voice._call_written();
    CREATE TRIGGER copy_to_analytics AFTER UPDATE OF agent_id, started_at, deleted_at, from_number, to_number, direction, external_id ON voice.call
        FOR EACH ROW
        WHEN (NEW.agent_id <> OLD.agent_id OR NEW.started_at <> OLD.started_at
              OR NEW.from_number IS DISTINCT FROM OLD.from_number OR NEW.deleted_at IS DISTINCT FROM OLD.deleted_at
              OR NEW.to_number IS DISTINCT FROM OLD.to_number OR NEW.direction <> OLD.direction
              OR NEW.external_id IS DISTINCT FROM OLD.external_id)
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
    COMMENT ON COLUMN voice.call.cost IS 'what the provider charged for the call, in cost_currency';
    COMMENT ON COLUMN voice.call.cost_currency IS 'as ISO 4217 writes it: USD';
    COMMENT ON COLUMN voice.call.deleted_at IS 'set: no read function shows it, its rows stay until it is erased';
END
$$;
COMMENT ON FUNCTION voice._install_call() IS 'creates voice.call if it is missing';
