-- An analysis as a view with a typed column a property, for BI tools. What an older version stored in another type is NULL there, so
-- that no row can break the view.

-- Taken apart by the planner, so its operators and functions name their schema.
CREATE FUNCTION voice._date(value text) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN $1 OPERATOR(pg_catalog.~) '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' AND pg_catalog."left"($1, 4) OPERATOR(pg_catalog.<>) '0000'
        THEN CASE WHEN pg_catalog."right"($1, 2)::pg_catalog.int4 OPERATOR(pg_catalog.<=) pg_catalog.date_part('day',
                (pg_catalog."left"($1, 7) OPERATOR(pg_catalog.||) '-01')::pg_catalog.date OPERATOR(pg_catalog.+) interval '1 month - 1 day')
             THEN $1::pg_catalog.date END END
$$;
COMMENT ON FUNCTION voice._date(text) IS 'a date as ISO 8601 writes it; NULL: it is none';

-- at: the expression of the JSON value. A property that may be null has its types in an array or in anyOf.
CREATE FUNCTION voice._typed_column(property jsonb, at text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    inner_property CONSTANT jsonb := coalesce((SELECT o FROM jsonb_array_elements(property->'anyOf') o WHERE o->>'type' <> 'null' LIMIT 1), property);
    kind CONSTANT text := CASE jsonb_typeof(inner_property->'type')
        WHEN 'array' THEN (SELECT t FROM jsonb_array_elements_text(inner_property->'type') t WHERE t <> 'null' LIMIT 1)
        ELSE coalesce(inner_property->>'type', 'string') END;
    item jsonb;
BEGIN
    RETURN CASE kind
        WHEN 'number' THEN format('CASE jsonb_typeof(%1$s) WHEN ''number'' THEN (%1$s)::numeric END', at)
        -- Beyond bigint it is no figure of a call.
        WHEN 'integer' THEN format('CASE WHEN jsonb_typeof(%1$s) = ''number'' AND (%1$s)::numeric BETWEEN -9000000000000000000 AND 9000000000000000000 THEN (%1$s)::numeric::bigint END', at)
        WHEN 'boolean' THEN format('CASE jsonb_typeof(%1$s) WHEN ''boolean'' THEN (%1$s)::boolean END', at)
        WHEN 'string' THEN CASE inner_property->>'format' WHEN 'date' THEN format('voice._date(%s #>> ''{}'')', at)
            ELSE format('CASE jsonb_typeof(%1$s) WHEN ''string'' THEN %1$s #>> ''{}'' END', at) END
        WHEN 'array' THEN CASE WHEN coalesce(inner_property->'items'->>'type', 'string') = 'object' THEN format('(%s)', at)
            ELSE format('CASE jsonb_typeof(%1$s) WHEN ''array'' THEN ARRAY(SELECT jsonb_array_elements_text(%1$s)) END', at) END
        ELSE format('(%s)', at) END;
END
$$;
COMMENT ON FUNCTION voice._typed_column(jsonb, text) IS 'the expression of a view''s column for a property of a schema: number, bigint, boolean, date, text, text[] or jsonb';

CREATE FUNCTION voice._create_view(name text, schema text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    view_name CONSTANT text := 'analysis_' || name;
    mark CONSTANT text := 'results of an analysis of voice_analytics, by voice_create_view()';
    definition record;
    property record;
    columns text[] := '{call_id,agent_id,vertical,started_at,version,score,success}';
    expressions text[] := '{r.call_id,r.agent_id,r.vertical,r.started_at,r.version,r.score,r.success}';
    column_name text;
    there record;
    reader text;
    readers text[];
    body text;
BEGIN
    PERFORM voice._no_such_analysis(name);
    IF current_setting('server_version_num')::int < 150000 THEN
        RAISE EXCEPTION 'views of an analysis need PostgreSQL 15'
            USING ERRCODE = 'feature_not_supported',
                  DETAIL = 'Before, a view shows what its owner may see, whoever asks: every tenant''s rows.',
                  HINT = format('SELECT "values"->>''…'' FROM voice_results(%L)', name);
    ELSIF NOT has_column_privilege('voice.result', 'values', 'SELECT') THEN
        RAISE EXCEPTION 'permission denied for values of voice.result'
            USING ERRCODE = 'insufficient_privilege', DETAIL = format('The role is %s.', current_user),
                  HINT = 'SELECT voice_grant(…, ''reader'')';
    ELSIF schema IS NULL OR octet_length(view_name) > 63 THEN
        RAISE EXCEPTION 'the view has no place or no name'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = CASE WHEN schema IS NULL THEN 'The first schema of the search path does not exist, or there is none.'
                                ELSE format('%s has %s bytes, and a name has at most 63.', view_name, octet_length(view_name)) END,
                  HINT = CASE WHEN schema IS NULL THEN 'SET search_path = public' ELSE 'Define the analysis under a shorter name.' END;
    END IF;
    SELECT a.schema INTO definition FROM voice.analysis a
    WHERE a.tenant_id = voice._tenant() AND a.name = _create_view.name ORDER BY a.retired_at IS NOT NULL, a.version DESC LIMIT 1;
    FOR property IN
        SELECT p.key AS path, p.value AS property, format('(r."values"->%L)', p.key) AS at
        FROM jsonb_each(definition.schema->'properties') p WHERE coalesce(p.value->>'type', '') <> 'object' AND NOT p.value ? 'properties'
        UNION ALL
        SELECT p.key || '_' || n.key, n.value, format('(r."values"->%L->%L)', p.key, n.key)
        FROM jsonb_each(definition.schema->'properties') p CROSS JOIN LATERAL jsonb_each(p.value->'properties') n WHERE p.value ? 'properties'
    LOOP
        -- A column of the view itself keeps its name.
        column_name := CASE WHEN property.path = ANY (columns) THEN property.path || '_value' ELSE property.path END;
        IF octet_length(column_name) > 63 OR column_name = ANY (columns) THEN
            RAISE EXCEPTION 'the view cannot have a column for each property'
                USING ERRCODE = 'invalid_parameter_value',
                      DETAIL = format('"%s" is too long for a column, or is one of two of that name.', column_name),
                      HINT = format('Rename the property, or SELECT "values" FROM voice_results(%L).', name);
        END IF;
        columns := columns || column_name;
        expressions := expressions || voice._typed_column(property.property, property.at);
    END LOOP;
    SELECT string_agg(format('%s AS %I', e, c), ', ' ORDER BY n) INTO body FROM unnest(expressions, columns) WITH ORDINALITY x(e, c, n);
    body := format('VIEW %I.%I WITH (security_invoker = true) AS SELECT %s FROM voice.result r WHERE r.analysis = %L AND r.deleted_at IS NULL '
                   'AND r.version = (SELECT max(n.version) FROM voice.result n WHERE n.call_id = r.call_id AND n.analysis = r.analysis)',
                   schema, view_name, body, name);
    SELECT c.oid::regclass AS relation, obj_description(c.oid, 'pg_class') IS NOT DISTINCT FROM mark AND c.relkind = 'v' AS is_ours INTO there
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = schema AND c.relname = view_name;
    IF there.relation IS NOT NULL AND NOT there.is_ours THEN
        RAISE EXCEPTION 'something else has the name of the view'
            USING ERRCODE = 'duplicate_table', DETAIL = format('%s is not made by voice_create_view().', there.relation),
                  HINT = 'Rename it, or SET search_path to a schema of its own before.';
    END IF;
    BEGIN
        EXECUTE 'CREATE OR REPLACE ' || body;
    EXCEPTION WHEN invalid_table_definition THEN
        -- Columns left, or have another type. Views that others made of it are not dropped: the error names them.
        SELECT array_agg(DISTINCT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END) INTO readers
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) x
        WHERE c.oid = there.relation AND x.privilege_type = 'SELECT' AND x.grantee <> c.relowner;
        EXECUTE format('DROP VIEW %I.%I', schema, view_name);
        EXECUTE 'CREATE ' || body;
        FOREACH reader IN ARRAY coalesce(readers, '{}') LOOP
            EXECUTE format('GRANT SELECT ON %I.%I TO %s', schema, view_name, reader);
        END LOOP;
    END;
    EXECUTE format('COMMENT ON VIEW %I.%I IS %L', schema, view_name, mark);
    RETURN format('%I.%I', schema, view_name);
END
$$;
COMMENT ON FUNCTION voice._create_view(text, text) IS 'does the work of voice_create_view';

CREATE FUNCTION voice_create_view(name text) RETURNS text
LANGUAGE sql VOLATILE
AS $$ SELECT voice._create_view($1, pg_catalog.current_schema()::pg_catalog.text) $$;
COMMENT ON FUNCTION voice_create_view(text) IS
    'makes a view analysis_<name> in the first schema of the search path, or anew after the definition changed: a row a call that was judged, with a typed column a property; whoever reads it sees what he may; returns its name';
