-- What calls were judged to be: the newest version of each, the newest calls first, why, and how often.
\set SHOW_CONTEXT never
BEGIN;
SET LOCAL timezone = 'UTC';
INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon'), ('b', 'dental');
INSERT INTO voice.analysis (name, version, schema, criteria) VALUES
    ('booking', 1, '{"type": "object", "properties": {"service": {"type": "string"}}}', '[{"name": "greeted", "kind": "pass_fail", "rubric": "says hello"}]'),
    ('booking', 2, '{"type": "object", "properties": {"service": {"type": ["string", "null"]}, "party": {"type": "integer"}, "price": {"type": "number"},
        "booked": {"type": "boolean"}, "day": {"type": "string", "format": "date"}, "score": {"type": "integer"}, "extras": {"type": "array", "items": {"type": "string"}},
        "guest": {"type": "object", "properties": {"name": {"type": "string"}, "vip": {"type": "boolean"}}}}}', NULL),
    ('other', 1, '{"type": "object", "properties": {}}', NULL);
UPDATE voice.analysis SET retired_at = now() WHERE name = 'other';
SELECT name, version, applies, criteria IS NOT NULL AS has_criteria, retired_at IS NOT NULL AS retired FROM voice_analyses();
SELECT n, voice_import_call(jsonb_build_object('id', 'r-' || n, 'agent', CASE WHEN n < 4 THEN 'a' ELSE 'b' END,
    'started_at', date_trunc('day', now()) - n * interval '12 hours', 'duration_ms', 1000, 'turns', '[{"role": "user", "text": "hi"}]'::jsonb)) AS call
INTO TEMP calls FROM generate_series(0, 6) n;
INSERT INTO voice.result (call_id, started_at, agent_id, vertical, analysis, version, model, prompt_version, "values", criteria, score, success, evidence, unsupported, refused)
SELECT c.id, c.started_at, c.agent_id, g.vertical, 'booking', v, 'test', 'p',
       CASE v WHEN 1 THEN '{"service": "cut"}'::jsonb
            ELSE '{"service": null, "party": 2, "price": 12.5, "booked": true, "day": "2026-02-28", "score": 3, "extras": ["x", "y"], "guest": {"name": "Dana", "vip": false}}' END,
       jsonb_build_object('greeted', jsonb_build_object('verdict', CASE WHEN n.n % 2 = 0 THEN 'pass' ELSE 'fail' END, 'points', NULL, 'max', 1, 'weight', 1),
                          'clear', jsonb_build_object('verdict', 'pass', 'points', n.n % 5, 'max', 5, 'weight', 1),
                          'upsold', '{"verdict": "not_applicable", "points": null, "max": 1, "weight": 1}'::jsonb),
       n.n * 10, CASE WHEN n.n % 2 = 0 THEN 'pass' ELSE 'fail' END,
       '[{"claim": "values.service", "turn": 1, "quote": "hi", "speaker": "user", "supported": true},
         {"claim": "criteria.greeted", "turn": 999, "quote": "hello", "speaker": null, "supported": false}]', 1, CASE WHEN v = 1 THEN ARRAY['values.party'] END
FROM calls n JOIN voice.call c ON c.id = n.call JOIN voice.agent g ON g.id = c.agent_id
CROSS JOIN generate_series(1, CASE WHEN n.n IN (2, 5) THEN 1 ELSE 2 END) v;
INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action, evidence, unsupported)
SELECT c.id, c.started_at, 0.5, 80, c.agent_id, 'salon', 'sales', 'test', 'test', 's', 'n',
       '[{"claim": "sentiment", "turn": 1, "quote": "hi", "speaker": "user", "supported": true}]', 0
