-- A definition that changes is the next version; the same one again is not. What not every model can be asked is refused, with a way out.
\set SHOW_CONTEXT never
BEGIN;
SELECT voice_define_analysis('booking', '{"type": "object", "properties": {
    "service": {"type": "string", "description": "what was booked"},
    "day": {"type": ["string", "null"], "format": "date", "description": "for when"}}}',
    '[{"name": "greeted", "rubric": "The agent says its name.", "kind": "pass_fail", "weight": 1},
      {"name": "clear", "rubric": "The caller knows what happens next.", "kind": "score", "max": 5, "weight": 2}]', vertical => 'salon') AS version;
-- Again, written in another way.
SELECT voice_define_analysis('booking', '{"properties": {
    "day": {"type": ["string", "null"], "format": "date", "description": "for when"},
    "service": {"description": "what was booked", "type": "string"}}, "type": "object"}',
    '[{"name": "greeted", "rubric": "The agent says its name.", "kind": "pass_fail", "weight": 1},
      {"name": "clear", "rubric": "The caller knows what happens next.", "kind": "score", "max": 5, "weight": 2}]', ' ', ' salon ', min_user_turns => 1) AS version;
SELECT voice_define_analysis('booking', '{"type": "object", "properties": {"service": {"type": "string", "description": "what was booked"}}}', agent_id => 'nobody') AS version;
SELECT name, version, applies, vertical, agent_id, model, min_user_turns, jsonb_array_length(criteria) AS criteria, created_by = session_user AS by_me FROM voice_analyses();
-- Retired as a whole; the same definition takes it up again.
SELECT voice_retire_analysis('booking'), voice_retire_analysis('booking');
SELECT version, applies, retired_at IS NOT NULL AS retired FROM voice_analyses();
SELECT voice_define_analysis('booking', '{"type": "object", "properties": {"service": {"type": "string", "description": "what was booked"}}}', agent_id => 'nobody') AS version;
SELECT version, applies, retired_at IS NOT NULL AS retired FROM voice_analyses();
-- Each tenant has its own.
SET LOCAL voice_analytics.tenant = 'acme';
SELECT voice_define_analysis('booking', '{"type": "object", "properties": {"x": {"type": "boolean", "description": "x"}}}', min_user_turns => 3) AS version;
SELECT name, version, min_user_turns FROM voice_analyses();
RESET voice_analytics.tenant;
SAVEPOINT s;
SELECT voice_define_analysis('Booking', '{"type": "object", "properties": {"x": {"type": "boolean", "description": "x"}}}');
ROLLBACK TO s;
SELECT voice_define_analysis('fixed', '{"type": "object", "properties": {"x": {"type": "boolean", "description": "x"}}}');
ROLLBACK TO s;
SELECT voice_define_analysis(NULL, NULL);
ROLLBACK TO s;
SELECT voice_define_analysis('b', '[]');
ROLLBACK TO s;
SELECT voice_define_analysis('b', '{"type": "object", "properties": {}}');
ROLLBACK TO s;
SELECT voice_define_analysis('b', '{"type": "object", "properties": {"x": {"type": "string", "description": "x", "pattern": "a+"}}}');
ROLLBACK TO s;
SELECT voice_define_analysis('b', (SELECT jsonb_build_object('type', 'object', 'properties', jsonb_object_agg('p' || n, '{"type": "string", "description": "x"}'::jsonb)) FROM generate_series(1, 200) n));
ROLLBACK TO s;
SELECT voice_define_analysis('b', '{"type": "object", "properties": {"x": {"type": "boolean", "description": "x"}}}', '{}');
ROLLBACK TO s;
SELECT voice_define_analysis('b', '{"type": "object", "properties": {"x": {"type": "boolean", "description": "x"}}}', min_user_turns => -1);
ROLLBACK TO s;
SELECT voice_retire_analysis('none');
ROLLBACK TO s;
\set VERBOSITY sqlstate
SELECT voice_define_analysis('b', '[]');
ROLLBACK TO s;
\set VERBOSITY default
-- An analyst sees what is asked, and asks nothing.
CREATE ROLE regress_voice_analyst;
CREATE ROLE regress_voice_admin;
SELECT voice_grant('regress_voice_analyst', 'analyst'), voice_grant('regress_voice_admin', 'admin');
SAVEPOINT t;
SET LOCAL ROLE regress_voice_analyst;
SELECT count(*) FROM public.voice_analyses();
SELECT public.voice_define_analysis('b', '{}');
ROLLBACK TO t;
SET LOCAL ROLE regress_voice_admin;
SELECT public.voice_define_analysis('c', '{"type": "object", "properties": {"x": {"type": "boolean", "description": "x"}}}') AS version;
SELECT public.voice_retire_analysis('c');
SELECT public.voice_define_analysis('c', '{"type": "object", "properties": {"x": {"type": "boolean", "description": "x"}}}') AS version;
UPDATE voice.analysis SET schema = '{}';
ROLLBACK;
