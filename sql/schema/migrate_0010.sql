-- 0.2.0. The new tables are made by voice_install(). What was asked before is booked on the day on which it was asked.
CREATE FUNCTION voice._migrate_0010() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'voice.tenant_limit'::regclass AND attname = 'budget_per_day' AND NOT attisdropped) THEN
        ALTER TABLE voice.tenant_limit
            ADD COLUMN budget_per_day numeric CONSTRAINT tenant_limit_budget_per_day_in_range CHECK (budget_per_day > 0 AND budget_per_day < 1e12),
            ADD COLUMN budget_currency text NOT NULL DEFAULT 'USD' CONSTRAINT tenant_limit_budget_currency_is_a_code CHECK (budget_currency ~ '^[A-Z]{3}$');
        COMMENT ON COLUMN voice.tenant_limit.budget_per_day IS 'what its analyses may cost a day; NULL: as much as they do';
        COMMENT ON COLUMN voice.tenant_limit.budget_currency IS 'of budget_per_day; what has no price in this currency is not counted';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM voice.daily_usage) THEN
        INSERT INTO voice.daily_usage (tenant_id, day, agent_id, model, analysis, requests, prompt_tokens, completion_tokens)
        SELECT a.tenant_id, (a.created_at AT TIME ZONE voice._zone())::date, c.agent_id, a.model,
               CASE WHEN a.outcome = 'part' THEN '(notes)' WHEN a.kind = 'analyze' THEN 'fixed' ELSE '(' || a.kind || ')' END,
               count(*), coalesce(sum(a.prompt_tokens), 0), coalesce(sum(a.completion_tokens), 0)
        FROM voice.attempt a JOIN voice.call c ON c.id = a.call_id
        WHERE a.model IS NOT NULL AND (a.prompt_tokens IS NOT NULL OR a.completion_tokens IS NOT NULL)
        GROUP BY 1, 2, 3, 4, 5;
    END IF;
    PERFORM voice._grant_relations('{model_price,daily_usage,daily_cost,backfill}');
    PERFORM voice._grant_with('voice_sentiment_trend', '{voice_cost,voice_list_prices,_prices,_model_price,_usage_cost}');
    PERFORM voice._grant_with('voice_trial_report', '{voice_progress}');
    PERFORM voice._grant_with('voice_requeue_dead', '{voice_cost,voice_list_prices,_prices,_model_price,_usage_cost,voice_budgets,_spent,voice_progress,_maintenance_progress,_estimate_cost,_estimate_trial,_call_chars}');
END
$$;
COMMENT ON FUNCTION voice._migrate_0010() IS 'what analyses cost is booked by day, models have prices, tenants may have budgets';
