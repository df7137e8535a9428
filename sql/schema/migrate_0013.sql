-- 0.2.0. Its tables are members of the extension, made by the upgrade script.
CREATE FUNCTION voice._migrate_0013() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    PERFORM voice._grant_with('voice_requeue_dead', '{_moving_tenants}');
    PERFORM voice._grant_with('voice_transcript', '{_is_here}');
    PERFORM voice._grant_with('voice_sentiment_trend', '{_is_here}');
    PERFORM voice._grant_with('voice_start_call', '{_is_here}');
    PERFORM voice._grant_with('voice_requeue_dead', '{_is_here}');
END
$$;
COMMENT ON FUNCTION voice._migrate_0013() IS 'tenants move to other servers, and whoever asks for one that has moved is told so';
