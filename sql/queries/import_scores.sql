SELECT voice._import_scores($1::pg_catalog.jsonb)
