-- 0.2.0. Hours of alerts that are summed up again have an index; whoever sees costs may call what voice_cost() and voice_report_data() are made of.
CREATE FUNCTION voice._migrate_0014() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    CREATE INDEX IF NOT EXISTS _alert_hour_done_open_idx ON voice._alert_hour_done (computed_at) WHERE computed_at - hour < interval '25 hours';
    IF NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = 'voice.model_price'::regclass AND k.conname = 'model_price_model_is_a_pattern') THEN
        ALTER TABLE voice.model_price DROP CONSTRAINT IF EXISTS model_price_model_not_empty,
            ADD CONSTRAINT model_price_model_is_a_pattern CHECK (model <> '' AND strpos(model, '\') = 0);
    END IF;
    PERFORM voice._grant_with('voice_cost', '{_costs,_few_agents,_model_prices,_report_cost}');
END
$$;
COMMENT ON FUNCTION voice._migrate_0014() IS 'costs are on the report, and hours of alerts that may change are found at once';
