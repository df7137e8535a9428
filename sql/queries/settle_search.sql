-- A call's words for full-text search, once a call, so that turns pay nothing at ingest. $3: the documents as the worker
-- has put them together (core/src/tsvector_cache.rs); NULL where it leaves that to the server, which gets the words in $4.
INSERT INTO voice.search_document AS d (call_id, tenant_id, document)
SELECT w.call_id, w.tenant_id, coalesce(w.document::tsvector, pg_catalog.to_tsvector($5::text::regconfig, coalesce(w.words, '')))
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) w(call_id, tenant_id, document, words)
ON CONFLICT (call_id) DO UPDATE SET document = EXCLUDED.document
