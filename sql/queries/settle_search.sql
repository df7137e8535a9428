-- A call's words for full-text search, once a call, so that turns pay nothing at ingest. $5: the documents as the worker
-- has put them together (core/src/lexicon.rs); NULL where it leaves that to the server, which gets the words in $6.
INSERT INTO voice.search_document AS d (call_id, tenant_id, document)
SELECT c.id, c.tenant_id, coalesce(w.document::tsvector, pg_catalog.to_tsvector($4::text::regconfig, coalesce(w.words, '')))
FROM unnest($1::uuid[], $5::text[], $6::text[]) w(call_id, document, words)
JOIN voice.call c ON c.id = w.call_id AND c.id BETWEEN $2 AND $3
ON CONFLICT (call_id) DO UPDATE SET document = EXCLUDED.document
