-- What a person says of a call. A plain INSERT into voice.label does as well; these functions check the names of properties and
-- criteria too, and give out the calls that wait.

CREATE FUNCTION voice._check_label(properties jsonb, criteria jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    item record;
BEGIN
    SELECT s.what, s.path INTO item FROM (
        -- Taken apart only where it is an object: the conditions of a WHERE have no order, those of a CASE have.
        SELECT 'property' AS what, o.analysis, coalesce(p.key, '') AS name, p.value, o.analysis || coalesce('.' || p.key, '') AS path
        FROM (SELECT a.key AS analysis, a.value AS named FROM jsonb_each(CASE jsonb_typeof(properties) WHEN 'object' THEN properties END) a) o
        LEFT JOIN LATERAL jsonb_each(CASE jsonb_typeof(o.named) WHEN 'object' THEN o.named END) p ON true
        UNION ALL
        SELECT 'criterion', o.analysis, coalesce(p.key, ''), p.value, o.analysis || coalesce('.' || p.key, '')
        FROM (SELECT a.key AS analysis, a.value AS named FROM jsonb_each(CASE jsonb_typeof(criteria) WHEN 'object' THEN criteria END) a) o
        LEFT JOIN LATERAL jsonb_each(CASE jsonb_typeof(o.named) WHEN 'object' THEN o.named END) p ON true
    ) s
    WHERE NOT EXISTS (
        SELECT 1 FROM voice.analysis d
        LEFT JOIN LATERAL jsonb_array_elements(d.criteria) c ON s.what = 'criterion'
        WHERE d.tenant_id = voice._tenant() AND d.name = s.analysis
          AND CASE WHEN s.what = 'property' THEN d.schema->'properties' ? s.name
                   WHEN c->>'name' IS DISTINCT FROM s.name THEN false
                   WHEN s.value = '"not_applicable"' THEN true
                   WHEN c->>'kind' = 'score' THEN CASE jsonb_typeof(s.value) WHEN 'number'
                                                  THEN s.value::numeric BETWEEN 0 AND coalesce((c->>'max')::numeric, 5) ELSE false END
                   ELSE s.value IN ('"pass"', '"fail"') END)
    ORDER BY s.what DESC, s.path LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'no analysis asks for this %, or not in this form', item.what
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('It is %s.', item.path),
                  HINT = CASE item.what
                      WHEN 'property' THEN 'properties is {"analysis": {"property": value}}; SELECT name, schema FROM voice_analyses() lists them.'
                      ELSE 'criteria is {"analysis": {"criterion": "pass" | "fail" | "not_applicable" | points, 0 to max}}; SELECT name, criteria FROM voice_analyses() lists them.' END;
    END IF;
END
$$;
COMMENT ON FUNCTION voice._check_label(jsonb, jsonb) IS 'raises the error for a property or a criterion that no definition has, or a verdict that is none of its';

CREATE FUNCTION voice_label(
    call_id uuid, sentiment double precision DEFAULT NULL, lead_score int DEFAULT NULL, intent text DEFAULT NULL,
    properties jsonb DEFAULT NULL, criteria jsonb DEFAULT NULL, comment text DEFAULT NULL, labeller text DEFAULT session_user) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    said bigint;
BEGIN
    IF call_id IS NULL OR coalesce(labeller, '') = '' OR num_nonnulls(sentiment, lead_score, intent, properties, criteria, nullif(btrim(comment), '')) = 0 THEN
        RAISE EXCEPTION 'a label needs a call, a person and something to say of it'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = CASE WHEN call_id IS NULL THEN 'call_id is NULL.' WHEN coalesce(labeller, '') = '' THEN 'labeller is empty.'
                                ELSE 'sentiment, lead_score, intent, properties, criteria and comment are all NULL.' END,
                  HINT = 'voice_label(id, sentiment => -0.5, intent => ''complaint''); of a call that cannot be judged: voice_label(id, comment => ''…'').';
    END IF;
    PERFORM voice._check_label(properties, criteria);
    INSERT INTO voice.label AS l (call_id, labeller, sentiment, lead_score, intent, "values", criteria, comment)
    VALUES (voice_label.call_id, voice_label.labeller, voice_label.sentiment, voice_label.lead_score, voice_label.intent, voice_label.properties,
            voice_label.criteria, nullif(btrim(voice_label.comment), ''))
    ON CONFLICT ON CONSTRAINT label_pkey DO UPDATE
    SET labelled_at = EXCLUDED.labelled_at, sentiment = EXCLUDED.sentiment, lead_score = EXCLUDED.lead_score, intent = EXCLUDED.intent,
        "values" = EXCLUDED."values", criteria = EXCLUDED.criteria, comment = EXCLUDED.comment;
    SELECT count(*) INTO said FROM voice.label l WHERE l.call_id = voice_label.call_id AND l.tenant_id = voice._tenant();
    RETURN said;
END
$$;
COMMENT ON FUNCTION voice_label(uuid, double precision, int, text, jsonb, jsonb, text, text) IS
    'says what a person makes of a call, in place of what the same person has said of it before, and returns how many people have labelled it; properties and criteria by analysis';

-- A lease, not a lock: people take their time, and a browser that is closed holds nothing for longer than that.
CREATE FUNCTION voice_next_to_label(
    sample bigint DEFAULT NULL, labeller text DEFAULT session_user, lease interval DEFAULT '30 minutes',
    OUT call_id uuid, OUT sample_id bigint, OUT place int, OUT leased_until timestamptz, OUT transcript text) RETURNS SETOF record
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    at CONSTANT timestamptz := clock_timestamp();
    is_own boolean;
BEGIN
    IF coalesce(labeller, '') = '' OR lease IS NULL OR lease NOT BETWEEN interval '1 second' AND interval '7 days' THEN
        RAISE EXCEPTION 'a call is given to a person for a time'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = CASE WHEN coalesce(labeller, '') = '' THEN 'labeller is empty.' ELSE format('lease is %s.', coalesce(lease::text, 'NULL')) END,
                  HINT = 'lease is 1 second to 7 days.';
    END IF;
    -- The call that the person has already goes first: who reloads a page gets it again.
    FOREACH is_own IN ARRAY '{true,false}'::boolean[] LOOP
        SELECT t.call_id, t.sample_id, t.place INTO voice_next_to_label.call_id, voice_next_to_label.sample_id, voice_next_to_label.place
        FROM voice.label_task t JOIN voice.call c ON c.id = t.call_id AND c.tenant_id = voice._tenant() AND c.deleted_at IS NULL
        WHERE t.tenant_id = voice._tenant() AND t.labels < t.wanted AND t.sample_id = coalesce(voice_next_to_label.sample, t.sample_id)
          AND CASE WHEN is_own THEN t.leased_by = voice_next_to_label.labeller AND t.leased_until > at
                   ELSE t.leased_until IS NULL OR t.leased_until <= at END
          -- Nobody is asked twice.
          AND NOT EXISTS (SELECT 1 FROM voice.label l WHERE l.call_id = t.call_id AND l.labeller = voice_next_to_label.labeller)
          -- Nor is a call of two samples given to two people at once.
          AND NOT EXISTS (SELECT 1 FROM voice.label_task o WHERE o.call_id = t.call_id AND o.sample_id <> t.sample_id AND o.leased_until > at
                            AND o.leased_by <> voice_next_to_label.labeller)
        ORDER BY t.sample_id, t.place LIMIT 1
        FOR UPDATE OF t SKIP LOCKED;
        EXIT WHEN FOUND;
    END LOOP;
    IF voice_next_to_label.call_id IS NULL THEN
        RETURN;
    END IF;
    leased_until := at + lease;
    UPDATE voice.label_task t SET leased_by = voice_next_to_label.labeller, leased_until = voice_next_to_label.leased_until
    WHERE t.sample_id = voice_next_to_label.sample_id AND t.call_id = voice_next_to_label.call_id;
    transcript := @extschema@.voice_transcript(voice_next_to_label.call_id);
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION voice_next_to_label(bigint, text, interval) IS
    'a call that waits for a person, with its transcript and no judgement of it, and keeps it from others until it is labelled or the lease ends; no row: none waits for this person';
