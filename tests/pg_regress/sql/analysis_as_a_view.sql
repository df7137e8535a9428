-- An analysis as a view: a typed column a property, of each call the newest version that judged it; who reads it sees what he may.
\set SHOW_CONTEXT never
SELECT current_setting('server_version_num')::int >= 150000 AS has_security_invoker \gset
\if :has_security_invoker
\else
    \echo 'skipped: needs PostgreSQL 15'
    \quit
\endif
BEGIN;
SET LOCAL timezone = 'UTC';
INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon'), ('b', 'dental');
INSERT INTO voice.analysis (name, version, schema, criteria) VALUES
    ('booking', 1, '{"type": "object", "properties": {"service": {"type": "string"}}}', '[{"name": "greeted", "kind": "pass_fail", "rubric": "says hello"}]'),
    ('booking', 2, '{"type": "object", "properties": {"service": {"type": ["string", "null"]}, "party": {"type": "integer"}, "price": {"type": "number"},
        "booked": {"type": "boolean"}, "day": {"type": "string", "format": "date"}, "score": {"type": "integer"}, "extras": {"type": "array", "items": {"type": "string"}},
        "guest": {"type": "object", "properties": {"name": {"type": "string"}, "vip": {"type": "boolean"}}}}}', NULL);
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
CREATE SCHEMA bi;
SET LOCAL search_path = bi, public;
SELECT voice_create_view('booking');
SELECT n.n, v.version, service, party, price, booked, day, score, score_value, extras, guest_name, guest_vip, success
FROM bi.analysis_booking v JOIN calls n ON n.call = v.call_id ORDER BY n.n LIMIT 3;
SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = 'bi.analysis_booking'::regclass AND attnum > 0 ORDER BY attnum;
SELECT reloptions FROM pg_class WHERE oid = 'bi.analysis_booking'::regclass;
GRANT SELECT ON bi.analysis_booking TO pg_read_all_stats;
INSERT INTO voice.analysis (name, version, schema) VALUES ('booking', 3, '{"type": "object", "properties": {"service": {"type": "integer"}, "zone": {"type": "string"}}}');
SELECT voice_create_view('booking'), voice_create_view('booking');
SELECT has_table_privilege('pg_read_all_stats', 'bi.analysis_booking', 'SELECT') AS is_granted_still;
SELECT n.n, service, zone FROM bi.analysis_booking v JOIN calls n ON n.call = v.call_id ORDER BY n.n LIMIT 2;
SELECT voice._date(d) FROM unnest('{2024-02-29,2023-02-29,2024-13-01,0000-01-01,2024-1-1,NULL}'::text[]) d;
-- Each its own error.
SAVEPOINT s;
SELECT voice_create_view('none');
ROLLBACK TO s;
SET LOCAL search_path = nowhere;
SELECT public.voice_create_view('booking');
ROLLBACK TO s;
DROP VIEW bi.analysis_booking;
CREATE TABLE bi.analysis_booking ();
SELECT voice_create_view('booking');
ROLLBACK TO s;
CREATE ROLE regress_voice_analyst;
CREATE ROLE regress_voice_reader;
GRANT SELECT ON bi.analysis_booking TO regress_voice_analyst, regress_voice_reader;
GRANT USAGE ON SCHEMA bi TO regress_voice_analyst, regress_voice_reader;
SELECT voice_grant('regress_voice_analyst', 'analyst'), voice_grant('regress_voice_reader', 'reader');
SAVEPOINT t;
SET LOCAL ROLE regress_voice_reader;
SELECT count(*) FROM bi.analysis_booking;
SET LOCAL voice_analytics.tenant = 'acme';
SELECT count(*) FROM bi.analysis_booking;
RESET voice_analytics.tenant;
SET LOCAL ROLE regress_voice_analyst;
SAVEPOINT denied;
SELECT service FROM bi.analysis_booking;
ROLLBACK TO denied;
SELECT public.voice_create_view('booking');
ROLLBACK;
