-- What we create belongs to voice_worker and to nobody else, whatever default privileges the database has.

-- ANALYZE copies values into pg_statistic, where they would outlive an erasure. Nobody asks for rows by these columns, but
-- by numbers, of which each has few calls: the planner's guess without statistics is of the same kind.
CREATE FUNCTION voice._keep_words_out_of_statistics(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    col name;
BEGIN
    FOR col IN
        SELECT a.attname FROM pg_attribute a
        WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attname IN ('text', 'speaker', 'audio_url', 'from_number', 'to_number', 'contact_number', 'meta', 'recording_url', 'args', 'result', 'error_text',
                            'entities', 'summary', 'next_action', 'error', 'last_error',
                            'values', 'criteria', 'evidence', 'before', 'after', 'comment')
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', relation, col);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._keep_words_out_of_statistics(regclass) IS 'keeps what was said, and numbers, out of pg_statistic';

CREATE FUNCTION voice._make_private(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    kind text;
    grantee text;
BEGIN
    SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END INTO kind FROM pg_class WHERE oid = relation;
    EXECUTE format('ALTER %s %s OWNER TO voice_worker', kind, relation);
    IF kind = 'TABLE' THEN
        PERFORM voice._keep_words_out_of_statistics(relation);
    END IF;
    FOR grantee IN
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
        WHERE c.oid = relation AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %s', kind, relation, grantee);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._make_private(regclass) IS 'gives a relation to voice_worker and takes it from everybody else';

-- A session sees and writes the rows of its tenant; the policy's text is the index condition of every query.
CREATE FUNCTION voice._enable_tenant_rls(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY tenant ON %s USING (tenant_id = voice._tenant()) WITH CHECK (tenant_id = voice._tenant())',
                   relation);
END
$$;
COMMENT ON FUNCTION voice._enable_tenant_rls(regclass) IS 'row-level security by the session''s tenant';
