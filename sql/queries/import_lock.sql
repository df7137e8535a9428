-- Two arrivals of one external id of one tenant, also from two clients at once, must find one call: the second waits.
-- voice._lock_external_id (voice_start_call) locks the same.
-- Runs as whoever imports, under whatever search path: schemas are named, of operators too.
SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, pg_catalog.hashtextextended($2, 0)))
