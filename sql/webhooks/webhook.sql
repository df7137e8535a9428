-- A webhook goes where a webhook may go and is signed with a secret that is shown once, however it was written: the rules
-- stand in the table's trigger, the functions add what a statement cannot say. URLs and secrets are judged in Rust
-- (core/src/webhook, src/api/webhook.rs).

-- The URL as it may be shown, or an error that says what is wrong with it. look_up: asks for the host's addresses too.
CREATE FUNCTION voice._webhook_url(url text, format text, look_up boolean) RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_webhook_url';
COMMENT ON FUNCTION voice._webhook_url(text, text, boolean) IS 'checks where a webhook goes, and hides what is secret of it';

-- NULL: a new one. No error repeats what it was given.
CREATE FUNCTION voice._webhook_secret(secret text) RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_webhook_secret';
COMMENT ON FUNCTION voice._webhook_secret(text) IS 'checks a secret, or makes one';

-- SECURITY DEFINER: who may write a webhook gives it a secret, but nobody reads those of others. Row-level security and
-- the privileges on the table have been asked before a trigger fires.
CREATE FUNCTION voice._complete_webhook() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    -- A restored row was checked when it was written, and must not fail for settings or names of today.
    restoring CONSTANT boolean := current_setting('row_security') = 'off';
    shown text;
    keep text;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.id, NEW.tenant_id, NEW.format) IS DISTINCT FROM (OLD.id, OLD.tenant_id, OLD.format) THEN
        RAISE EXCEPTION 'a webhook keeps its id, its tenant and its format'
            USING ERRCODE = 'restrict_violation', DETAIL = format('Webhook %s was to become another one.', OLD.id),
                  HINT = 'Add another webhook and remove this one.';
    END IF;
    -- ON CONFLICT DO NOTHING would leave behind what this trigger did to somebody else's.
    IF TG_OP = 'INSERT' AND EXISTS (SELECT 1 FROM voice.webhook w WHERE w.id = NEW.id) THEN
        RAISE EXCEPTION 'there is such a webhook already'
            USING ERRCODE = 'unique_violation', DETAIL = format('Its id is %s.', NEW.id),
                  HINT = 'Leave the id out; UPDATE changes a webhook that is there.';
    END IF;
    IF NEW.url IS NOT NULL AND NEW.format IN ('standard', 'slack') AND NOT restoring
       AND (TG_OP = 'INSERT' OR NEW.url <> OLD.url) THEN
        shown := voice._webhook_url(NEW.url, NEW.format, false);
        IF shown <> NEW.url THEN
            keep := NEW.url;
            NEW.url := shown;
        END IF;
    END IF;
    IF NEW.secret IS NOT NULL THEN
        IF NEW.format = 'slack' THEN
            RAISE EXCEPTION 'a Slack webhook has no secret but its URL'
                USING ERRCODE = 'invalid_parameter_value', DETAIL = 'A secret was given beside format slack.',
                      HINT = 'Leave the secret out; the URL is kept as one.';
        END IF;
        keep := voice._webhook_secret(NEW.secret);
        NEW.secret := NULL;
    END IF;
    IF keep IS NOT NULL THEN
        INSERT INTO voice._webhook_secret AS s (webhook_id, secret) VALUES (NEW.id, keep)
        ON CONFLICT (webhook_id) DO UPDATE SET secret = EXCLUDED.secret, old_secret = s.secret, replaced_at = now()
        WHERE s.secret <> EXCLUDED.secret;
    END IF;
    -- Who gives a secret to one that was disabled for want of it wants it enabled.
    IF NEW.enabled AND NOT EXISTS (SELECT 1 FROM voice._webhook_secret s WHERE s.webhook_id = NEW.id) THEN
        IF TG_OP = 'UPDATE' AND NOT OLD.enabled THEN
            RAISE EXCEPTION 'the webhook has no secret'
                USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('Webhook %s: %s.', NEW.id, OLD.disabled_reason),
                      HINT = format('SELECT voice_enable_webhook(%L) makes one and shows it; a Slack webhook needs its URL again.', NEW.id);
        END IF;
        NEW.enabled := false;
        NEW.disabled_reason := 'it has no secret (restored, or written without one): SELECT voice_enable_webhook(id)';
    END IF;
    IF NEW.enabled THEN
        NEW.disabled_at := NULL;
        NEW.disabled_reason := NULL;
    ELSE
        NEW.disabled_at := coalesce(NEW.disabled_at, now());
    END IF;
    RETURN NEW;
