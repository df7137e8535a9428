-- A trend's buckets are those of date_trunc() in the time zone of the setting, where clocks change too, for calls of the
-- past and of the future; whoever asks since ever asks for all.
BEGIN;
LOCK TABLE voice.call IN ACCESS SHARE MODE; -- so the months are made by this transaction
SELECT count(*) > 0 AS months FROM voice_create_partitions(since => now() - interval '3 years');
INSERT INTO voice.agent (id) VALUES ('a'), ('b');
INSERT INTO voice.call (id, agent_id, started_at, ended_at)
SELECT voice_uuidv7(at), CASE WHEN n % 3 = 0 THEN 'a' ELSE 'b' END, at, at + interval '1 minute'
FROM (SELECT n, now() - n * n * interval '25 minutes' + interval '40 hours' AS at FROM generate_series(1, 240) n
      -- Clocks of Lord Howe went back by half an hour at 15:00.
      UNION ALL SELECT n, '2026-04-04 13:45:00+00'::timestamptz + n * interval '15 minutes' FROM generate_series(1, 8) n) s;
INSERT INTO voice.analytics (call_id, agent_id, started_at, vertical, sentiment, lead_score, intent, model, prompt_version, summary, next_action)
SELECT id, agent_id, started_at, 'general', 0.5, 50, 'info', 'test', '1', '', '' FROM voice.call;
CREATE FUNCTION pg_temp.differences(since timestamptz, agent text, bucket text) RETURNS bigint LANGUAGE sql AS $$
    WITH truth AS (
        SELECT date_trunc($3, started_at, current_setting('voice_analytics.timezone')), agent_id, count(*)
        FROM voice.analytics WHERE started_at >= $1 AND ($2 IS NULL OR agent_id = $2) GROUP BY 1, 2
    ), trend AS (SELECT t.bucket, t.agent_id, t.calls FROM voice_sentiment_trend($1, $2, $3) t)
    SELECT count(*) FROM ((TABLE truth EXCEPT TABLE trend) UNION ALL (TABLE trend EXCEPT TABLE truth)) d
$$;
CREATE FUNCTION pg_temp.all_differences() RETURNS TABLE (zone text, differences numeric) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH zone IN ARRAY '{UTC,America/New_York,Australia/Lord_Howe,Asia/Kathmandu,Pacific/Apia}'::text[] LOOP
        PERFORM set_config('voice_analytics.timezone', zone, true);
        SELECT sum(pg_temp.differences(since, agent, bucket)) INTO differences
        FROM unnest(ARRAY[now() - interval '7 days', now() - interval '400 days', '-infinity', now() + interval '1 day', 'infinity']) since,
             unnest(ARRAY[NULL, 'a']) agent, unnest(ARRAY['hour', 'day', 'week', 'month']) bucket;
        RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM pg_temp.all_differences();
SELECT agent_id, sum(calls) AS calls, avg(avg_sentiment) AS sentiment, avg(avg_lead_score) AS lead_score
FROM voice_sentiment_trend('-infinity', bucket => 'month') GROUP BY 1 ORDER BY 1;
ROLLBACK;
