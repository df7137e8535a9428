-- What voice_backfill() has queued. Jobs leave the queue when they are done: how many there were is remembered here.

CREATE FUNCTION voice._install_backfill() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.backfill') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.backfill (
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        finished_at timestamptz,
        queued bigint NOT NULL CONSTRAINT backfill_queued_positive CHECK (queued > 0),
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        name text,
        vertical text,
        PRIMARY KEY (tenant_id, started_at)
    );
    PERFORM voice._make_private('voice.backfill');
    PERFORM voice._enable_tenant_rls('voice.backfill');
    COMMENT ON TABLE voice.backfill IS 'backfills: voice_backfill(); voice_progress() says how far they are';
    COMMENT ON COLUMN voice.backfill.started_at IS 'when it was queued';
    COMMENT ON COLUMN voice.backfill.finished_at IS 'when the next backfill found its calls done; NULL: it goes on, or none came after it';
    COMMENT ON COLUMN voice.backfill.queued IS 'how many calls';
    COMMENT ON COLUMN voice.backfill.name IS 'of this analysis; NULL: of all that is not current';
    COMMENT ON COLUMN voice.backfill.vertical IS 'of agents of this vertical; NULL: of all';
END
$$;
COMMENT ON FUNCTION voice._install_backfill() IS 'creates voice.backfill if it is missing';
