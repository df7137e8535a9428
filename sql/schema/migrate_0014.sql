-- 0.2.0. Tables stay as they are; whoever sees costs may call what voice_cost() and voice_report_data() are made of.
CREATE FUNCTION voice._migrate_0014() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    PERFORM voice._grant_with('voice_cost', '{_costs,_model_prices,_report_cost}');
END
$$;
COMMENT ON FUNCTION voice._migrate_0014() IS 'costs are on the report';
