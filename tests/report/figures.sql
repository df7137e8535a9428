-- Ten figures of the page, from the calls themselves: what stands above the number, and the number. As JSON: [[label, text], …].
WITH c AS (
    SELECT c.*, a.sentiment, a.lead_score, a.intent, r.success FROM voice.call c JOIN voice.analytics a ON a.call_id = c.id JOIN voice.result r ON r.call_id = c.id
    WHERE c.tenant_id = 'red' AND c.started_at >= date_trunc('day', (now() - interval '7 days') AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
), days AS (
    SELECT DISTINCT (started_at AT TIME ZONE 'UTC')::date AS day FROM c
)
SELECT jsonb_build_array(
    jsonb_build_array('Calls', (SELECT to_char(count(*), 'FM999,999') FROM c)),
    jsonb_build_array('Minutes', (SELECT to_char(round(sum(duration_ms) / 60000.0), 'FM999,999') FROM c)),
    jsonb_build_array('Success rate', (SELECT round(100.0 * count(*) FILTER (WHERE success = 'pass') / count(*)) || ' %' FROM c)),
    jsonb_build_array('Sentiment', (SELECT replace(to_char(round(avg(sentiment)::numeric, 2), 'SG0.00'), '-', '−') FROM c)),
    jsonb_build_array('Lead score', (SELECT round(avg(lead_score))::text FROM c)),
    jsonb_build_array('Hot leads', (SELECT count(*)::text FROM c WHERE lead_score >= 80 AND intent = 'sales')),
    jsonb_build_array('transferred', (SELECT count(*)::text FROM c WHERE status = 'transferred')),
    jsonb_build_array('caller hung up', (SELECT count(*)::text FROM c WHERE end_reason = 'caller_hung_up')),
    jsonb_build_array('sales', (SELECT count(*)::text FROM c WHERE intent = 'sales')),
    jsonb_build_array('What it cost Calls', (SELECT to_char(sum(cost), 'FM999,990.00') || ' USD' FROM c WHERE cost_currency = 'USD')),
    -- A million prompt tokens of gpt-4o-mini are 0.15 USD, a thousand of its completion 0.0006.
    jsonb_build_array('Analyses', (SELECT to_char(sum(d.prompt_tokens) * 0.00000015 + sum(d.completion_tokens) * 0.0000006, 'FM999,990.00') || ' USD'
                                   FROM voice.daily_usage d WHERE d.tenant_id = 'red' AND d.day >= (now() AT TIME ZONE 'UTC')::date - 7)),
    jsonb_build_array('backfill care', (SELECT 40 - count(*) || ' 40' FROM voice.job WHERE kind = 'analyze' AND priority >= 10)))
