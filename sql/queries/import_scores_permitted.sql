-- Those to whom voice_grant() gave voice_import_scores() have this too; it stands in a schema that is known.
SELECT pg_catalog.has_function_privilege('voice._import_scores(pg_catalog.jsonb)', 'EXECUTE')
