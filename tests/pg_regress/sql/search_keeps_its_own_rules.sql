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
-- Of all times a rare word is looked for in another way than of the last weeks; both find the same.
SELECT q, (SELECT string_agg(a::text, ' ') FROM voice_search(q, vertical => v) a) IS NOT DISTINCT FROM
          (SELECT string_agg(b::text, ' ') FROM voice_search(q, now() - interval '1 day', v) b) AS same
FROM unnest(ARRAY['refund', 'refund shipping', 'neil OR refund', 'refund -sorry', 'zzz', '', 'the']) WITH ORDINALITY w(q, n),
     unnest(ARRAY[NULL, 'forex']) v ORDER BY n, v;
SET LOCAL voice_analytics.tenant = 'other';
SELECT role, headline FROM voice_search('refund');
SET LOCAL ROLE regress_voice_stranger;
\set VERBOSITY terse
\set SHOW_CONTEXT never
SELECT * FROM voice_search('refund');
ROLLBACK;
-- The other way is for up to 1,000 calls of all tenants; no number of calls loses one.
BEGIN;
SELECT count(voice_import_call(jsonb_build_object('id', 'n' || n, 'turns', jsonb_build_array(jsonb_build_object('role', 'user', 'text',
    concat_ws(' ', 'tally', CASE WHEN n <= 1000 THEN 'census' END, CASE WHEN n <= 999 THEN 'muster' END)))))) AS imported
FROM generate_series(1, 1001) n;
INSERT INTO voice.search_document (call_id, tenant_id, document)
SELECT call_id, tenant_id, to_tsvector('simple', text) FROM voice.turn WHERE text LIKE 'tally%';
SELECT w, (SELECT count(DISTINCT call_id) FROM voice_search(w, max_rows => 2000)) AS found FROM unnest(ARRAY['tally', 'census', 'muster']) w;
ROLLBACK;
REVOKE ALL ON voice.turn FROM regress_voice_reader;
REVOKE ALL ON SCHEMA voice FROM regress_voice_reader, regress_voice_stranger;
DROP ROLE regress_voice_reader, regress_voice_stranger;
