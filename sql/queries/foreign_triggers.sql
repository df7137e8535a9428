-- Each once: a trigger of a partitioned table stands on its partitions too.
SELECT pg_catalog.string_agg(pg_catalog.format('%s on %s', pg_catalog.quote_ident(t.tgname), t.tgrelid::pg_catalog.regclass), ', '
                             ORDER BY t.tgname)
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
WHERE c.relnamespace = 'voice'::pg_catalog.regnamespace AND NOT t.tgisinternal AND t.tgparentid = 0
  AND p.pronamespace <> 'voice'::pg_catalog.regnamespace
