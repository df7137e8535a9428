-- What the configuration $1 makes of each piece of text, which stands between blanks as it does in a text: its lexemes and
-- their places, and how many places it takes, which is where the word after it comes to stand. No row for that word: the
-- configuration does not know it.
SELECT p.ord::int, l.lexeme, l.positions
FROM pg_catalog.unnest($2::text[]) WITH ORDINALITY p(piece, ord)
CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.to_tsvector($1::text::regconfig, ' ' || p.piece || ' ' || $3)) l
ORDER BY p.ord
