-- The role that Grafana's data source logs in as. As superuser, after CREATE ROLE grafana LOGIN; again after an update.
-- Whoever may see a dashboard may send any SQL through its data source: so this role reads figures and no word.
SELECT voice_grant('grafana', 'analyst');
-- Beside the analyst's: what the worker does, of all tenants.
GRANT SELECT ON voice.metrics, voice.metrics_by_model TO grafana;
GRANT EXECUTE ON FUNCTION voice._metrics(), voice._worker_status() TO grafana;
-- When calls ended, and what became of the attempts to analyse them: no number, no words, no error's text.
GRANT SELECT (id, started_at, ended_at, deleted_at, duration_ms, status, tenant_id, agent_id) ON voice.call TO grafana;
GRANT SELECT (call_id, id, created_at, http_status, prompt_tokens, completion_tokens, latency_ms, attempt, tenant_id, kind, outcome, model, mended)
    ON voice.attempt TO grafana;
