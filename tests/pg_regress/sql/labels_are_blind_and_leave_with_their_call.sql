-- People label calls blindly, one person a call at a time, and labels leave with their call.
\set SHOW_CONTEXT never
BEGIN;
SET LOCAL timezone = 'UTC';
CREATE ROLE regress_labeller NOLOGIN;
SELECT voice_grant('regress_labeller', 'labeller');
INSERT INTO voice.analysis (name, version, schema, criteria) VALUES
    ('booking', 1, '{"type": "object", "properties": {"service": {"type": "string"}}}',
     '[{"name": "greeted", "rubric": "r", "kind": "pass_fail"}, {"name": "clarity", "rubric": "r", "kind": "score", "max": 4}]');
SELECT n, voice_import_call(jsonb_build_object('id', 'l-' || n, 'agent', 'a', 'vertical', 'salon', 'started_at', now() - n * interval '1 hour',
    'duration_ms', n * 1000, 'turns', jsonb_build_array(jsonb_build_object('role', 'user', 'text', 'a cut please ' || n)))) AS call
INTO TEMP calls FROM generate_series(1, 8) n;
GRANT SELECT ON calls TO PUBLIC;
INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action, unsupported, evidence)
SELECT c.id, c.started_at, 0.5, n.n * 12, c.agent_id, 'salon', CASE WHEN n.n > 4 THEN 'sales' ELSE 'info' END,
       CASE n.n WHEN 8 THEN 'rule/silent' ELSE 'small' END, 'v9', 's', 'n', CASE n.n WHEN 3 THEN 1 ELSE 0 END, '[{"claim": "intent"}]'
FROM calls n JOIN voice.call c ON c.id = n.call;
-- Call 8 is one that no model judged, and is no candidate.
SELECT voice_label_sample(4, seed => 18) AS random \gset
SELECT voice_label_sample(7, by => 'stratified', labels_per_call => 2) AS stratified \gset
SELECT s.method, s.candidates, s.calls, count(*) AS tasks, min(t.place) AS first, max(t.place) AS last, min(t.wanted) AS wanted
FROM voice.label_sample s JOIN voice.label_task t ON t.sample_id = s.id GROUP BY s.id ORDER BY s.id;
-- The calls of all strata, each counted once, are the candidates.
SELECT sum(s.calls) FROM (SELECT DISTINCT stratum, stratum_calls AS calls FROM voice.label_task WHERE sample_id = :stratified) s;
-- Doubt: call 2's trial says otherwise, and call 3's evidence does not stand.
INSERT INTO voice.trial (since, sample, calls) VALUES (now(), 1, 1) RETURNING id AS trial \gset
INSERT INTO voice.trial_result (trial_id, call_id, after) SELECT :trial, call, '{"sentiment": -0.5, "lead_score": 24, "intent": "info"}' FROM calls WHERE n = 2;
INSERT INTO voice.trial_result (trial_id, call_id, after) SELECT :trial, call, '{"sentiment": 0.5, "lead_score": 48, "intent": "info"}' FROM calls WHERE n = 4;
SELECT voice_label_sample(4, by => 'doubt') AS doubt \gset
SELECT n.n, t.place, t.doubt > 0 AS doubted, t.stratum FROM voice.label_task t JOIN calls n ON n.call = t.call_id WHERE t.sample_id = :doubt ORDER BY t.place;

