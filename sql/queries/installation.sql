-- The extension's version here, the schema of its functions (quoted) and the role that owns its tables.
SELECT e.extversion, pg_catalog.quote_ident(n.nspname), r.oid
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
LEFT JOIN pg_catalog.pg_roles r ON r.rolname = 'voice_worker'
WHERE e.extname = 'voice_analytics'
