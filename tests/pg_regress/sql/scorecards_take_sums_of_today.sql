-- Where a tenant has many results of a day that is not over, a scorecard takes their sums, which are five minutes old at most;
-- where it has few, it reads the results.
BEGIN;
SET LOCAL timezone = 'UTC';
INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon'), ('b', 'dental');
INSERT INTO voice.agent (id, vertical, tenant_id) VALUES ('few', 'salon', 'few');
INSERT INTO voice.analysis (name, version, schema) VALUES ('care', 1, '{"type": "object", "properties": {}}'), ('care', 2, '{"type": "object", "properties": {}}');
INSERT INTO voice.analysis (name, version, schema, tenant_id) VALUES ('care', 1, '{"type": "object", "properties": {}}', 'few');
CREATE FUNCTION pg_temp.judge(calls int, agent text, tenant text, versions int) RETURNS void LANGUAGE sql AS $$
    WITH ids AS MATERIALIZED (
        SELECT n, voice_uuidv7() AS id FROM generate_series(1, calls) n
    ), c AS (
        INSERT INTO voice.call (id, agent_id, tenant_id) SELECT id, agent, tenant FROM ids RETURNING id, started_at
    )
    INSERT INTO voice.result (call_id, started_at, tenant_id, agent_id, vertical, analysis, version, model, prompt_version, criteria, score, success)
    SELECT c.id, c.started_at, tenant, agent, 'salon', 'care', v, 'test', 'p',
           jsonb_build_object('greeted', jsonb_build_object('verdict', CASE WHEN i.n % 4 = 0 THEN 'fail' ELSE 'pass' END, 'points', NULL, 'max', 1, 'weight', 1),
                              'rude', '{"verdict": "fail", "points": null, "max": 1, "weight": 1}'::jsonb,
                              'upsold', '{"verdict": "not_applicable", "points": null, "max": 1, "weight": 1}'::jsonb),
           i.n % 101, CASE WHEN i.n % 4 = 0 THEN 'fail' ELSE 'pass' END
    FROM c JOIN ids i ON i.id = c.id CROSS JOIN generate_series(1, versions) v
$$;
-- 400 calls were judged twice, and count for the newest version.
SELECT pg_temp.judge(400, 'a', '', 2), pg_temp.judge(200, 'b', '', 1), pg_temp.judge(3, 'few', 'few', 1);
CREATE FUNCTION pg_temp.cards() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT c::text FROM unnest('{agent,vertical,day}'::text[]) b CROSS JOIN LATERAL voice_scorecard(by => b) c
$$;
CREATE TEMP TABLE read_from_results AS SELECT pg_temp.cards() AS card;
SELECT count(*) FROM voice.daily_result;
SELECT voice._roll_up_open_days();
SELECT tenant_id, agent_id, version, calls, passed, failed, criteria FROM voice.daily_result ORDER BY 1, 2;
-- The same, taken from the sums.
SELECT card FROM read_from_results EXCEPT SELECT pg_temp.cards();
SELECT group_key, version, calls, passed, failed, round(avg_score::numeric, 3) AS avg_score, criteria FROM voice_scorecard();
-- What came later is in the next sums,
SELECT pg_temp.judge(1, 'a', '', 2);
SELECT sum(calls) FROM voice_scorecard();
-- and sums that are too old are not taken.
UPDATE voice.daily_result SET computed_at = now() - interval '6 minutes';
SELECT sum(calls) FROM voice_scorecard();
SELECT voice._roll_up_open_days();
SELECT sum(calls), count(*) FROM voice.daily_result;
SELECT sum(calls) FROM voice_scorecard();
SET LOCAL voice_analytics.tenant = 'few';
SELECT group_key, calls, passed FROM voice_scorecard();
ROLLBACK;
