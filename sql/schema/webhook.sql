-- A webhook that is enabled has a secret, and no secret ever stands in voice.webhook: it passes through, and a dump has none.

-- A member of the extension and never dumped, as voice._instance: a restored webhook is disabled until it gets one again.
CREATE TABLE voice._webhook_secret (
    webhook_id uuid PRIMARY KEY,
    secret text NOT NULL,
    old_secret text,
    replaced_at timestamptz
);
COMMENT ON COLUMN voice._webhook_secret.old_secret IS 'what it was until replaced_at; for a day deliveries are signed with both';
COMMENT ON TABLE voice._webhook_secret IS 'what webhooks are signed with, and the URLs that are secrets themselves (Slack); read by the worker only';
ALTER TABLE voice._webhook_secret OWNER TO voice_worker;
REVOKE ALL ON voice._webhook_secret FROM PUBLIC;

CREATE FUNCTION voice._install_webhook() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.webhook') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.webhook (
        id uuid NOT NULL DEFAULT gen_random_uuid(),
        created_at timestamptz NOT NULL DEFAULT now(),
        disabled_at timestamptz,
        min_lead_score smallint NOT NULL DEFAULT 80 CONSTRAINT webhook_min_lead_score_in_range CHECK (min_lead_score BETWEEN 0 AND 100),
        enabled boolean NOT NULL DEFAULT true,
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        url text NOT NULL,
        format text NOT NULL DEFAULT 'standard' CONSTRAINT webhook_format_known CHECK (format IN ('standard', 'slack')),
        events text[] NOT NULL DEFAULT '{lead.hot}'
            CONSTRAINT webhook_events_known CHECK (events <@ '{lead.hot,call.analyzed,call.updated,call.live,call.alert,alert.raised,alert.cleared}' AND cardinality(events) > 0),
        intents text[] NOT NULL DEFAULT '{sales}'
            CONSTRAINT webhook_intents_known CHECK (intents <@ '{info,booking,complaint,sales,support,none}' AND cardinality(intents) > 0),
        disabled_reason text,
        secret text CONSTRAINT webhook_secret_is_kept_elsewhere CHECK (secret IS NULL),
        only_if jsonb CONSTRAINT webhook_only_if_names_an_analysis CHECK (jsonb_typeof(only_if->'analysis') = 'string'),
        PRIMARY KEY (id),
        CONSTRAINT webhook_enabled_or_why_not CHECK (enabled = (disabled_at IS NULL) AND (disabled_reason IS NULL OR NOT enabled))
    );
    CREATE INDEX webhook_tenant_id_idx ON voice.webhook (tenant_id);
    PERFORM voice._make_private('voice.webhook');
    PERFORM voice._enable_tenant_rls('voice.webhook');
    CREATE TRIGGER complete BEFORE INSERT OR UPDATE ON voice.webhook
        FOR EACH ROW EXECUTE FUNCTION voice._complete_webhook();
    CREATE TRIGGER stopped AFTER UPDATE OR DELETE ON voice.webhook
        FOR EACH ROW EXECUTE FUNCTION voice._webhook_stopped();

    COMMENT ON TABLE voice.webhook IS 'who is told of analysed calls; see voice_add_webhook()';
    COMMENT ON COLUMN voice.webhook.tenant_id IS 'whose calls it is told of: the setting voice_analytics.tenant';
    COMMENT ON COLUMN voice.webhook.url IS 'where it is posted to; of Slack''s URL, which is a secret, the host only';
    COMMENT ON COLUMN voice.webhook.events IS 'lead.hot: an analysis with at least min_lead_score and one of the intents; call.analyzed: every analysis; call.updated: the webhook was told of the call, and now it is judged differently; call.live: every look at a call in progress; call.alert: a look that raised an alert; alert.raised, alert.cleared: a rate that is watched, voice_add_alert()';
    COMMENT ON COLUMN voice.webhook.min_lead_score IS 'of lead.hot';
    COMMENT ON COLUMN voice.webhook.intents IS 'of lead.hot';
    COMMENT ON COLUMN voice.webhook.only_if IS 'of lead.hot: only calls whose newest result of this analysis is so: {"analysis", "success", "min_score", "values"}; NULL: all';
    COMMENT ON COLUMN voice.webhook.format IS 'standard: Standard Webhooks, signed; slack: a message for an incoming webhook of Slack';
    COMMENT ON COLUMN voice.webhook.enabled IS 'false: nothing is sent, and what waited to be is dropped';
    COMMENT ON COLUMN voice.webhook.disabled_reason IS 'why it is not enabled';
    COMMENT ON COLUMN voice.webhook.secret IS 'to be written only: goes to where nobody but the worker reads, and is always NULL here';
END
$$;
COMMENT ON FUNCTION voice._install_webhook() IS 'creates voice.webhook if it is missing';
