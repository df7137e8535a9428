-- $1: an array of rows of the table, of calls in progress that this transaction has locked. Tokens are those of all looks.
INSERT INTO voice.live AS l (call_id, tenant_id, asked_at, computed_at, alerted_at, sentiment, lead_score, intent, criteria, summary,
    turn, whole_lines, low_looks, alerts, redacted, seen, model, prompt_tokens, completion_tokens, looks)
SELECT w.call_id, w.tenant_id, w.asked_at, pg_catalog.clock_timestamp(), w.alerted_at, w.sentiment, w.lead_score, w.intent, w.criteria,
    w.summary, w.turn, w.whole_lines, w.low_looks, w.alerts, w.redacted, w.seen, w.model, w.prompt_tokens, w.completion_tokens, 1
FROM pg_catalog.unnest($1) w
ON CONFLICT (call_id) DO UPDATE SET
    asked_at = EXCLUDED.asked_at, computed_at = EXCLUDED.computed_at, alerted_at = coalesce(EXCLUDED.alerted_at, l.alerted_at),
    sentiment = EXCLUDED.sentiment, lead_score = EXCLUDED.lead_score, intent = EXCLUDED.intent, criteria = EXCLUDED.criteria,
    summary = EXCLUDED.summary, turn = EXCLUDED.turn, whole_lines = EXCLUDED.whole_lines, low_looks = EXCLUDED.low_looks,
    alerts = EXCLUDED.alerts, redacted = EXCLUDED.redacted, seen = EXCLUDED.seen, model = EXCLUDED.model,
    prompt_tokens = coalesce(l.prompt_tokens + EXCLUDED.prompt_tokens, EXCLUDED.prompt_tokens, l.prompt_tokens),
    completion_tokens = coalesce(l.completion_tokens + EXCLUDED.completion_tokens, EXCLUDED.completion_tokens, l.completion_tokens),
    looks = l.looks + 1
