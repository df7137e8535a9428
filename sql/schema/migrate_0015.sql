-- 0.2.0. Tool statistics are a function of other arguments, which the upgrade script dropped and made anew.
CREATE FUNCTION voice._migrate_0015() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    PERFORM voice._grant_with('voice_evidence', '{voice_tool_stats}');
    PERFORM voice._grant_with('voice_report', '{_add_up_tools}');
END
$$;
COMMENT ON FUNCTION voice._migrate_0015() IS 'grants tool statistics again, which can be read from sums';