SET LOCAL ROLE regress_labeller;
-- Blind: no score of ours, and nothing that tells one.
SAVEPOINT s;
SELECT sentiment FROM voice.analytics;
ROLLBACK TO s;
SELECT stratum FROM voice.label_task;
ROLLBACK TO s;
SELECT doubt FROM voice.label_task;
ROLLBACK TO s;
SELECT from_number FROM voice.call;
ROLLBACK TO s;
UPDATE voice.label_task SET labels = 100;
ROLLBACK TO s;
SELECT voice_label_sample(1);
ROLLBACK TO s;
-- Two people get two calls; one who asks again gets the same.
SELECT call_id AS anna, transcript ~ '^user: a cut please \d$' AS has_words, place FROM voice_next_to_label(:random, 'anna') \gset
SELECT :'has_words' AS has_words, :place AS place, call_id = :'anna' AS same FROM voice_next_to_label(:random, 'anna');
SELECT call_id <> :'anna' AS another, place, leased_until > clock_timestamp() + interval '4 minutes' AS leased FROM voice_next_to_label(:random, 'ben', '5 minutes');
-- Whoever has labelled a call is not asked again, and gets the next one.
SELECT voice_label(:'anna', sentiment => -0.5, lead_score => 20, intent => 'complaint', labeller => 'anna');
SELECT labels, leased_by FROM voice.label_task WHERE call_id = :'anna' AND sample_id = :random;
SELECT place FROM voice_next_to_label(:random, 'anna');
-- Said again, it is in the place of what was said before.
SELECT voice_label(:'anna', sentiment => -0.25, properties => '{"booking": {"service": "cut"}}', criteria => '{"booking": {"greeted": "pass", "clarity": 3}}', labeller => 'anna');
SELECT voice_label(:'anna', comment => 'two people speak', labeller => 'cleo');
SELECT labeller, sentiment, lead_score, intent, "values", criteria, comment FROM voice.label ORDER BY labeller;
-- A plain INSERT does as well, and is counted.
INSERT INTO voice.label (call_id, labeller, intent) SELECT call_id, 'dora', 'info' FROM voice.label_task WHERE sample_id = :random AND place = 4;
SELECT labels FROM voice.label_task WHERE sample_id = :random AND place = 4;
-- Each its own error.
SAVEPOINT s;
SELECT voice_label(:'anna');
ROLLBACK TO s;
SELECT voice_label(:'anna', sentiment => 2);
ROLLBACK TO s;
SELECT voice_label(:'anna', intent => 'other');
ROLLBACK TO s;
SELECT voice_label(:'anna', properties => '{"booking": {"price": 1}}');
ROLLBACK TO s;
SELECT voice_label(:'anna', properties => '{"booking": 1}');
ROLLBACK TO s;
SELECT voice_label(:'anna', properties => '[1]');
ROLLBACK TO s;
SELECT voice_label(:'anna', criteria => '{"booking": {"clarity": 5}}');
ROLLBACK TO s;
SELECT voice_label(:'anna', criteria => '{"booking": {"greeted": 1}}');
ROLLBACK TO s;
SELECT voice_label(:'anna', criteria => '{"booking": {"greeted": "not_applicable", "polite": "pass"}}');
ROLLBACK TO s;
SELECT voice_label('00000000-0000-7000-8000-000000000000', intent => 'info');
ROLLBACK TO s;
SELECT voice_next_to_label(lease => '0');
ROLLBACK TO s;
-- Another tenant has neither the calls nor the labels.
SET LOCAL voice_analytics.tenant = 'other';
SELECT count(*) FROM voice.label;
SELECT count(*) FROM voice_next_to_label(:random, 'eve');
SAVEPOINT s;
\set VERBOSITY terse
SELECT voice_label(:'anna', intent => 'info', labeller => 'eve');
\set VERBOSITY default
ROLLBACK TO s;
RESET voice_analytics.tenant;
-- A lease that has ended is another person's.
RESET ROLE;
UPDATE voice.label_task SET leased_until = now() - interval '1 second' WHERE sample_id = :random;
SET LOCAL ROLE regress_labeller;
SELECT place FROM voice_next_to_label(:random, 'fay');
RESET ROLE;
-- A hidden call is given to nobody; an erased one takes its labels and tasks along.
SELECT count(voice_delete_call(call_id)) AS hidden FROM voice.label_task WHERE sample_id = :stratified AND call_id <> :'anna';
SELECT count(*) AS given FROM voice_next_to_label(:stratified, 'gus') g WHERE g.call_id <> :'anna';
SELECT count(*) AS tasks FROM voice.label_task WHERE call_id = :'anna' \gset
SELECT what, CASE what WHEN 'label' THEN count = 2 ELSE count = :tasks END AS all_of_them FROM voice_erase_call(:'anna') WHERE what LIKE 'label%';
SELECT count(*) AS labels FROM voice.label WHERE call_id = :'anna';
SELECT count(*) AS tasks FROM voice.label_task WHERE call_id = :'anna';
-- Each its own error.
SAVEPOINT s;
SELECT voice_label_sample(0, '2026-01-01 00:00+00', until => '2026-02-01 00:00+00');
ROLLBACK TO s;
SELECT voice_label_sample(5, '2026-01-01 00:00+00', 'best', '2026-02-01 00:00+00');
ROLLBACK TO s;
SELECT voice_label_sample(5, '2020-01-01 00:00+00', until => '2020-02-01 00:00+00') IS NOT NULL AS none;
-- Two people more label what is left; figures of the fixed row and of an analysis.
UPDATE voice.call SET deleted_at = NULL;
INSERT INTO voice.label (call_id, labeller, sentiment, intent, criteria)
SELECT c.call, p.name, CASE WHEN c.n % 2 = 0 THEN 0.5 ELSE 0.25 END, CASE WHEN c.n > 4 THEN 'sales' ELSE 'booking' END, '{"booking": {"greeted": "pass", "clarity": 3}}'
FROM calls c JOIN voice.call l ON l.id = c.call CROSS JOIN unnest('{hana,ines}'::text[]) p(name) WHERE c.n < 8 ON CONFLICT DO NOTHING;
INSERT INTO voice.result (call_id, started_at, agent_id, vertical, analysis, version, model, prompt_version, criteria)
SELECT l.id, l.started_at, l.agent_id, 'salon', 'booking', 1, 'small', 'v9',
       jsonb_build_object('greeted', jsonb_build_object('verdict', CASE WHEN c.n % 2 = 0 THEN 'pass' ELSE 'fail' END),
                          'clarity', '{"verdict": "pass", "points": 2, "max": 4}'::jsonb)
FROM calls c JOIN voice.call l ON l.id = c.call WHERE c.n < 4;
SELECT analysis, property, kind, calls > 0 AS paired, unpaired > 0 AS unpaired, stands_for, jsonb_object_agg(f.key, round((f.value->>'value')::numeric, 4)) FILTER (WHERE f.key <> 'classes') AS figures, people->'value' AS alpha
FROM voice_agreement(resamples => 100) LEFT JOIN LATERAL jsonb_each(figures) f ON f.key IN ('mae', 'bias', 'accuracy') GROUP BY 1, 2, 3, 4, 5, 6, 8 ORDER BY analysis NULLS FIRST, property;
SELECT DISTINCT group_key FROM voice_agreement(by => 'version', resamples => 100) WHERE analysis IS NULL;
-- Each its own error.
SAVEPOINT s;
SELECT * FROM voice_agreement(by => 'mood', since => '2026-01-01 00:00+00');
ROLLBACK TO s;
SELECT * FROM voice_agreement(sample => 0);
ROLLBACK TO s;
SELECT * FROM voice_agreement(trial => 0);
ROLLBACK TO s;
SELECT * FROM voice_agreement(name => 'nothing');
ROLLBACK TO s;
SELECT * FROM voice_agreement(targets => '{"sentiment": {"accuracy": 1}}');
ROLLBACK TO s;
SELECT * FROM voice_drift('2026-01-01 00:00+00', '2026-01-01 00:00+00', '2026-02-01 00:00+00');
ROLLBACK TO s;
ROLLBACK;
