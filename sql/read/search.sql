-- Finds calls by their search document, then the turns within. The tenant, the caller's privilege and the deletion of
-- a call are checked here and nowhere else.

-- Numbers, codes and e-mail addresses have lexemes of their own, beside those of the configuration (core/src/search.rs).
CREATE FUNCTION voice._search_lexemes(words text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_search_lexemes_wrapper';
COMMENT ON FUNCTION voice._search_lexemes(text) IS
    'what a search document has beside its words, as a tsvector is written: numbers, parts of codes and addresses';

CREATE FUNCTION voice._search_pieces(query text,
    OUT alternative int, OUT negated boolean, OUT words text, OUT lexemes text, OUT numbers text[]) RETURNS SETOF record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_search_pieces_wrapper';
COMMENT ON FUNCTION voice._search_pieces(text) IS
    'the numbers and codes of a query, with the lexemes that may stand for them, and the words between them';

CREATE FUNCTION voice._numbers_as_said(words text, numbers text[]) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_numbers_as_said_wrapper';
COMMENT ON FUNCTION voice._numbers_as_said(text, text[]) IS 'the numbers in a text that end in one of these, as they stand there';

-- Runs as voice_worker: under row-level security a text index cannot be used, because @@ might leak (it is not
-- leakproof), and every search would read every document. voice_search() asks first whether its caller may read
-- voice.turn, and only it may come here; the tenant and the deletion of a call are filtered below.
-- The newest 5,000 matches are ranked, gathered month by month from the newest, so that a common word does not read years.
CREATE FUNCTION voice._search(query text, since timestamptz, vertical text, max_rows int,
    OUT call_id uuid, OUT turn_id bigint, OUT role text, OUT started_at timestamptz, OUT rank real, OUT headline text)
RETURNS SETOF record
-- What is planned anew (EXECUTE) is the search of a month; the rest has one plan for all months, whose costs say little of one
-- search (so no JIT).
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET plan_cache_mode = force_generic_plan SET jit = off
SET standard_conforming_strings = on
AS $$
DECLARE
    max_matches CONSTANT int := 5000;
    max_length CONSTANT int := 4000;
    tenant CONSTANT text := voice._tenant();
    config CONSTANT regconfig := coalesce(nullif(current_setting('voice_analytics.search_config', true), ''), 'simple');
    wanted tsquery;
    -- A part of the query, those before it that are wanted together with it, and which alternative these are.
    term tsquery;
    together tsquery;
    place int := 0;
    piece record;
    -- The numbers that are looked for; NULL: no lexeme beside those of the configuration can be meant.
    numbers text[];
    needles text[];
    first_id uuid;
    month record;
    more_calls uuid[];
    more_ranks real[];
    found_calls uuid[] := '{}';
    found_ranks real[] := '{}';
    -- How many documents have the words, of all tenants and times; NULL: not asked, 1001: more than a few.
    matches int;
BEGIN
    IF query IS NULL OR since IS NULL OR max_rows IS NULL OR max_rows < 0 THEN
        RAISE EXCEPTION 'a search needs words'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('query is %s, since %s, max_rows %s.', coalesce(quote_literal(query), 'NULL'),
                                  coalesce(since::text, 'NULL'), coalesce(max_rows::text, 'NULL')),
                  HINT = 'voice_search(''refund -shipping "next week"''): websearch syntax.';
    END IF;
    IF length(query) > max_length THEN
        RAISE EXCEPTION 'a search is not that long'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('The query has %s characters; %s are allowed.', length(query), max_length),
                  HINT = 'Search for the few words that matter.';
    END IF;
    FOR piece IN SELECT p.* FROM voice._search_pieces(query) p LOOP
        term := websearch_to_tsquery(config, piece.words);
        IF piece.lexemes IS NOT NULL THEN
            term := term || piece.lexemes::tsquery;
        END IF;
        numbers := numbers || piece.numbers;
        term := CASE WHEN piece.negated THEN !! term ELSE term END;
        IF piece.alternative > place THEN
            wanted := coalesce(wanted || together, together);
            together := NULL;
            place := piece.alternative;
        END IF;
        together := coalesce(together && term, term);
    END LOOP;
    wanted := coalesce(wanted || together, together);
    -- Words of the configuration simple stand in what was said as they are, so a turn without any of them need not be
    -- parsed. (Where the question is also what was not said, every turn may be the answer; where lower() is ICU's, its
    -- small letters are not those of the configuration.)
    IF config = 'pg_catalog.simple'::regconfig AND wanted::text !~ '!' AND numbers IS NULL
       AND (SELECT to_jsonb(d) ->> 'datlocprovider' IS DISTINCT FROM 'i' FROM pg_database d WHERE datname = current_database()) THEN
        SELECT array_agg('%' || regexp_replace(replace(replace(m[1], '''''', ''''), E'\\\\', E'\\'), E'([\\\\%_])', E'\\\\\\1', 'g') || '%') INTO needles
        FROM regexp_matches(wanted::text, '''((?:[^'']|'''')*)''', 'g') m;
    END IF;
    first_id := @extschema@.voice_uuid_at(since - interval '24 hours');

    -- A rare word is looked up in the text indexes of all months by one plan, which the session keeps: to plan a month takes
    -- longer than to search it. Nobody knows beforehand whether a word is rare (one that is in no statistics counts as in a
    -- two-hundredth of all documents), so documents are taken from these indexes until they are more than a few, and only then
    -- it is asked whose they are. The last three months are few plans.
    IF since < now() - interval '3 months' AND wanted::text !~ '!' THEN
        WITH d AS MATERIALIZED (
            SELECT s.call_id, s.tenant_id, s.document FROM voice.search_document s WHERE s.document @@ wanted LIMIT 1001
        ), n AS MATERIALIZED (
            SELECT count(*) AS documents FROM d
        )
        SELECT (SELECT n.documents FROM n), coalesce(array_agg(m.call_id) FILTER (WHERE m.found), '{}'), coalesce(array_agg(m.rank) FILTER (WHERE m.found), '{}')
        INTO matches, found_calls, found_ranks
        FROM (
            SELECT d.call_id, ts_rank(d.document, wanted) AS rank,
                   d.tenant_id = tenant AND d.call_id >= first_id
                   AND (SELECT c.deleted_at IS NULL AND c.started_at >= since
                               AND (_search.vertical IS NULL OR EXISTS (
                                   SELECT 1 FROM voice.agent g
                                   WHERE g.id = c.agent_id AND g.tenant_id = tenant AND g.vertical = _search.vertical))
                        FROM voice.call c WHERE c.id = d.call_id) AS found
            FROM d WHERE (SELECT n.documents FROM n) <= 1000
        ) m;
    END IF;

    IF matches IS NULL OR matches > 1000 THEN
        found_calls := '{}';
        found_ranks := '{}';
        -- DEFAULT first: it may hold any month's calls. Its rows are few, or somebody will hear of it.
        FOR month IN
            SELECT d.partition AS documents, k.confrelid::regclass AS calls
            FROM voice._partitions('search_document') d
            JOIN pg_constraint k ON k.conrelid = d.partition AND k.contype = 'f'
            WHERE (d.upper IS NULL OR d.upper > first_id) AND pg_relation_size(d.partition) > 0
            ORDER BY d.upper IS NULL DESC, d.upper DESC
        LOOP
            -- The partitions themselves: their owner may, and there is no parent to plan for. One table to choose a way through:
            -- by the text index where the word is rare, from the newest call on where it is common. So the call is looked at
            -- by a subquery, once the words match, and the tenant before the words.
            EXECUTE format($find$
                SELECT array_agg(m.call_id), array_agg(m.rank) FROM (
                    SELECT d.call_id, ts_rank(d.document, $1) AS rank
                    FROM %s d
                    WHERE d.tenant_id = $2 AND d.document @@ $1 AND d.call_id >= $3
                      AND (SELECT c.deleted_at IS NULL AND c.started_at >= $4 %s FROM %s c WHERE c.id = d.call_id)
                    ORDER BY d.call_id DESC LIMIT $6) m$find$,
                month.documents,
                CASE WHEN vertical IS NOT NULL THEN
                    'AND EXISTS (SELECT 1 FROM voice.agent g WHERE g.id = c.agent_id AND g.tenant_id = $2 AND g.vertical = $5)' END,
                month.calls)
            USING wanted, tenant, first_id, since, vertical, max_matches - cardinality(found_calls)
            INTO more_calls, more_ranks;
            found_calls := found_calls || more_calls;
            found_ranks := found_ranks || more_ranks;
            EXIT WHEN cardinality(found_calls) >= max_matches;
        END LOOP;
    END IF;

    RETURN QUERY
    WITH best AS MATERIALIZED (
        SELECT m.id, m.rank FROM unnest(found_calls, found_ranks) m(id, rank)
        ORDER BY m.rank DESC, m.id DESC LIMIT max_rows
    ), said AS MATERIALIZED (
        -- Of each call the turns that match; if its words are scattered over turns, the one that has most of them.
        SELECT b.id AS call, b.rank, t.*
        FROM best b
        CROSS JOIN LATERAL (
            SELECT w.id AS turn, w.role, w.started_at, w.words, w.matches,
                   row_number() OVER (ORDER BY w.matches DESC, ts_rank(w.vector, wanted) DESC, w.started_at, w.id) AS place
            FROM (
                SELECT u.id, coalesce(u.speaker, u.role) AS role, u.started_at, s.words, v.vector, v.vector @@ wanted AS matches
                -- (OFFSET: what is done to a turn is prepared once, not for each month.)
                FROM (SELECT t.id, t.call_id, t.role, t.speaker, t.started_at, t.text FROM voice.turn t
                      WHERE t.call_id = b.id AND t.tenant_id = tenant OFFSET 0) u
                CROSS JOIN LATERAL (SELECT voice._turn_words(u.text, u.call_id, u.id)) s(words)
                CROSS JOIN LATERAL (SELECT CASE WHEN numbers IS NULL THEN to_tsvector(config, left(s.words, 400000))
                    ELSE to_tsvector(config, left(s.words, 400000)) || voice._search_lexemes(left(s.words, 400000))::tsvector END) v(vector)
                WHERE needles IS NULL OR lower(s.words) LIKE ANY (needles)
            ) w
        ) t
        WHERE t.matches OR t.place = 1
        ORDER BY b.rank DESC, b.id DESC, t.started_at, t.turn
        LIMIT max_rows
    )
    SELECT s.call, s.turn, s.role, s.started_at, s.rank,
           -- A number is shown as it is said.
           ts_headline(config, left(s.words, 100000), coalesce(wanted || n.said, wanted))
    FROM said s
    LEFT JOIN LATERAL (
        SELECT plainto_tsquery(config, nullif(array_to_string(voice._numbers_as_said(left(s.words, 100000), numbers), ' '), '')) AS said
        WHERE numbers <> '{}'
    ) n ON true
    ORDER BY s.rank DESC, s.call DESC, s.started_at, s.turn;
END
$$;
ALTER FUNCTION voice._search(text, timestamptz, text, int) OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._search(text, timestamptz, text, int) FROM PUBLIC;
COMMENT ON FUNCTION voice._search(text, timestamptz, text, int) IS 'does the work of voice_search, as voice_worker';

-- In Rust (src/api/search.rs) and not SECURITY DEFINER: such a function cannot know who calls it (session_user is
-- somebody else inside an index expression or another definer's function), and who may read is the question here.
CREATE FUNCTION voice_search(query text, since timestamptz DEFAULT '-infinity', vertical text DEFAULT NULL, max_rows int DEFAULT 20,
    OUT call_id uuid, OUT turn_id bigint, OUT role text, OUT started_at timestamptz, OUT rank real, OUT headline text)
RETURNS SETOF record
LANGUAGE c STABLE ROWS 20 AS 'MODULE_PATHNAME', 'voice_search_wrapper';
COMMENT ON FUNCTION voice_search(text, timestamptz, text, int) IS
    'turns in which these words were said (websearch syntax), the best calls first; ranks the newest 5,000 matching calls';
