-- $1: an array of rows of the table, in the order of its key, without a day: it is today.
INSERT INTO voice.daily_usage AS u (tenant_id, day, agent_id, model, analysis, requests, unmetered, prompt_tokens, cached_tokens, completion_tokens)
SELECT w.tenant_id, (pg_catalog.now() AT TIME ZONE voice._zone())::pg_catalog.date, w.agent_id, w.model, w.analysis, w.requests, w.unmetered,
    w.prompt_tokens, w.cached_tokens, w.completion_tokens
FROM pg_catalog.unnest($1) w
ON CONFLICT (tenant_id, day, agent_id, model, analysis) DO UPDATE SET
    requests = u.requests + EXCLUDED.requests, unmetered = u.unmetered + EXCLUDED.unmetered,
    prompt_tokens = u.prompt_tokens + EXCLUDED.prompt_tokens, cached_tokens = u.cached_tokens + EXCLUDED.cached_tokens,
    completion_tokens = u.completion_tokens + EXCLUDED.completion_tokens
