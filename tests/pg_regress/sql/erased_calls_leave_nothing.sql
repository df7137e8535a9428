-- Erasing removes every row of a call or a caller, of this tenant only, and leaves one row without personal data.
\set SHOW_CONTEXT never
BEGIN;
-- However the number is written; who was rung counts for outbound calls.
SELECT voice_import_call(format('{"id": "e-%s", "vertical": "salon", "direction": %s, "from": %s, "to": %s, "turns": [{"role": "user", "text": "hi"}], "tool_calls": [{"name": "book"}]}',
                                n, to_json(direction), to_json(f), to_json(t))::jsonb) IS NOT NULL AS imported, n
FROM (VALUES (1, 'inbound', '+12125550142', '+15550100'), (2, 'inbound', '+1 (212) 555-0142', '+15550100'), (3, 'inbound', '0012125550142', '+15550100'),
             (4, 'inbound', 'sip:+12125550142@example.com;transport=udp', '+15550100'), (5, 'outbound', '+15550100', 'tel:+1-212-555-0142'),
             (6, 'inbound', '+15550100', '+12125550142'), (7, 'inbound', '+12125550143', '+15550100'), (8, 'inbound', '2125550142', '+15550100'),
             (9, 'inbound', 'anonymous', '+15550100')) v(n, direction, f, t);
INSERT INTO voice.attempt (call_id, job_id, attempt, kind, outcome) SELECT id, 1, 1, 'analyze', 'failed' FROM voice.call;
INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action)
SELECT id, started_at, 0.5, 80, agent_id, 'salon', 'sales', 'test', 'test', 'said hello', 'call back' FROM voice.call;
INSERT INTO voice.result (call_id, started_at, agent_id, vertical, analysis, version, model, prompt_version)
SELECT id, started_at, agent_id, 'salon', 'booking', v, 'test', 'test' FROM voice.call, generate_series(1, 2) v;
INSERT INTO voice.trial_result (trial_id, call_id) SELECT 1, id FROM voice.call;
INSERT INTO voice.label_task (sample_id, call_id, place) SELECT 1, id, 1 FROM voice.call;
INSERT INTO voice.label (call_id, labeller, sentiment) SELECT id, p, 0.5 FROM voice.call, unnest('{anna,ben}'::text[]) p;
INSERT INTO voice.live (call_id) SELECT id FROM voice.call;
INSERT INTO voice.search_document (call_id, document) SELECT id, to_tsvector('simple', 'hidden words') FROM voice.call;
INSERT INTO voice.transcript_chunk (call_id, turn_id, seq, text) SELECT call_id, id, 1, 'hello' FROM voice.turn;
INSERT INTO voice.dead_job (id, call_id, attempts, kind) SELECT row_number() OVER (), id, 5, 'deliver' FROM voice.call;
INSERT INTO voice.job (call_id, kind, webhook_id, event) SELECT id, 'deliver', gen_random_uuid(), 'lead.hot' FROM voice.call;
SET LOCAL voice_analytics.tenant = 'other';
SELECT voice_import_call('{"id": "e-10", "vertical": "salon", "from": "+12125550142", "turns": []}') IS NOT NULL AS imported;
RESET voice_analytics.tenant;
SELECT * FROM voice_erase_caller('+1 212 555 01 42');
SELECT tenant_id, external_id FROM voice.call ORDER BY 1, 2;
-- Once more: nothing is there, which is said, and there is nothing to record.
SELECT * FROM voice_erase_caller('011 1 212 555 0142');
-- In another form, or without the country code; who merely mentions it is listed.
SELECT voice_import_call(format('{"id": "f-%s", "vertical": "salon", "from": %s, "turns": [{"role": "user", "text": %s}]}', n, to_json(f), to_json(said))::jsonb) IS NOT NULL AS imported
FROM (VALUES (1, '+442079460123', 'hi'), (2, '+15550101', 'ask my sister, oh two oh, seven nine four six, oh one two three'),
             (3, '02079460123', 'hi'), (4, '+622079460123', 'hi'), (5, '+266696687', 'hi')) v(n, f, said);
SELECT what, count, (SELECT external_id FROM voice.call c WHERE c.id = e.call_id) AS mentioned_in
FROM voice_erase_caller('+44 (0)20 7946 0123') e WHERE what IN ('call', 'mention');
-- One that is hidden can be erased.
SELECT id AS hidden FROM voice.call WHERE external_id = 'e-7' \gset
SELECT voice_delete_call(:'hidden');
SELECT * FROM voice_erase_call(:'hidden');
SELECT tenant_id, erased_by = session_user AS by_me, kind, removed FROM voice.erasure ORDER BY id;
SELECT (SELECT count(*) FROM voice.turn) AS turns, (SELECT count(*) FROM voice.job) AS jobs, (SELECT count(*) FROM voice.attempt) AS attempts;
\set VERBOSITY sqlstate
SAVEPOINT s;
SELECT voice_erase_call(:'hidden');
\set VERBOSITY default
ROLLBACK TO s;
SELECT voice_erase_caller('anonymous');
ROLLBACK TO s;
SELECT voice_erase_caller(NULL);
ROLLBACK TO s;
SELECT voice_erase_caller('+266696687');
ROLLBACK TO s;
SELECT voice_erase_caller('555-555-5555');
ROLLBACK TO s;
-- One number at home, and two callers abroad.
SELECT voice_import_call('{"id": "f-6", "vertical": "salon", "from": "+442079460123", "turns": []}') IS NOT NULL AS imported;
SELECT what, count FROM voice_erase_caller('020 7946 0123');
ROLLBACK TO s;
SELECT voice_erase_call(NULL);
ROLLBACK;
