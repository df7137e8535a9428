-- A call in progress has one job of its looks and one row, written by the commit of its first turn; who sees what of it.
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE ROLE regress_live_reader NOLOGIN;
CREATE ROLE regress_live_analyst NOLOGIN;
CREATE ROLE regress_live_writer NOLOGIN;
CREATE ROLE regress_live_operator NOLOGIN;
SELECT voice_grant('regress_live_' || a, a) FROM unnest('{reader,analyst,writer,operator}'::text[]) a;
INSERT INTO voice.agent (id, vertical) VALUES ('live', 'salon');
-- Off, which is the default: a turn writes nothing else.
SELECT voice_start_call('live', '+15550100', '+15550199', external_id => 'L-1') AS call \gset
SELECT voice_add_turn(:'call', 'user', 'hello') IS NOT NULL AS added;
SELECT count(*) AS jobs, (SELECT count(*) FROM voice.live) AS rows FROM voice.job;
SET voice_analytics.live_interval = '30s';
SELECT voice_add_turn(:'call', 'user', 'a table for two') IS NOT NULL AS added;
SELECT voice_add_turn(:'call', 'user', 'tonight') IS NOT NULL AS added;
SELECT voice_add_tool_call(:'call', 'reserve', '{}') IS NOT NULL AS added;
SELECT j.kind, j.priority, j.event, j.attempt, round(extract(epoch FROM j.run_at - clock_timestamp())) BETWEEN 25 AND 30 AS in_an_interval,
       l.looks, l.asked_at, l.sentiment
FROM voice.job j JOIN voice.live l USING (call_id);
-- A call that comes whole has none, and another tenant's is another tenant's.
SELECT voice_import_call('{"id": "L-2", "agent": "live", "turns": [{"role": "user", "text": "hello"}]}') IS NOT NULL AS imported;
SET voice_analytics.tenant = 'other';
INSERT INTO voice.agent (id, vertical) VALUES ('live-other', 'salon');
SELECT voice_start_call('live-other', '+15550100', '+15550199', external_id => 'L-3') AS other \gset
SELECT voice_add_turn(:'other', 'user', 'hello') IS NOT NULL AS added;
SELECT external_id FROM voice_live();
RESET voice_analytics.tenant;
SELECT count(*) FILTER (WHERE kind = 'live') AS looks, count(*) FILTER (WHERE kind = 'analyze') AS analyses FROM voice.job;
-- As the worker writes it.
UPDATE voice.live SET asked_at = now(), computed_at = now(), sentiment = -0.7, lead_score = 40, intent = 'booking', turn = 3, looks = 1,
    alerts = '{sentiment}', criteria = '{"care": {"greeting": {"verdict": "pass"}}}', summary = 'wants a table' WHERE call_id = :'call';
SET ROLE regress_live_reader;
SELECT agent_id, external_id, as_of_turn, sentiment, lead_score, intent, criteria, alerts, summary, looks FROM voice_live();
RESET ROLE;
SET ROLE regress_live_analyst;
SELECT sentiment, intent, alerts FROM voice.live WHERE tenant_id = '';
SELECT summary FROM voice.live;
RESET ROLE;
SET ROLE regress_live_writer;
SELECT count(*) FROM voice.live;
SELECT count(*) FROM voice_live();
RESET ROLE;
SET ROLE regress_live_operator;
SELECT count(*) FROM voice.live;
RESET ROLE;
SELECT queued, backfill_queued FROM voice_status();
-- The next look after one is an interval after it.
DELETE FROM voice.job WHERE kind = 'live';
SELECT voice_add_turn(:'call', 'user', 'at eight') IS NOT NULL AS added;
SELECT j.run_at = l.asked_at + interval '30 s' AS after_the_last FROM voice.job j JOIN voice.live l USING (call_id) WHERE j.kind = 'live';
-- Hidden, it has neither job nor row; what is deleted has none.
SELECT voice_delete_call(:'call');
SELECT count(*) AS jobs, (SELECT count(*) FROM voice.live WHERE call_id = :'call') AS rows FROM voice.job WHERE kind = 'live' AND call_id = :'call';
SELECT voice_restore_call(:'call');
SELECT voice_add_turn(:'call', 'user', 'or at nine') IS NOT NULL AS added;
SELECT count(*) FROM voice_live();
DELETE FROM voice.call WHERE agent_id = 'live';
SET voice_analytics.tenant = 'other';
SELECT what, count FROM voice_erase_call(:'other') WHERE what IN ('call', 'job', 'live');
RESET voice_analytics.tenant;
SELECT count(*) AS jobs, (SELECT count(*) FROM voice.live) AS rows FROM voice.job;
SET voice_analytics.live_analyses = 'sentiment, care.greeting';
SET voice_analytics.live_analyses = ' , ';
SET voice_analytics.live_analyses = 'how it went';
-- Nothing of it is left for the other files.
DELETE FROM voice.erasure;
DELETE FROM voice.agent WHERE id LIKE 'live%';
SELECT voice_revoke('regress_live_' || a) FROM unnest('{reader,analyst,writer,operator}'::text[]) a;
DROP ROLE regress_live_reader, regress_live_analyst, regress_live_writer, regress_live_operator;
