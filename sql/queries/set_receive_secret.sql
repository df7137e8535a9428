-- Runs as voice_worker, under whatever search path.
INSERT INTO voice._receive_secret AS s (tenant_id, format, secret) VALUES ($1, $2, $3)
ON CONFLICT (tenant_id, format) DO UPDATE SET secret = EXCLUDED.secret
