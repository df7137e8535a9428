-- voice_search reads past row-level security: tenant, privilege and deletion are its own to check.
CREATE ROLE regress_voice_reader NOLOGIN;
CREATE ROLE regress_voice_stranger NOLOGIN;
GRANT USAGE ON SCHEMA voice TO regress_voice_reader, regress_voice_stranger;
GRANT SELECT ON voice.turn TO regress_voice_reader;
BEGIN;
SELECT count(voice_import_call(c)) AS imported FROM (VALUES
    ('{"id": "1", "vertical": "salon", "turns": [{"role": "user", "text": "a refund for shipping"}, {"role": "assistant", "text": "sorry"}]}'::jsonb),
    ('{"id": "2", "vertical": "forex", "turns": [{"role": "user", "text": "a refund"}, {"role": "user", "text": "of the shipping"}]}')) v(c);
SELECT count(voice_import_call('{"id": "4", "turns": [{"role": "user", "text": "It''s 100% sure_thing, C:\\\\dir O''Neil"}, {"role": "user", "text": "nothing else"}]}')) AS imported;
SET LOCAL voice_analytics.tenant = 'other';
SELECT count(voice_import_call('{"id": "3", "turns": [{"role": "user", "text": "refund of another tenant"}]}')) AS imported;
INSERT INTO voice.search_document (call_id, tenant_id, document)
SELECT call_id, min(tenant_id), to_tsvector('simple', string_agg(text, ' ')) FROM voice.turn GROUP BY call_id;
SET LOCAL voice_analytics.tenant = '';
SET LOCAL ROLE regress_voice_reader;
SELECT role, headline FROM voice_search('refund') ORDER BY headline COLLATE "C";
SELECT role, headline FROM voice_search('refund -sorry');
SELECT headline FROM voice_search('refund shipping', vertical => 'forex');
SELECT headline FROM voice_search('"refund for shipping"', now() - interval '1 hour', max_rows => 1);
SELECT count(*) AS nothing FROM voice_search('');
-- A turn that has none of the words is not parsed; quotes, wildcards and backslashes are only characters.
SELECT q, count(h.headline), min(h.headline)
FROM unnest(ARRAY['It''s', 'O''Neil', '100%', 'sure_thing', 'sureXthing', 'C:\dir', 'NEIL', 'zzz OR neil', 'neil -refund']) WITH ORDINALITY w(q, n)
LEFT JOIN LATERAL voice_search(q) h ON true GROUP BY n, q ORDER BY n;
SET LOCAL voice_analytics.tenant = 'other';
SELECT role, headline FROM voice_search('refund');
SET LOCAL ROLE regress_voice_stranger;
\set VERBOSITY terse
\set SHOW_CONTEXT never
SELECT * FROM voice_search('refund');
ROLLBACK;
REVOKE ALL ON voice.turn FROM regress_voice_reader;
REVOKE ALL ON SCHEMA voice FROM regress_voice_reader, regress_voice_stranger;
DROP ROLE regress_voice_reader, regress_voice_stranger;
