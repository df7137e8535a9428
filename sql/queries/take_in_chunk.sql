-- A turn that is open has text '': its words are its chunks.
-- Runs under whatever search path the session has, as voice_worker: operators name their schema too.
SELECT voice._take_in_chunk($1, $2, $3, $4, $5)
FROM voice.turn t
WHERE t.call_id OPERATOR(pg_catalog.=) $1 AND t.id OPERATOR(pg_catalog.=) $2 AND t.text OPERATOR(pg_catalog.<>) ''
