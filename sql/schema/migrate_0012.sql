-- 0.2.0. The new table is made by voice_install(); days that were rolled up before it was there are rolled up again, those of the
-- last weeks. Before the months of the others nobody looks back day by day.
CREATE FUNCTION voice._migrate_0012() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    UPDATE voice._rolled_day r SET print = NULL WHERE r.print IS NOT NULL AND r.day >= now()::date - 35;
    DELETE FROM voice._rolled_month;
    PERFORM voice._grant_relations('{daily_detail}');
    PERFORM voice._grant_with('voice_scorecard', '{voice_report,voice_report_data,_report_page,_may_read,_report_days,_report_details,_report_calls,_bucket_ms,_is_hot_lead}');
    PERFORM voice._grant_with('voice_evidence', '{_detail_sums,_latency_bucket,_end_reason_code}');
    PERFORM voice._grant_with('voice_requeue_dead', '{voice_report,voice_report_data,_report_page,_may_read,_report_days,_report_details,_bucket_ms}');
END
$$;
COMMENT ON FUNCTION voice._migrate_0012() IS 'roll-ups know how the calls of a day are spread';
