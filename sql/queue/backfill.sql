-- What is queued here waits behind live calls, and what is judged already as it would be judged now is not queued at all.

CREATE FUNCTION voice._analyzer() RETURNS jsonb
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_analyzer_wrapper';
COMMENT ON FUNCTION voice._analyzer() IS 'who judges now: analyzer, version, rule_version, prompt_chars, max_chars';

-- Alike to sql/queries/prepare.sql: the same words have the same hash.
CREATE FUNCTION voice._transcript_hash(call_id uuid) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT coalesce(substr(sha256(convert_to(
               string_agg(s.speaker || E'\x1f' || s.words, E'\x1e' ORDER BY s.started_at, s.id), 'UTF8')), 1, 16), '')
    FROM (SELECT u.id, u.started_at, voice._turn_speaker(u.role, u.speaker, u.interrupted) AS speaker,
                 voice._turn_words(u.text, u.call_id, u.id) AS words
          FROM voice.turn u WHERE u.call_id = $1) s
$$;
COMMENT ON FUNCTION voice._transcript_hash(uuid) IS 'of the words of a call, as the worker computes it';

-- A token is about four characters of English; a reply is about 150 of them.
CREATE FUNCTION voice._estimate_tokens(calls bigint, sample uuid[], analyzer jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    chars double precision;
BEGIN
    IF analyzer->>'analyzer' = 'builtin' THEN
        RAISE NOTICE '% calls would be queued; the builtin analyzer costs no tokens', calls;
        RETURN;
    END IF;
    SELECT avg(least(x.chars, (analyzer->>'max_chars')::int)) INTO chars
    FROM unnest(sample) s(id) CROSS JOIN LATERAL (
        SELECT coalesce(sum(char_length(t.role) + char_length(t.text) + 3), 0) AS chars FROM voice.turn t WHERE t.call_id = s.id) x;
    RAISE NOTICE '% calls would be queued, for about % prompt tokens and % completion tokens', calls,
        round(calls * (coalesce(chars, 0) + (analyzer->>'prompt_chars')::int) / 4), calls * 150
        USING DETAIL = format('Guessed from the characters of %s of the calls, four to a token, and 150 tokens a reply.', cardinality(sample));
END
$$;
COMMENT ON FUNCTION voice._estimate_tokens(bigint, uuid[], jsonb) IS 'says about how many tokens the analysis of so many calls like these costs';

CREATE FUNCTION voice_backfill(
    since timestamptz DEFAULT '-infinity', vertical text DEFAULT NULL, max_calls int DEFAULT NULL,
    stale boolean DEFAULT false, dry_run boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    analyzer CONSTANT jsonb := voice._analyzer();
    first_id CONSTANT uuid := @extschema@.voice_uuid_at(greatest(since, timestamptz '1970-01-03 00:00:00+00') - interval '24 hours');
    agents text[];
    range record;
    found_now bigint;
    total bigint := 0;
    newest uuid[];
    sample uuid[] := '{}';
    chosen text;
BEGIN
    IF since IS NULL THEN
        RAISE EXCEPTION 'a backfill needs to know since when'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'since is NULL.',
                  HINT = 'Leave it out for all calls, or pass a time: now() - interval ''30 days''.';
    ELSIF max_calls < 0 THEN
        RAISE EXCEPTION 'max_calls is out of range'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('max_calls is %s.', max_calls),
                  HINT = 'Pass 0 or more, or NULL for all.';
    ELSIF since > now() + interval '24 hours' THEN
        RAISE NOTICE 'no call has started since then' USING DETAIL = format('since is %s, in the future.', since);
        RETURN 0;
    ELSIF vertical IS NOT NULL THEN
        SELECT array_agg(a.id) INTO agents FROM voice.agent a WHERE a.vertical = voice_backfill.vertical;
        IF agents IS NULL THEN
            RAISE NOTICE 'no agent is of this vertical'
                USING DETAIL = format('vertical is %L.', vertical), HINT = 'SELECT DISTINCT vertical FROM voice.agent lists them.';
            RETURN 0;
        END IF;
    END IF;
    -- Which calls of a range of ids, newest first. With the bounds as constants planning prunes to one month, and the
    -- two anti-joins are of one month's size. A call that gave up is for voice_requeue_dead().
    chosen := format($query$
        SELECT c.id, c.tenant_id FROM voice.call c
        WHERE c.id >= $1 AND c.id < $2 AND c.started_at >= $3 AND c.status <> 'in_progress' AND c.deleted_at IS NULL %s
          AND NOT EXISTS (SELECT FROM voice.analytics a WHERE a.call_id = c.id AND a.call_id >= $1 AND a.call_id < $2 %s)
          AND NOT EXISTS (SELECT FROM voice.job j WHERE j.call_id = c.id AND j.kind = 'analyze')
          AND NOT EXISTS (SELECT FROM voice.dead_job d WHERE d.call_id = c.id AND d.kind = 'analyze')
        ORDER BY c.id DESC LIMIT $5$query$,
        CASE WHEN agents IS NOT NULL THEN 'AND c.agent_id = ANY ($4)' END,
        -- Current, as the worker decides it. The words are read only where the prompt is the same.
        CASE WHEN stale THEN
            'AND CASE WHEN a.prompt_version IN ($6, $7) THEN a.transcript_hash = voice._transcript_hash(a.call_id) ELSE false END'
        END);
    FOR range IN
        SELECT greatest(r.lower, first_id) AS lower, r.upper FROM (
            SELECT l.lower, l.upper FROM voice._partitions('call') l WHERE l.lower IS NOT NULL
            UNION ALL
            -- What lies between the months is in the DEFAULT.
            SELECT g.past, coalesce(lead(g.start) OVER (ORDER BY g.past), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            FROM (SELECT uuid '00000000-0000-0000-0000-000000000000' AS past, NULL::uuid AS start
                  UNION ALL SELECT l.upper, l.lower FROM voice._partitions('call') l WHERE l.lower IS NOT NULL) g
            -- Its size: its rows are its owner's to read, and an operator backfills too.
            WHERE pg_relation_size('voice.call_default'::regclass) > 0
        ) r
        WHERE r.upper > greatest(r.lower, first_id) ORDER BY r.lower DESC
    LOOP
        EXIT WHEN total >= max_calls;
        IF dry_run THEN
            EXECUTE 'SELECT count(*), coalesce((array_agg(x.id))[1:20], ''{}'') FROM (' || chosen || ') x' INTO found_now, newest
            USING range.lower, range.upper, since, agents, max_calls - total, analyzer->>'version', analyzer->>'rule_version';
        ELSE
            EXECUTE 'INSERT INTO voice.job (call_id, tenant_id, kind, priority) SELECT x.id, x.tenant_id, ''analyze'', 10 FROM ('
                    || chosen || ') x ON CONFLICT DO NOTHING'
            USING range.lower, range.upper, since, agents, max_calls - total, analyzer->>'version', analyzer->>'rule_version';
            GET DIAGNOSTICS found_now = ROW_COUNT;
        END IF;
        total := total + found_now;
        IF dry_run AND cardinality(sample) < 200 THEN
            sample := sample || newest;
        END IF;
    END LOOP;
    IF dry_run THEN
        PERFORM voice._estimate_tokens(total, sample, analyzer);
    ELSE
        PERFORM voice._wake();
    END IF;
    RETURN total;
END
$$;
COMMENT ON FUNCTION voice_backfill(timestamptz, text, int, boolean, boolean) IS
    'queues ended calls without analytics (stale: also those of another prompt or other words), the newest first, behind live calls; dry_run: only says how many, and about how many tokens';
