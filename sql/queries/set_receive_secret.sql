-- Runs as voice_worker, under whatever search path. $4: how long the one before is taken too.
INSERT INTO voice._receive_secret AS s (tenant_id, format, secret) VALUES ($1, $2, $3)
ON CONFLICT (tenant_id, format) DO UPDATE
SET secret = EXCLUDED.secret,
    previous_secret = CASE WHEN $4 OPERATOR(pg_catalog.>) '0'::pg_catalog.interval THEN s.secret END,
    previous_until = pg_catalog.now() OPERATOR(pg_catalog.+) $4
