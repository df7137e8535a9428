-- The calls' own cost by day, beside voice.daily.

CREATE FUNCTION voice._roll_up_costs(day date, first_id uuid, past_id uuid, since timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    DELETE FROM voice.daily_cost d WHERE d.day = _roll_up_costs.day AND NOT voice._came_with(d.tenant_id, d.day);
    EXECUTE $query$
        INSERT INTO voice.daily_cost (tenant_id, day, agent_id, currency, calls, minutes, cost)
        SELECT c.tenant_id, $5, c.agent_id, upper(btrim(coalesce(c.cost_currency, ''))), count(*),
               coalesce(sum(c.duration_ms), 0) / 60000.0, sum(c.cost)
        FROM voice.call c
        WHERE c.id >= $1 AND c.id < $2 AND c.started_at >= $3 AND c.started_at < $4 AND c.deleted_at IS NULL AND c.cost IS NOT NULL
        GROUP BY 1, 3, 4
        ON CONFLICT DO NOTHING$query$
    USING first_id, past_id, since, until, day;
END
$$;
COMMENT ON FUNCTION voice._roll_up_costs(date, uuid, uuid, timestamptz, timestamptz) IS 'computes a day of voice.daily_cost anew';