FROM calls n JOIN voice.call c ON c.id = n.call WHERE n.n = 1;
-- The newest version of each call; one version; one vertical; so many.
SELECT n.n, r.agent_id, r.vertical, r.version, r.values->>'service' AS service, r.score, r.success, r.unsupported, r.refused
FROM voice_results('booking') r JOIN calls n ON n.call = r.call_id;
SELECT n.n, r.version FROM voice_results('booking', version => 1, vertical => 'dental') r JOIN calls n ON n.call = r.call_id;
SELECT count(*) FROM voice_results('booking', max_rows => 2);
SELECT count(*) FROM voice_results('booking', now() + interval '1 day');
SELECT count(*) FROM voice_results('booking', '-infinity', max_rows => NULL);
SELECT e.* FROM calls n CROSS JOIN LATERAL voice_evidence(n.call) e WHERE n.n = 1;
-- From the results, and the same from roll-ups and results together.
CREATE TEMP TABLE live AS SELECT b.by, s.* FROM unnest('{agent,vertical,day}'::text[]) b(by), voice_scorecard(by => b.by) s;
SELECT by, analysis, version, CASE WHEN by <> 'day' THEN group_key END AS group_key, calls, passed, failed, unknown, success_rate, avg_score, unsupported, refused, criteria
FROM live ORDER BY by, live.group_key, version;
SELECT d.day - current_date AS days_ago, voice_rollup(d.day) FROM (SELECT DISTINCT started_at::date AS day FROM voice.call WHERE external_id LIKE 'r-%') d WHERE d.day < current_date ORDER BY 1;
SELECT count(*) AS rolled, sum(calls) AS calls FROM voice.daily_result;
SELECT sum(analyses_passed) AS passed, sum(analyses_failed) AS failed FROM voice.daily;
SELECT count(*) AS differ FROM (
    (SELECT b.by, s.* FROM unnest('{agent,vertical,day}'::text[]) b(by), voice_scorecard(by => b.by) s EXCEPT SELECT * FROM live)
    UNION ALL (SELECT * FROM live EXCEPT SELECT b.by, s.* FROM unnest('{agent,vertical,day}'::text[]) b(by), voice_scorecard(by => b.by) s)) x;
-- A result that is judged again is seen without anybody saying so; a deleted call does not count.
UPDATE voice.result SET success = 'unknown', computed_at = clock_timestamp() WHERE call_id = (SELECT call FROM calls WHERE n = 4) AND version = 2;
UPDATE voice.call SET deleted_at = now() WHERE id = (SELECT call FROM calls WHERE n = 6);
DELETE FROM voice._rolled_month;
SELECT d - current_date AS days_ago FROM voice._roll_up_due() d WHERE d > current_date - 10;
SELECT sum(calls) AS calls, sum(passed) AS passed, sum(failed) AS failed, sum(unknown) AS unknown FROM voice.daily_result;
SELECT count(*) AS calls FROM voice_results('booking') r;
-- Each its own error.
SAVEPOINT s;
SELECT voice_results('Booking');
ROLLBACK TO s;
SELECT voice_results(NULL);
ROLLBACK TO s;
SELECT voice_results('booking', NULL);
ROLLBACK TO s;
SELECT voice_scorecard('2026-01-01 00:00+00', 'moon');
ROLLBACK TO s;
-- Another tenant has none of it; an analyst has no values.
SET LOCAL voice_analytics.tenant = 'acme';
SELECT (SELECT count(*) FROM voice_analyses()) AS analyses, (SELECT count(*) FROM voice_scorecard()) AS scorecard,
       (SELECT count(*) FROM calls n, voice_evidence(n.call)) AS evidence;
SELECT voice_results('booking');
ROLLBACK TO s;
CREATE ROLE regress_voice_analyst;
SELECT voice_grant('regress_voice_analyst', 'analyst');
SET LOCAL ROLE regress_voice_analyst;
SELECT count(*), count(r.values) AS with_values, count(r.criteria) AS with_criteria FROM public.voice_results('booking') r;
SELECT count(*) > 0 AS has_scorecard FROM public.voice_scorecard();
SAVEPOINT denied;
SELECT public.voice_evidence(voice_uuid_at(now()));
ROLLBACK TO denied;
RESET ROLE;
ROLLBACK;
