-- An error if there is no such text search configuration. Whether it looks at one word at a time: the parser and the
-- dictionaries are PostgreSQL's own, none of which but thesaurus looks further; and what it makes of $2.
SELECT NOT EXISTS (
        SELECT 1 FROM pg_catalog.pg_ts_config_map m
        JOIN pg_catalog.pg_ts_dict d ON d.oid = m.mapdict
        JOIN pg_catalog.pg_ts_template t ON t.oid = d.dicttemplate
        WHERE m.mapcfg = c.oid AND NOT (t.tmplnamespace = 'pg_catalog'::regnamespace AND t.tmplname IN ('simple', 'snowball', 'synonym', 'ispell')))
    AND c.cfgparser = (SELECT p.oid FROM pg_catalog.pg_ts_parser p WHERE p.prsnamespace = 'pg_catalog'::regnamespace AND p.prsname = 'default'),
    pg_catalog.tsvector_to_array(pg_catalog.to_tsvector(c.oid::regconfig, $2))
FROM pg_catalog.pg_ts_config c
WHERE c.oid = $1::text::pg_catalog.regconfig
