-- What a session or a database has set otherwise changes neither what is found nor what stays set.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
BEGIN;
SELECT voice_import_call('{"id": "1", "turns": [{"role": "user", "text": "C:\\dir of O''Neil"}]}') IS NOT NULL AS imported;
INSERT INTO voice.search_document (call_id, tenant_id, document)
SELECT call_id, tenant_id, to_tsvector('simple', text) FROM voice.turn;
SET LOCAL escape_string_warning = off;
SET LOCAL standard_conforming_strings = off;
SELECT count(*) AS found FROM voice_search('neil');
ROLLBACK;
-- A trigger of somebody else's sets something for the transaction, inside an import.
BEGIN;
CREATE FUNCTION pg_temp.sets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE 'enable_seqscan is %', current_setting('enable_seqscan');
    PERFORM set_config('enable_seqscan', 'on', true);
    RETURN NULL;
END $$;
CREATE TRIGGER zz AFTER INSERT ON voice.call FOR EACH ROW EXECUTE FUNCTION pg_temp.sets();
SELECT voice_import_call('{"id": "1", "turns": []}') IS NOT NULL AS imported;
SHOW enable_seqscan;
ROLLBACK;
-- ICU's small letters are not those of the text search configuration: Greek ends words in another sigma.
SELECT current_database() AS home, EXISTS (SELECT FROM pg_collation WHERE collname = 'el-x-icu') AS has_icu \gset
\if :has_icu
\else
    \echo 'skipped: this server has no ICU'
    \quit
\endif
CREATE DATABASE regress_voice_icu LOCALE_PROVIDER icu ICU_LOCALE 'el' TEMPLATE template0 ENCODING 'UTF8';
\c regress_voice_icu
SET client_min_messages = warning;
CREATE EXTENSION voice_analytics;
SELECT voice_import_call('{"id": "1", "turns": [{"role": "user", "text": "ΟΔΟΣ"}]}') IS NOT NULL AS imported;
INSERT INTO voice.search_document (call_id, tenant_id, document)
SELECT call_id, tenant_id, to_tsvector('simple', text) FROM voice.turn;
SELECT count(*) AS found FROM voice_search('ΟΔΟΣ');
\c :home
DROP DATABASE regress_voice_icu WITH (FORCE);
