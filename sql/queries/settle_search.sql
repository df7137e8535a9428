-- A call's words for full-text search, once a call, so that turns pay nothing at ingest. $3: the documents as the worker
-- has put them together (core/src/tsvector_cache.rs); NULL where it leaves that to the server, which gets the words in $4.
-- $6: what a document of $4 has beside its words (core/src/search/lexemes.rs), NULL: nothing.
INSERT INTO voice.search_document AS d (call_id, tenant_id, document)
SELECT w.call_id, w.tenant_id,
       CASE WHEN w.more IS NULL THEN o.document ELSE o.document || w.more::tsvector END
FROM unnest($1::uuid[], $2::text[], $3::tsvector[], $4::text[], $6::text[]) w(call_id, tenant_id, document, words, more)
CROSS JOIN LATERAL (SELECT coalesce(w.document, pg_catalog.to_tsvector($5::text::regconfig, coalesce(w.words, '')))) o(document)
ON CONFLICT (call_id) DO UPDATE SET document = EXCLUDED.document
