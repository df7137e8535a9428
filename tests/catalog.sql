-- Everything that the extension and its tables are made of, as text without oids, one object a row: what two databases
-- of one version must have alike, however each came to it. Rows: kind, name, definition.
WITH space AS (
    SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'voice'
), member AS (
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
    WHERE e.extname = 'voice_analytics' AND d.deptype = 'e'
), relation AS (
    SELECT c.* FROM pg_class c WHERE c.relnamespace IN (SELECT oid FROM space)
), privilege AS (
    -- A grant a line, in an order of their own.
    SELECT c.oid, string_agg(concat_ws(' ', g.grantor::regrole::text, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
                                       g.privilege_type, g.is_grantable), E'\n' ORDER BY g.grantee::regrole::text, g.privilege_type) AS text
    FROM relation c, aclexplode(c.relacl) g GROUP BY c.oid
)
SELECT kind, name, definition FROM (
    SELECT 'extension' AS kind, e.extname::text AS name,
           concat_ws('|', e.extversion, e.extnamespace::regnamespace, e.extrelocatable, e.extconfig, e.extcondition, e.extowner::regrole) AS definition
    FROM pg_extension e WHERE e.extname = 'voice_analytics'
    UNION ALL
    SELECT 'member', (pg_identify_object(m.classid, m.objid, 0)).type, (pg_identify_object(m.classid, m.objid, 0)).identity FROM member m
    UNION ALL
    SELECT 'schema', n.nspname::text, concat_ws('|', n.nspowner::regrole, n.nspacl::text, obj_description(n.oid, 'pg_namespace'))
    FROM pg_namespace n WHERE n.oid IN (SELECT oid FROM space)
    UNION ALL
    SELECT 'relation', c.relname::text,
           concat_ws('|', c.relkind, c.relpersistence, c.relowner::regrole, c.reloptions, c.relrowsecurity, c.relforcerowsecurity,
                     c.relreplident, c.relispartition, pg_get_expr(c.relpartbound, c.oid), pg_get_partkeydef(c.oid),
                     am.amname, c.relhastriggers, obj_description(c.oid, 'pg_class'),
                     CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END, p.text)
    FROM relation c LEFT JOIN pg_am am ON am.oid = c.relam LEFT JOIN privilege p ON p.oid = c.oid
    UNION ALL
    SELECT 'parent', c.relname::text, i.inhparent::regclass::text || ' ' || i.inhseqno FROM pg_inherits i JOIN relation c ON c.oid = i.inhrelid
    UNION ALL
    SELECT 'column', c.relname || '.' || a.attnum,
           concat_ws('|', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attisdropped,
                     a.attstorage, a.attcompression, nullif(coalesce(a.attstattarget, -1), -1), a.attislocal, a.attinhcount,
                     a.attcollation::regcollation, a.attacl,
                     -- 15.20 writes a number of its own there when a column is made.
                     (SELECT array_agg(o) FROM unnest(a.attoptions) o WHERE o !~ '^pg_attver='), pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
    FROM pg_attribute a JOIN relation c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0
    UNION ALL
    SELECT 'constraint', k.conrelid::regclass || '.' || k.conname,
           concat_ws('|', k.contype, pg_get_constraintdef(k.oid), k.convalidated, k.condeferrable, k.conislocal, k.coninhcount, k.connoinherit,
                     obj_description(k.oid, 'pg_constraint'))
    FROM pg_constraint k WHERE k.connamespace IN (SELECT oid FROM space)
    UNION ALL
    SELECT 'index', i.indexrelid::regclass::text, concat_ws('|', pg_get_indexdef(i.indexrelid), i.indisunique, i.indisprimary, i.indisvalid, i.indisclustered, i.indisreplident)
    FROM pg_index i WHERE i.indexrelid IN (SELECT oid FROM relation)
    UNION ALL
    SELECT 'trigger', t.tgrelid::regclass || '.' || regexp_replace(t.tgname, '_\d+$', ''),
           concat_ws('|', CASE WHEN t.tgisinternal THEN t.tgfoid::regprocedure::text ELSE pg_get_triggerdef(t.oid) END, t.tgenabled, t.tgtype, obj_description(t.oid, 'pg_trigger'))
    FROM pg_trigger t JOIN relation c ON c.oid = t.tgrelid
    UNION ALL
    SELECT 'policy', p.polrelid::regclass || '.' || p.polname,
           concat_ws('|', p.polcmd, p.polpermissive, p.polroles::regrole[], pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM pg_policy p JOIN relation c ON c.oid = p.polrelid
    UNION ALL
    SELECT 'statistics', s.stxname::text, pg_get_statisticsobjdef(s.oid) FROM pg_statistic_ext s WHERE s.stxnamespace IN (SELECT oid FROM space)
    UNION ALL
    SELECT 'type', t.typname::text, concat_ws('|', t.typtype, t.typowner::regrole, t.typacl, obj_description(t.oid, 'pg_type'))
    FROM pg_type t WHERE t.typnamespace IN (SELECT oid FROM space)
    UNION ALL
    SELECT 'sequence', s.seqrelid::regclass::text, concat_ws('|', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle)
    FROM pg_sequence s JOIN relation c ON c.oid = s.seqrelid
    UNION ALL
    SELECT 'owned', c.relname::text, d.refobjid::regclass || '.' || d.refobjsubid || ' ' || d.deptype::text
    FROM pg_depend d JOIN relation c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
    WHERE c.relkind = 'S' AND d.refclassid = 'pg_class'::regclass
    UNION ALL
    SELECT 'function', p.oid::regprocedure::text,
           concat_ws('|', pg_get_functiondef(p.oid), p.proowner::regrole, obj_description(p.oid, 'pg_proc'),
                     (SELECT string_agg(concat_ws(' ', CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END, g.privilege_type, g.is_grantable), E'\n'
                                        ORDER BY CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END COLLATE "C")
                      FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g))
    FROM pg_proc p
    WHERE p.prokind <> 'a' AND (p.pronamespace IN (SELECT oid FROM space) OR p.oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass))
) everything
ORDER BY kind COLLATE "C", name COLLATE "C", definition COLLATE "C"
