-- Calls that nobody has ended: a program that died between the first word and the hang-up. No index says which calls are in
-- progress (their end must stay a HOT update), so the months since a time are read: for people and maintenance, not for every
-- minute. voice.daily.in_progress has the figure of past days.

-- When the last sign of life was: a turn's end or start, a tool call, the start.
CREATE FUNCTION voice._last_word_at(call_id uuid, started_at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RETURN greatest(_last_word_at.started_at,
        (SELECT max(greatest(t.started_at, t.ended_at)) FROM voice.turn t WHERE t.call_id = _last_word_at.call_id),
        (SELECT max(k.invoked_at) FROM voice.tool_call k WHERE k.call_id = _last_word_at.call_id));
END
$$;
COMMENT ON FUNCTION voice._last_word_at(uuid, timestamptz) IS 'when something was last said or done in a call';

CREATE FUNCTION voice_stale_calls(
    older_than interval DEFAULT '4 hours', since timestamptz DEFAULT now() - interval '31 days', max_rows int DEFAULT 1000,
    OUT call_id uuid, OUT agent_id text, OUT external_id text, OUT started_at timestamptz, OUT last_word_at timestamptz)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF older_than IS NULL OR older_than < interval '0' OR since IS NULL THEN
        RAISE EXCEPTION 'stale calls need a time'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('older_than is %s, since %s.', coalesce(older_than::text, 'NULL'), coalesce(since::text, 'NULL')),
                  HINT = 'voice_stale_calls(interval ''4 hours''); since ''-infinity'' reads every month.';
    END IF;
    RETURN QUERY EXECUTE $query$
        SELECT c.id, c.agent_id, c.external_id, c.started_at, l.at
        FROM voice.call c CROSS JOIN LATERAL (SELECT voice._last_word_at(c.id, c.started_at) OFFSET 0) l(at)
        WHERE c.status = 'in_progress' AND c.deleted_at IS NULL AND c.tenant_id = voice._tenant()
          AND c.started_at >= $1 AND c.id >= $2 AND c.started_at < now() - $3 AND l.at < now() - $3
        ORDER BY c.started_at, c.id LIMIT $4$query$
    USING since, @extschema@.voice_uuid_at(since - interval '24 hours'), older_than, max_rows;
END
$$;
COMMENT ON FUNCTION voice_stale_calls(interval, timestamptz, int) IS
    'calls in progress that began since then and in which nothing was said or done for so long, the oldest first';

CREATE FUNCTION voice_end_stale_calls(
    older_than interval DEFAULT '4 hours', since timestamptz DEFAULT now() - interval '31 days', max_rows int DEFAULT 1000)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    ended bigint;
BEGIN
    UPDATE voice.call c SET status = 'completed', ended_at = s.last_word_at, end_reason = coalesce(c.end_reason, 'nobody ended it')
    FROM @extschema@.voice_stale_calls(older_than, since, max_rows) s
    WHERE c.id = s.call_id AND c.tenant_id = voice._tenant() AND c.status = 'in_progress';
    GET DIAGNOSTICS ended = ROW_COUNT;
    RETURN ended;
END
$$;
COMMENT ON FUNCTION voice_end_stale_calls(interval, timestamptz, int) IS
    'ends the calls of voice_stale_calls() at their last word, which queues their analysis; returns how many';

-- Maintenance, as voice_worker: of every tenant.
CREATE FUNCTION voice._end_stale_calls(older_than interval, at_most int) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    ended bigint;
BEGIN
    EXECUTE $query$
        UPDATE voice.call c SET status = 'completed', ended_at = s.at, end_reason = coalesce(c.end_reason, 'nobody ended it')
        FROM (SELECT c.id, l.at
              FROM voice.call c CROSS JOIN LATERAL (SELECT voice._last_word_at(c.id, c.started_at) OFFSET 0) l(at)
              WHERE c.status = 'in_progress' AND c.deleted_at IS NULL AND c.id >= $1
                AND c.started_at < now() - $2 AND l.at < now() - $2 AND c.tenant_id <> ALL ($4)
              LIMIT $3) s
        WHERE c.id = s.id AND c.status = 'in_progress'$query$
    USING @extschema@.voice_uuid_at(now() - interval '31 days'), older_than, at_most, voice._moving_tenants();
    GET DIAGNOSTICS ended = ROW_COUNT;
    RETURN ended;
END
$$;
COMMENT ON FUNCTION voice._end_stale_calls(interval, int) IS 'what the setting voice_analytics.end_stale_calls_after asks of maintenance';
