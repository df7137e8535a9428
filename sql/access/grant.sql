-- Who may do what, in six words instead of fifty grants. What is granted is what voice._access_to_tables() and
-- voice._access_to_functions() say: never TRIGGER or REFERENCES (whoever has them runs code as the worker, or reads
-- through a key), never TRUNCATE (row-level security does not see it), never anything on a partition.

CREATE FUNCTION voice._check_role(role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
        RAISE EXCEPTION 'only superusers decide who may do what'
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = format('The role is %s.', current_user),
                  HINT = 'Ask somebody who may CREATE EXTENSION voice_analytics.';
    ELSIF role IS NULL OR role IN ('', 'public', 'voice_worker') OR EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = role AND r.rolsuper) THEN
        RAISE EXCEPTION 'this role is not one to be given or denied anything'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('The role is %s.', coalesce(quote_literal(role), 'NULL')),
                  HINT = 'Name a role of an application or a person: superusers may do everything, voice_worker owns the tables, '
                         'and what is public is nobody''s secret.';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._check_role(text) IS 'raises the error for a caller or a role that is out of place';

CREATE FUNCTION voice_grant(role text, access text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    item record;
BEGIN
    PERFORM voice._check_role(role);
    IF access IS NULL OR access NOT IN ('reader', 'analyst', 'labeller', 'writer', 'operator', 'admin') THEN
        RAISE EXCEPTION 'there is no such access'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('access is %s.', coalesce(quote_literal(access), 'NULL')),
                  HINT = 'It is reader (transcripts and analytics), analyst (figures and scores), labeller (transcripts and labels, no '
                         'score), writer (ingest), operator (the worker and its queue) or admin (all of these, deletion and erasure).';
    ELSIF NOT EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = role) THEN
        RAISE EXCEPTION 'there is no such role'
            USING ERRCODE = 'undefined_object', DETAIL = format('The role is %L.', role), HINT = format('CREATE ROLE %I LOGIN', role);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA voice TO %I', role);
    IF NOT has_schema_privilege(role, '@extschema@', 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA @extschema@ TO %I', role);
    END IF;
    FOR item IN
        SELECT t.privileges, t.relation, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
        FROM voice._access_to_tables() t
        JOIN pg_class c ON c.oid = to_regclass(format('voice.%I', t.relation))
        WHERE t.access = voice_grant.access OR (voice_grant.access = 'admin' AND t.access <> '')
    LOOP
        EXECUTE format('GRANT %s ON %s voice.%I TO %I', item.privileges, item.kind, item.relation, role);
    END LOOP;
    FOR item IN
        SELECT p.oid::regprocedure::text AS name
        FROM voice._access_to_functions() f
        JOIN pg_proc p ON p.proname = f.function AND p.pronamespace IN ('voice'::regnamespace, '@extschema@'::regnamespace)
        WHERE voice_grant.access = ANY (f.access) OR (voice_grant.access = 'admin' AND f.access <> '{}')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', item.name, role);
    END LOOP;
    RETURN true;
END
$$;
COMMENT ON FUNCTION voice_grant(text, text) IS
    'lets a role be reader, analyst, labeller, writer, operator or admin, beside what it may do already; true, or an error';

CREATE FUNCTION voice_revoke(role text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    item record;
BEGIN
    PERFORM voice._check_role(role);
    -- A role that is gone has no privileges; its pin is left to voice_pin_tenant().
    IF NOT EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = role) THEN
        RETURN false;
    END IF;
    FOR item IN
        SELECT format('%s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass) AS name
        FROM pg_class c WHERE c.relnamespace = 'voice'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
    UNION ALL
        SELECT format('FUNCTION %s', p.oid::regprocedure)
        FROM pg_depend d
        JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'voice_analytics'
        JOIN pg_proc p ON p.oid = d.objid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %I', item.name, role);
    END LOOP;
    EXECUTE format('REVOKE ALL ON SCHEMA voice FROM %I', role);
    RETURN true;
END
$$;
COMMENT ON FUNCTION voice_revoke(text) IS 'takes from a role everything it may do here, partitions included; its pin stays; false: there is no such role';

-- Roles that may become a superuser, or the owner of the tables, read files, or write what they like into voice._pin, are
-- held by no policy. (Until PostgreSQL 15 CREATEROLE makes anybody a member of anything.)
CREATE FUNCTION voice._why_no_pin_holds(role text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT CASE WHEN r.rolname = $1 THEN '' ELSE format('may become %I, ', r.rolname) END || w.why
    FROM pg_roles r
    CROSS JOIN LATERAL (VALUES
        (1, r.rolsuper, 'a superuser'),
        (2, r.rolbypassrls, 'which has BYPASSRLS'),
        (3, r.rolreplication, 'which has REPLICATION'),
        (4, r.rolcreaterole, 'which has CREATEROLE'),
        (5, EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = 'voice'::regnamespace AND c.relowner = r.oid), 'which owns tables of voice'),
        (6, r.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'), 'which reads or writes the server''s files'),
        (7, r.rolname = 'pg_write_all_data', 'which writes every table, the pins too')
    ) w(place, is_so, why)
    WHERE w.is_so AND EXISTS (SELECT 1 FROM pg_roles m WHERE m.rolname = $1 AND (m.oid = r.oid OR (NOT m.rolsuper AND pg_has_role(m.oid, r.oid, 'MEMBER'))))
    ORDER BY r.rolname <> $1, w.place, r.rolname LIMIT 1
$$;
COMMENT ON FUNCTION voice._why_no_pin_holds(text) IS 'what lets this role past row-level security or at the pins; NULL: nothing';

-- From what the catalogs say, not from what was asked for: a GRANT by hand is seen too. (The planner overrates it: compiling
-- took ten seconds, running it takes a tenth of one.)
CREATE FUNCTION voice_access(OUT role text, OUT access text[], OUT beyond text[], OUT tenant_id text, OUT is_there boolean)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
BEGIN
    RETURN QUERY
    WITH relations AS MATERIALIZED (
        SELECT c.oid, c.relname, c.relispartition, c.relacl, c.relowner FROM pg_class c
        WHERE c.relnamespace = 'voice'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
    ), granted AS MATERIALIZED (
        SELECT r.relname::text AS relation, r.relispartition, x.grantee, x.privilege_type AS privilege, NULL::text AS "column"
        FROM relations r CROSS JOIN aclexplode(r.relacl) x WHERE x.grantee <> r.relowner
        UNION ALL
        SELECT r.relname::text, r.relispartition, x.grantee, x.privilege_type, a.attname::text
        FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid CROSS JOIN aclexplode(a.attacl) x WHERE x.grantee <> r.relowner
    ), held AS MATERIALIZED (
        SELECT g.grantee, g.relation, g.privilege, bool_or(g.column IS NULL) AS whole,
               coalesce(array_agg(g.column) FILTER (WHERE g.column IS NOT NULL), '{}') AS columns
        FROM granted g GROUP BY 1, 2, 3
    ), grantees AS (
        SELECT DISTINCT g.grantee FROM granted g
    ), wanted AS MATERIALIZED (
        SELECT w.access, w.relation, w.privilege, w.columns FROM voice._access_columns() w
        WHERE to_regclass(format('voice.%I', w.relation)) IS NOT NULL
    ), levels AS MATERIALIZED (
        SELECT e.grantee, w.access
        FROM grantees e CROSS JOIN wanted w
        LEFT JOIN held h ON h.grantee = e.grantee AND h.relation = w.relation AND h.privilege = w.privilege
        GROUP BY 1, 2
        HAVING bool_and(coalesce(h.whole OR w.columns <@ h.columns, false))
    ), extra AS (
        SELECT g.grantee, g.privilege || ' on ' || g.relation || coalesce(' (' || string_agg(g.column, ', ' ORDER BY g.column) || ')', '') AS what
        FROM granted g
        WHERE NOT EXISTS (
            SELECT 1 FROM levels l JOIN wanted w ON w.access = l.access
            WHERE l.grantee = g.grantee AND w.relation = g.relation AND w.privilege = g.privilege
              AND (w.columns IS NULL OR g.column = ANY (w.columns)))
        GROUP BY g.grantee, g.privilege, g.relation, g.column IS NULL
    ), known AS (
        SELECT CASE e.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(e.grantee)::text END AS name, e.grantee FROM grantees e
    ), pins AS MATERIALIZED (
        -- As src/host/tenant_binding.rs judges: by oid where it was learnt here, else by name.
        SELECT DISTINCT ON (1) coalesce(r.rolname, p.role) AS role, p.tenant_id
        FROM voice._pin p
        LEFT JOIN pg_roles r ON r.oid = p.role_oid AND p.instance = (SELECT i.id FROM voice._instance i)
        ORDER BY 1, r.oid IS NULL
    )
    SELECT coalesce(k.name, p.role),
           coalesce((SELECT array_agg(l.access ORDER BY l.access) FROM levels l
                     WHERE l.grantee = k.grantee
                       -- An admin is the others too, and a reader an analyst.
                       AND (l.access = 'admin' OR NOT EXISTS (SELECT 1 FROM levels h WHERE h.grantee = k.grantee AND h.access = 'admin'))
                       AND (l.access <> 'analyst' OR NOT EXISTS (SELECT 1 FROM levels h WHERE h.grantee = k.grantee AND h.access = 'reader'))),
                    '{}'),
           coalesce((SELECT array_agg(x.what ORDER BY x.what) FROM extra x WHERE x.grantee = k.grantee), '{}')
               || CASE WHEN p.role IS NOT NULL THEN array_remove(ARRAY[voice._why_no_pin_holds(p.role)], NULL) END,
           p.tenant_id,
           k.grantee IS NOT DISTINCT FROM 0 OR EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = coalesce(k.name, p.role))
    FROM known k FULL JOIN pins p ON p.role = k.name
    ORDER BY 1;
END
$$;
COMMENT ON FUNCTION voice_access() IS
    'roles with privileges or a pin here: their access, what they have beyond it (GRANTs by hand, and whatever makes a pin useless), their tenant, and whether the role exists';

-- SECURITY DEFINER: a superuser calls, and whatever somebody attached to the table is not to run as one.
CREATE FUNCTION voice._write_pin(role text, tenant text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    -- From here on a row has the name that its role has now.
    PERFORM voice._sync_role_names();
    IF tenant IS NULL THEN
        DELETE FROM voice._pin p WHERE p.role = _write_pin.role;
    ELSE
        INSERT INTO voice._pin (role, tenant_id, role_oid, instance)
        SELECT r.rolname, tenant, r.oid, i.id FROM pg_roles r, voice._instance i WHERE r.rolname = _write_pin.role
        ON CONFLICT ON CONSTRAINT _pin_pkey
        DO UPDATE SET tenant_id = EXCLUDED.tenant_id, role_oid = EXCLUDED.role_oid, instance = EXCLUDED.instance;
    END IF;
END
$$;
COMMENT ON FUNCTION voice._write_pin(text, text) IS 'does the work of voice_pin_tenant, as voice_worker';

CREATE FUNCTION voice_pin_tenant(role text, tenant text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    escape text;
BEGIN
    PERFORM voice._check_role(role);
    IF tenant IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = role) THEN
        RAISE EXCEPTION 'there is no such role'
            USING ERRCODE = 'undefined_object', DETAIL = format('The role is %L.', role), HINT = format('CREATE ROLE %I LOGIN', role);
    END IF;
    escape := CASE WHEN tenant IS NOT NULL THEN voice._why_no_pin_holds(role) END;
    IF escape IS NOT NULL THEN
        RAISE EXCEPTION 'no pin would hold this role'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = CASE WHEN escape LIKE 'may become %' THEN format('The role %I %s.', role, escape)
                                ELSE format('It is %I, %s.', role, escape) END,
                  HINT = CASE WHEN escape LIKE 'may become %' THEN 'REVOKE that membership' ELSE 'Take that away' END
                         || ', or pin another role, of the tenant''s own.';
    END IF;
    PERFORM voice._write_pin(role, tenant);
    RETURN tenant IS NOT NULL;
END
$$;
COMMENT ON FUNCTION voice_pin_tenant(text, text) IS
    'a role that logs in sees this tenant only, whatever it sets; tenant NULL: no pin any more; returns whether it is pinned now';
