-- A call's words for full-text search, one row a call, written by the worker: turns pay nothing for it at ingest.

CREATE FUNCTION voice._install_search_document() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.search_document') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.search_document (
        call_id uuid NOT NULL,
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        document tsvector NOT NULL,
        PRIMARY KEY (call_id)
    ) PARTITION BY RANGE (call_id);
    CREATE INDEX search_document_document_idx ON voice.search_document USING gin (document);
    -- The newest calls of one tenant among many, where a word is common.
    CREATE INDEX search_document_newest_idx ON voice.search_document (tenant_id, call_id);
    PERFORM voice._make_private('voice.search_document');
    PERFORM voice._enable_tenant_rls('voice.search_document');
    COMMENT ON TABLE voice.search_document IS 'the words of a call, as voice_search() finds them';
    COMMENT ON COLUMN voice.search_document.document IS 'made with the setting voice_analytics.search_config';
END
$$;
COMMENT ON FUNCTION voice._install_search_document() IS 'creates voice.search_document if it is missing';