END
$$;
ALTER FUNCTION voice._complete_webhook() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._complete_webhook() FROM PUBLIC;
COMMENT ON FUNCTION voice._complete_webhook() IS 'checks a webhook before it is written, and takes its secret to where only the worker reads';

-- SECURITY DEFINER: an application's role may remove its webhook, but not write the queue. What the worker has in hand is
-- not waited for; it sees for itself that nobody wants it any more.
CREATE FUNCTION voice._webhook_stopped() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (OLD.enabled AND NOT NEW.enabled) THEN
        DELETE FROM voice.job j
        USING (SELECT b.id FROM voice.job b WHERE b.webhook_id = OLD.id AND b.lease IS NULL FOR UPDATE SKIP LOCKED) waiting
        WHERE j.id = waiting.id;
    END IF;
    IF TG_OP = 'DELETE' THEN
        DELETE FROM voice.dead_job d WHERE d.webhook_id = OLD.id;
        DELETE FROM voice._webhook_secret s WHERE s.webhook_id = OLD.id;
    END IF;
    RETURN NULL;
END
$$;
ALTER FUNCTION voice._webhook_stopped() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._webhook_stopped() FROM PUBLIC;
COMMENT ON FUNCTION voice._webhook_stopped() IS 'drops what waited to be sent to a webhook that was disabled or removed, and the secret of a removed one';

-- plpgsql cannot have a parameter that is both given and shown, SQL can.
CREATE FUNCTION voice._add_webhook(
    url text, given text, events text[], min_lead_score int, intents text[], format text, only_if jsonb, OUT new_id uuid, OUT shown text)
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF format IS NULL OR format NOT IN ('standard', 'slack') THEN
        RAISE EXCEPTION 'there is no such format'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = pg_catalog.format('format is %s.', coalesce(quote_literal(format), 'NULL')),
                  HINT = 'The formats are standard (Standard Webhooks) and slack.';
    ELSIF events IS NULL OR cardinality(events) = 0 OR NOT events <@ '{lead.hot,call.analyzed,call.updated,call.live,call.alert,alert.raised,alert.cleared}' THEN
        RAISE EXCEPTION 'there is no such event'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = pg_catalog.format('events is %s.', coalesce(events::text, 'NULL')),
                  HINT = 'The events are lead.hot, call.analyzed, call.updated, call.live, call.alert, alert.raised and alert.cleared.';
    ELSIF min_lead_score IS NULL OR min_lead_score NOT BETWEEN 0 AND 100 THEN
        RAISE EXCEPTION 'min_lead_score is out of range'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = pg_catalog.format('min_lead_score is %s.', coalesce(min_lead_score::text, 'NULL')),
                  HINT = 'Lead scores are 0 to 100.';
    ELSIF intents IS NULL OR cardinality(intents) = 0 OR NOT intents <@ '{info,booking,complaint,sales,support,none}' THEN
        RAISE EXCEPTION 'there is no such intent'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = pg_catalog.format('intents is %s.', coalesce(intents::text, 'NULL')),
                  HINT = 'The intents are info, booking, complaint, sales, support and none.';
    ELSIF jsonb_typeof(only_if) <> 'object' OR jsonb_typeof(only_if->'analysis') IS DISTINCT FROM 'string' AND only_if IS NOT NULL
        OR only_if - '{analysis,success,min_score,values}'::text[] <> '{}'
        OR only_if->>'success' NOT IN ('pass', 'fail', 'unknown')
        OR jsonb_typeof(only_if->'min_score') <> 'number' OR jsonb_typeof(only_if->'values') <> 'object'
    THEN
        RAISE EXCEPTION 'only_if is no condition'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = pg_catalog.format('only_if is %s.', only_if),
                  HINT = '{"analysis": "…"}, and of success (pass, fail, unknown), min_score (0 to 100) and values ({"property": value}) what must hold.';
    ELSIF only_if IS NOT NULL THEN
        PERFORM voice._no_such_analysis(only_if->>'analysis');
    END IF;
    PERFORM voice._webhook_url(url, format, true);
    IF format = 'standard' THEN
        shown := voice._webhook_secret(given);
        given := shown;
    END IF;
    INSERT INTO voice.webhook (url, secret, events, min_lead_score, intents, format, only_if)
    VALUES (url, given, ARRAY(SELECT DISTINCT e FROM unnest(events) e ORDER BY e), min_lead_score, intents, format, only_if)
    RETURNING id INTO new_id;
