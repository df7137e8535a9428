SELECT $1::text::pg_catalog.regconfig
