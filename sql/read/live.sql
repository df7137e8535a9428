-- Calls in progress, by the rows that the commits of their turns wrote: no month is read but for those calls.

CREATE FUNCTION voice_live(max_rows int DEFAULT 1000,
    OUT call_id uuid, OUT agent_id text, OUT external_id text, OUT started_at timestamptz, OUT as_of_turn int,
    OUT sentiment double precision, OUT lead_score int, OUT intent text, OUT criteria jsonb, OUT alerts text[], OUT summary text,
    OUT looks int, OUT asked_at timestamptz, OUT computed_at timestamptz) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT l.call_id, c.agent_id, c.external_id, c.started_at, l.turn, l.sentiment, l.lead_score::int, l.intent, l.criteria, l.alerts,
           l.summary, l.looks, l.asked_at, l.computed_at
    FROM voice.live l
    CROSS JOIN LATERAL (
        SELECT c.agent_id, c.external_id, c.started_at FROM voice.call c
        WHERE c.id = l.call_id AND c.tenant_id = voice._tenant() AND c.status = 'in_progress' AND c.deleted_at IS NULL LIMIT 1) c
    WHERE l.tenant_id = voice._tenant()
    ORDER BY c.started_at DESC, l.call_id LIMIT max_rows;
END
$$;
COMMENT ON FUNCTION voice_live(int) IS
    'calls in progress in which something was said while the setting voice_analytics.live_interval was on, the newest first, with the last look at each; as_of_turn NULL: there was none yet';