END
$$;
COMMENT ON FUNCTION voice._add_webhook(text, text, text[], int, text[], text, jsonb) IS 'what voice_add_webhook() does';

CREATE FUNCTION voice_add_webhook(
    url text, secret text DEFAULT NULL, events text[] DEFAULT '{lead.hot}', min_lead_score int DEFAULT 80,
    intents text[] DEFAULT '{sales}', format text DEFAULT 'standard', only_if jsonb DEFAULT NULL, OUT id uuid, OUT secret text)
LANGUAGE sql SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT w.new_id, w.shown FROM voice._add_webhook($1, $2, $3, $4, $5, $6, $7) w $$;
COMMENT ON FUNCTION voice_add_webhook(text, text, text[], int, text[], text, jsonb) IS
    'has a URL told of analysed calls (of hot leads only where an analysis says what only_if wants) and returns the webhook''s id and its secret, which is shown this once; secret NULL: one is made';

CREATE FUNCTION voice._unknown_webhook(id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'there is no such webhook'
        USING ERRCODE = 'no_data_found',
              DETAIL = format('Webhook %s is not among those of tenant "%s".', coalesce(id::text, 'NULL'), voice._tenant()),
              HINT = 'SELECT id, url FROM voice.webhook lists them; the setting voice_analytics.tenant says whose are seen.';
END
$$;
COMMENT ON FUNCTION voice._unknown_webhook(uuid) IS 'raises the error for a webhook that does not exist';

CREATE FUNCTION voice_remove_webhook(id uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    DELETE FROM voice.webhook w WHERE w.id = voice_remove_webhook.id AND w.tenant_id = voice._tenant();
    IF NOT FOUND THEN
        PERFORM voice._unknown_webhook(id);
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION voice_remove_webhook(uuid) IS 'removes a webhook, its secret, and what waited to be sent to it; true, or an error';

CREATE FUNCTION voice_enable_webhook(id uuid, secret text DEFAULT NULL, url text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    hook record;
    shown text;
BEGIN
    SELECT w.format, w.url INTO hook FROM voice.webhook w
    WHERE w.id = voice_enable_webhook.id AND w.tenant_id = voice._tenant() FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM voice._unknown_webhook(id);
    END IF;
    IF url IS NOT NULL OR hook.format = 'standard' THEN
        PERFORM voice._webhook_url(coalesce(voice_enable_webhook.url, hook.url), hook.format, true);
    END IF;
    IF secret IS NOT NULL OR (hook.format = 'standard' AND NOT voice._webhook_has_secret(id)) THEN
        shown := voice._webhook_secret(secret);
    END IF;
    UPDATE voice.webhook w
    SET enabled = true, secret = shown, url = coalesce(voice_enable_webhook.url, w.url)
    WHERE w.id = voice_enable_webhook.id AND w.tenant_id = voice._tenant();
    RETURN shown;
END
$$;
COMMENT ON FUNCTION voice_enable_webhook(uuid, text, text) IS
    'enables a webhook again, with another secret or URL where given; returns the secret if it is new: one that has none (restored) gets one';

-- SECURITY DEFINER: whether there is one is no secret.
CREATE FUNCTION voice._webhook_has_secret(id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT EXISTS (SELECT 1 FROM voice._webhook_secret s WHERE s.webhook_id = $1) $$;
ALTER FUNCTION voice._webhook_has_secret(uuid) OWNER TO voice_worker;
COMMENT ON FUNCTION voice._webhook_has_secret(uuid) IS 'whether a webhook can be enabled as it is';

-- After a restore: the secrets have stayed behind.
CREATE FUNCTION voice._disable_webhooks_without_secret() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    UPDATE voice.webhook w
    SET enabled = false, disabled_reason = 'it was restored without its secret: SELECT voice_enable_webhook(id)'
    WHERE w.enabled AND NOT voice._webhook_has_secret(w.id);
END
$$;
COMMENT ON FUNCTION voice._disable_webhooks_without_secret() IS 'part of voice_resume() in a restored copy';
