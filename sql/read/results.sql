-- What was asked of calls and what came of it. As in leads.sql a range of time becomes a range of ids first, bound as constants of
-- a plan made for them, and the tenant is named beside row-level security.

CREATE FUNCTION voice._no_such_analysis(name text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF name IS NULL OR NOT EXISTS (SELECT 1 FROM voice.analysis a WHERE a.tenant_id = voice._tenant() AND a.name = _no_such_analysis.name) THEN
        RAISE EXCEPTION 'there is no such analysis'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('name is %s, and tenant "%s" has defined none of that name.', coalesce(quote_literal(name), 'NULL'), voice._tenant()),
                  HINT = 'SELECT name FROM voice_analyses() lists them; names are lower case.';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._no_such_analysis(text) IS 'raises the error for a name that no definition has';

CREATE FUNCTION voice_analyses(
    OUT name text, OUT version int, OUT applies boolean, OUT vertical text, OUT agent_id text, OUT model text, OUT min_user_turns int,
    OUT schema jsonb, OUT criteria jsonb, OUT instructions text, OUT created_at timestamptz, OUT created_by text, OUT retired_at timestamptz)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT a.name, a.version,
           a.retired_at IS NULL AND a.version = max(a.version) FILTER (WHERE a.retired_at IS NULL) OVER (PARTITION BY a.name),
           a.vertical, a.agent_id, a.model, a.min_user_turns, a.schema, a.criteria, a.instructions, a.created_at, a.created_by, a.retired_at
    FROM voice.analysis a WHERE a.tenant_id = voice._tenant()
    ORDER BY a.name, a.version DESC;
END
$$;
COMMENT ON FUNCTION voice_analyses() IS 'the definitions of this tenant, the newest version first; applies: to calls that end now';

CREATE FUNCTION voice._results(text, timestamptz, int, text, int,
    OUT call_id uuid, OUT agent_id text, OUT vertical text, OUT started_at timestamptz, OUT version int, OUT "values" jsonb,
    OUT criteria jsonb, OUT score int, OUT success text, OUT unsupported int, OUT refused text[]) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off
    SET enable_bitmapscan = off SET enable_seqscan = off
AS $$
DECLARE
    wanted ALIAS FOR $1;
    since ALIAS FOR $2;
    wanted_version ALIAS FOR $3;
    wanted_vertical ALIAS FOR $4;
    max_rows ALIAS FOR $5;
BEGIN
    IF since IS NULL OR max_rows < 0 THEN
        RAISE EXCEPTION 'results need a time and a number of rows'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('since is %s, max_rows %s.', coalesce(since::text, 'NULL'), coalesce(max_rows::text, 'NULL')),
                  HINT = 'voice_results(''booking'', now() - interval ''7 days''); max_rows NULL: all.';
    END IF;
    PERFORM voice._no_such_analysis(wanted);
    -- Whether a row is of the newest version that judged its call is one probe of the key for each row that is read.
    RETURN QUERY EXECUTE format($query$
        SELECT r.call_id, r.agent_id, r.vertical, r.started_at, r.version, %s, r.criteria, r.score::int, r.success, r.unsupported::int, r.refused
        FROM voice.result r
        WHERE r.tenant_id = $1 AND r.analysis = $2 AND r.started_at >= $3 AND r.call_id >= $4 AND r.deleted_at IS NULL %s AND r.version = %s
        ORDER BY r.started_at DESC, r.call_id DESC LIMIT $7$query$,
        CASE WHEN has_column_privilege('voice.result', 'values', 'SELECT') THEN 'r."values"' ELSE 'NULL::jsonb' END,
        CASE WHEN wanted_vertical IS NOT NULL THEN 'AND r.vertical = $6' END,
        CASE WHEN wanted_version IS NOT NULL THEN '$5' ELSE
            '(SELECT max(n.version) FROM voice.result n WHERE n.call_id = r.call_id AND n.call_id >= $4 AND n.analysis = $2)' END)
    USING voice._tenant(), wanted, since, @extschema@.voice_uuid_at(since - interval '24 hours'), wanted_version, wanted_vertical, max_rows;
END
$$;
COMMENT ON FUNCTION voice._results(text, timestamptz, int, text, int) IS 'does the work of voice_results';

-- plpgsql cannot have a parameter that is both given and shown, SQL can.
CREATE FUNCTION voice_results(
    name text, since timestamptz DEFAULT now() - interval '7 days', version int DEFAULT NULL, vertical text DEFAULT NULL, max_rows int DEFAULT 50,
    OUT call_id uuid, OUT agent_id text, OUT vertical text, OUT started_at timestamptz, OUT version int, OUT "values" jsonb,
    OUT criteria jsonb, OUT score int, OUT success text, OUT unsupported int, OUT refused text[]) RETURNS SETOF record
LANGUAGE sql STABLE ROWS 50
AS $$ SELECT * FROM voice._results($1, $2, $3, $4, $5) $$;
COMMENT ON FUNCTION voice_results(text, timestamptz, int, text, int) IS
    'what calls since then were judged to be by an analysis, the newest calls first; version NULL: of each call the newest version that judged it; vertical NULL: all; an analyst gets NULL for values';

CREATE FUNCTION voice_evidence(call_id uuid,
    OUT analysis text, OUT version int, OUT claim text, OUT turn int, OUT quote text, OUT speaker text, OUT supported boolean) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT x.analysis, x.version, e.claim, e.turn, e.quote, e.speaker, e.supported
    FROM (
        SELECT NULL::text AS analysis, NULL::int AS version, a.evidence FROM voice.analytics a
        WHERE a.call_id = voice_evidence.call_id AND a.tenant_id = voice._tenant() AND a.deleted_at IS NULL
        UNION ALL
        SELECT r.analysis, r.version, r.evidence FROM voice.result r
        WHERE r.call_id = voice_evidence.call_id AND r.tenant_id = voice._tenant() AND r.deleted_at IS NULL
    ) x
    CROSS JOIN LATERAL jsonb_array_elements(x.evidence) WITH ORDINALITY j(item, n)
    CROSS JOIN LATERAL jsonb_to_record(j.item) e(claim text, turn int, quote text, speaker text, supported boolean)
    ORDER BY x.analysis NULLS FIRST, x.version DESC, j.n;
END
$$;
COMMENT ON FUNCTION voice_evidence(uuid) IS
    'why a call was judged as it was: each claim with the turn, the words quoted and who said them; supported: they stand there; analysis NULL: of the fixed row';
