-- What is said of single tenants; of all others the settings speak.
SELECT l.tenant_id, l.max_concurrency, l.requests_per_minute FROM voice.tenant_limit l
