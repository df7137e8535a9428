-- Deleted: hidden everywhere, and it comes back. Erased: gone everywhere, and one row says that something was.
-- Calls are locked before their jobs, as by everybody; the tenant is named beside row-level security.

CREATE FUNCTION voice._no_such_call(call_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'there is no such call'
        USING ERRCODE = 'no_data_found',
              DETAIL = format('Call %s is not among those of tenant "%s".', coalesce(call_id::text, 'NULL'), voice._tenant()),
              HINT = 'The setting voice_analytics.tenant says whose calls are seen.';
END
$$;
COMMENT ON FUNCTION voice._no_such_call(uuid) IS 'raises the error for a call that cannot be deleted or erased';

CREATE FUNCTION voice_delete_call(call_id uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    -- Outside of the statement: distributed tables take no volatile function in it.
    at CONSTANT timestamptz := clock_timestamp();
BEGIN
    UPDATE voice.call c SET deleted_at = at
    WHERE c.id = voice_delete_call.call_id AND c.tenant_id = voice._tenant() AND c.deleted_at IS NULL;
    IF FOUND THEN
        RETURN true;
    ELSIF NOT EXISTS (SELECT 1 FROM voice.call c WHERE c.id = voice_delete_call.call_id AND c.tenant_id = voice._tenant()) THEN
        PERFORM voice._no_such_call(call_id);
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION voice_delete_call(uuid) IS
    'hides a call from every function and from the queue until voice_restore_call(); false: it was hidden already';

-- The trigger that queues calls sees one that comes back, and the worker skips it if nothing has changed.
CREATE FUNCTION voice_restore_call(call_id uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    UPDATE voice.call c SET deleted_at = NULL
    WHERE c.id = voice_restore_call.call_id AND c.tenant_id = voice._tenant() AND c.deleted_at IS NOT NULL;
    IF FOUND THEN
        RETURN true;
    ELSIF NOT EXISTS (SELECT 1 FROM voice.call c WHERE c.id = voice_restore_call.call_id AND c.tenant_id = voice._tenant()) THEN
        PERFORM voice._no_such_call(call_id);
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION voice_restore_call(uuid) IS
    'brings a deleted call back, and queues it if it lacks analytics; false: it was not deleted';

-- Numbers, however they are written (core/src/phone/caller.rs).
CREATE FUNCTION voice._not_a_caller(phone_number text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_not_a_caller_wrapper';
COMMENT ON FUNCTION voice._not_a_caller(text) IS
    'why this is no number of a caller (too short, withheld, placeholder); NULL: it is one';

CREATE FUNCTION voice._is_caller(number text, wanted text) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_is_caller_wrapper';
COMMENT ON FUNCTION voice._is_caller(text, text) IS 'whether two numbers are one caller''s, with or without the country code';

CREATE FUNCTION voice._international_number(phone_number text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_international_number_wrapper';
COMMENT ON FUNCTION voice._international_number(text) IS
    'the number with a plus and its country code; NULL where that is not known';

CREATE FUNCTION voice._mentions(words text, phone_number text) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_mentions_wrapper';
COMMENT ON FUNCTION voice._mentions(text, text) IS 'whether a caller''s number is said in these words, written or spoken';

CREATE FUNCTION voice._erase(ids uuid[], removed jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    parent text;
    erased uuid[];
    counted bigint;
BEGIN
    -- Always in one order, so that two erasures never wait for one another.
    SELECT array_agg(l.id) INTO erased FROM (
        SELECT c.id FROM voice.call c
        WHERE c.id = ANY (ids) AND c.id BETWEEN ids[1] AND ids[cardinality(ids)] AND c.tenant_id = voice._tenant()
        ORDER BY c.id FOR UPDATE) l;
    IF erased IS NULL THEN
        RETURN removed;
    END IF;
    FOREACH parent IN ARRAY voice._partitioned_tables() || ARRAY['job', 'dead_job', 'trial_result', 'label', 'label_task', 'live'] LOOP
        EXECUTE format('SELECT count(*) FROM voice.%I f WHERE f.%I = ANY ($1) AND f.%2$I BETWEEN $2 AND $3',
                       parent, CASE parent WHEN 'call' THEN 'id' ELSE 'call_id' END)
        USING erased, erased[1], erased[cardinality(erased)] INTO counted;
        removed := removed || jsonb_build_object(parent, coalesce((removed->>parent)::bigint, 0) + counted);
    END LOOP;
    -- Figures of days stay; the id is the call's.
    UPDATE voice.daily_detail d SET longest_silence_call = NULL WHERE d.longest_silence_call = ANY (erased);
    -- Whatever belongs to a call leaves with it: by foreign key, jobs, trials and labels by trigger. The bounds prune to the months.
    DELETE FROM voice.call c WHERE c.id = ANY (erased) AND c.id BETWEEN erased[1] AND erased[cardinality(erased)];
    RETURN removed;
END
$$;
COMMENT ON FUNCTION voice._erase(uuid[], jsonb) IS 'erases calls, ids in order, and counts what was removed';

CREATE FUNCTION voice_erase_call(call_id uuid, OUT what text, OUT count bigint) RETURNS SETOF record
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    removed CONSTANT jsonb := voice._erase(ARRAY[call_id], '{}');
BEGIN
    IF removed = '{}' THEN
        PERFORM voice._no_such_call(call_id);
    END IF;
    INSERT INTO voice.erasure (kind, removed) VALUES ('call', removed);
    RETURN QUERY SELECT r.key, r.value::bigint FROM jsonb_each_text(removed) r ORDER BY r.key;
END
$$;
COMMENT ON FUNCTION voice_erase_call(uuid) IS
    'removes every trace of a call, leaves a row in voice.erasure, and returns how many rows of which table';

-- A number is compared with that of the caller: who rang, or who was rung. No index knows numbers, so this reads every
-- call's once, and every turn's words for mentions; what it then removes it takes a thousand calls at a time.
CREATE FUNCTION voice_erase_caller(phone_number text, OUT what text, OUT count bigint, OUT call_id uuid) RETURNS SETOF record
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    batch CONSTANT int := 1000;
    problem CONSTANT text := voice._not_a_caller(phone_number);
    removed jsonb := '{"call": 0}';
    ids uuid[];
    callers text[];
BEGIN
    IF problem = 'too short' THEN
        RAISE EXCEPTION 'this is no phone number'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('phone_number is %s, which has fewer than 5 digits.', coalesce(quote_literal(phone_number), 'NULL')),
                  HINT = 'Pass it with its country code, as calls have it: ''+12125550142''. Other callers: voice_erase_call(id).';
    ELSIF problem IS NOT NULL THEN
        RAISE EXCEPTION 'this number is not one caller''s'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = CASE problem
                      WHEN 'withheld' THEN format('%L is what carriers send for everybody who withholds their number.', phone_number)
                      ELSE format('%L are digits that stand for a number.', phone_number) END,
                  HINT = 'Erase the call itself: voice_erase_call(id).';
    END IF;
    SELECT coalesce(array_agg(c.id ORDER BY c.id), '{}'), array_agg(DISTINCT voice._international_number(c.number))
    INTO ids, callers
    FROM (SELECT c.id, voice._contact_number(c.direction, c.from_number, c.to_number) AS number
          FROM voice.call c WHERE c.tenant_id = voice._tenant()) c
    WHERE voice._is_caller(c.number, phone_number);
    callers := array_remove(callers, NULL);
    IF cardinality(callers) > 1 THEN
        RAISE EXCEPTION 'more than one caller has this number'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('Without its country code %L is the number of %s.', phone_number, array_to_string(callers, ', ')),
                  HINT = 'Pass it with the country code.';
    END IF;
    FOR place IN 1..cardinality(ids) BY batch LOOP
        removed := voice._erase(ids[place:place + batch - 1], removed);
    END LOOP;
    IF removed->>'call' = '0' THEN
        RAISE NOTICE 'no call of this caller was found, and nothing was erased'
            USING DETAIL = format('No call of tenant "%s" is from or to this number.', voice._tenant()),
                  HINT = 'Calls have the number in from_number, or in to_number if they are outbound.';
    ELSE
        INSERT INTO voice.erasure (kind, removed) VALUES ('caller', removed);
    END IF;
    RETURN QUERY SELECT r.key, r.value::bigint, NULL::uuid FROM jsonb_each_text(removed) r ORDER BY r.key;
    RETURN QUERY
    SELECT 'mention', count(*), t.call_id FROM voice.turn t
    WHERE t.tenant_id = voice._tenant()
      AND voice._mentions(voice._turn_words(t.text, t.call_id, t.id), phone_number)
    GROUP BY t.call_id ORDER BY t.call_id;
END
$$;
COMMENT ON FUNCTION voice_erase_caller(text) IS
    'erases every call of this caller, as voice_erase_call() does one; a row "mention" for each other call in which the number is said, with how many turns say it';
