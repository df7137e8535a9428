SELECT setting
FROM pg_catalog.pg_db_role_setting s
JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
CROSS JOIN pg_catalog.unnest(s.setconfig) setting
WHERE d.datname = pg_catalog.current_database() AND s.setrole = 0 AND setting LIKE E'voice\\_analytics.%'
ORDER BY 1
