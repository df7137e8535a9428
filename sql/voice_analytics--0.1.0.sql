-- voice_analytics 0.1.0. Made by scripts/build-sql.sh of the files named below.
\echo Use "CREATE EXTENSION voice_analytics" to load this file. \quit

-- sql/schema.sql

-- The role that owns the data is nobody special, the schema is the extension's, and a session's tenant is its setting.

DO $$
DECLARE
    existing record;
BEGIN
    SELECT rolsuper, rolcanlogin INTO existing FROM pg_catalog.pg_roles WHERE rolname = 'voice_worker';
    IF NOT FOUND THEN
        CREATE ROLE voice_worker NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;
        COMMENT ON ROLE voice_worker IS 'owns the tables of voice_analytics; its background worker acts as this role';
    ELSIF existing.rolsuper OR existing.rolcanlogin THEN
        RAISE EXCEPTION 'the role voice_worker exists and is more than voice_analytics wants it to be'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = pg_catalog.format('Superuser: %s; may log in: %s. Whoever can attach code to the tables acts as their owner.',
                                             existing.rolsuper, existing.rolcanlogin),
                  HINT = 'ALTER ROLE voice_worker NOLOGIN NOSUPERUSER, or rename the role if it is somebody else''s.';
    END IF;
END
$$;

-- What is said in any language must fit, and what goes to an LLM is UTF-8.
DO $$
BEGIN
    IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'voice_analytics needs a database in UTF8'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = pg_catalog.format('The encoding of this one is %s.', pg_catalog.getdatabaseencoding()),
                  HINT = 'CREATE DATABASE … ENCODING ''UTF8'' TEMPLATE template0';
    END IF;
END
$$;

CREATE SCHEMA voice;
COMMENT ON SCHEMA voice IS 'voice_analytics: calls, turns, tool calls and what was made of them';
-- Whatever default privileges say: who may create in this schema speaks in the functions that have it in their search path.
DO $$
DECLARE
    grantee text;
BEGIN
    FOR grantee IN
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::pg_catalog.regrole::text END
        FROM pg_catalog.pg_namespace n CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) a
        WHERE n.nspname = 'voice' AND a.grantee <> n.nspowner
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON SCHEMA voice FROM %s', grantee);
    END LOOP;
END
$$;
GRANT USAGE, CREATE ON SCHEMA voice TO voice_worker;
-- Its functions call voice_uuid_at() and others, wherever those were installed.
GRANT USAGE ON SCHEMA @extschema@ TO voice_worker;

-- Stands in column defaults and row-level security of every table. In Rust (src/api/tenant.rs): five times as fast as
-- current_setting().
CREATE FUNCTION voice._tenant() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_tenant';
COMMENT ON FUNCTION voice._tenant() IS 'the session''s tenant: the setting voice_analytics.tenant, or ''''';

-- Which installation this is. A member of the extension and never dumped: a restored database gets one of its own,
-- differs from what its data remembers (voice._state), and keeps quiet.
CREATE TABLE voice._instance (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    database oid NOT NULL
);
COMMENT ON TABLE voice._instance IS 'this installation; differs from voice._state in a restored copy';
ALTER TABLE voice._instance OWNER TO voice_worker;
REVOKE ALL ON voice._instance FROM PUBLIC;
INSERT INTO voice._instance (database)
SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database();

-- sql/functions/uuid.sql

-- A call's id carries its start: ids sort, prune and partition by time. Times are floored to the millisecond.

CREATE FUNCTION voice_uuidv7(at timestamptz DEFAULT now()) RETURNS uuid
LANGUAGE c VOLATILE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_uuidv7_wrapper';
COMMENT ON FUNCTION voice_uuidv7(timestamptz) IS 'a new UUIDv7 of this moment; the id of a call is one of its started_at';

CREATE FUNCTION voice_uuid_at(at timestamptz) RETURNS uuid
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_uuid_at_wrapper';
COMMENT ON FUNCTION voice_uuid_at(timestamptz) IS 'the lowest id of this moment''s millisecond, for ranges over ids';

CREATE FUNCTION voice_uuid_time(id uuid) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_uuid_time_wrapper';
COMMENT ON FUNCTION voice_uuid_time(uuid) IS 'the moment an id carries, to the millisecond';

-- sql/functions/call_rules.sql

-- What is true of every call, whoever writes it, and of what is said and done in it. The rules stand in core/src/call.rs
-- and core/src/turn.rs, the triggers in src/api/call.rs and src/api/turn.rs: Postgres parses a CHECK or a WHEN from its
-- text at every statement that writes, and that was a third of the cost of writing a call (docs/performance.md).

-- Nobody but their owner may attach these to a table: on one of his own, an ordinary role would write the queue.
-- Firing a trigger asks for no privilege. Theirs, because voice_worker gives new months the triggers of their families.

CREATE FUNCTION voice._complete_call() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_complete_call';
ALTER FUNCTION voice._complete_call() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._complete_call() FROM PUBLIC;
COMMENT ON FUNCTION voice._complete_call() IS 'checks a call before it is written, and fills in what its end leaves open';

CREATE FUNCTION voice._call_written() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_call_written';
ALTER FUNCTION voice._call_written() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._call_written() FROM PUBLIC;
COMMENT ON FUNCTION voice._call_written() IS
    'checks a call as it was written, and queues the analysis of one that has ended, in the transaction that ends it';

CREATE FUNCTION voice._turn_written() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_turn_written';
ALTER FUNCTION voice._turn_written() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._turn_written() FROM PUBLIC;
COMMENT ON FUNCTION voice._turn_written() IS
    'checks a turn, and queues the analysis again when it changes after its call has ended';

CREATE FUNCTION voice._chunk_written() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_chunk_written';
ALTER FUNCTION voice._chunk_written() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._chunk_written() FROM PUBLIC;
COMMENT ON FUNCTION voice._chunk_written() IS 'queues the analysis again when final words come after the call has ended';

CREATE FUNCTION voice._tool_call_written() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_tool_call_written';
ALTER FUNCTION voice._tool_call_written() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._tool_call_written() FROM PUBLIC;
COMMENT ON FUNCTION voice._tool_call_written() IS 'checks a tool call';

-- SECURITY DEFINER: an application's role may change a call, but not write its analytics.
CREATE FUNCTION voice._copy_to_analytics() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    UPDATE voice.analytics
    SET agent_id = NEW.agent_id, started_at = NEW.started_at, deleted_at = NEW.deleted_at, from_number = NEW.from_number
    WHERE call_id = NEW.id;
    -- A deleted call has nothing to wait for; one that comes back is queued by voice._call_written().
    IF NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL THEN
        DELETE FROM voice.job j WHERE j.call_id = NEW.id;
        DELETE FROM voice.dead_job d WHERE d.call_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
ALTER FUNCTION voice._copy_to_analytics() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._copy_to_analytics() FROM PUBLIC;
COMMENT ON FUNCTION voice._copy_to_analytics() IS 'keeps the copies of a call''s columns in its analytics true, and takes a deleted call out of the queue';

-- job and dead_job have no foreign key (the queue must stay cheap), so this is what removes theirs. The calls' locks
-- come first, as in the worker's settle. SECURITY DEFINER: an application's role may delete a call, but not write the queue.
CREATE FUNCTION voice._calls_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    DELETE FROM voice.job j USING gone WHERE j.call_id = gone.id AND j.kind = 'analyze';
    -- Deliveries are few: their own index, which is by webhook, is read as a whole.
    DELETE FROM voice.job j USING gone WHERE j.call_id = gone.id AND j.webhook_id IS NOT NULL;
    DELETE FROM voice.dead_job d USING gone WHERE d.call_id = gone.id;
    RETURN NULL;
END
$$;
ALTER FUNCTION voice._calls_deleted() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._calls_deleted() FROM PUBLIC;
COMMENT ON FUNCTION voice._calls_deleted() IS 'removes the jobs of deleted calls';

-- sql/functions/queue.sql

-- The queue's edges: the wake at commit, and what the worker says of itself. In Rust (src/api/): they act when the
-- transaction commits, and read shared memory.

CREATE FUNCTION voice._wake() RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_wake_wrapper';
COMMENT ON FUNCTION voice._wake() IS 'wakes this database''s worker when the transaction commits';

-- One value: a library and SQL of different versions must be able to talk about what is wrong.
CREATE FUNCTION voice._worker_status() RETURNS jsonb
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_worker_status_wrapper';
COMMENT ON FUNCTION voice._worker_status() IS 'what this database''s worker says of itself in shared memory';

CREATE FUNCTION voice._announce() RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_announce_wrapper';
COMMENT ON FUNCTION voice._announce() IS 'tells the launcher, at commit, that this database has the extension';

-- sql/functions/webhook.sql

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
    IF TG_OP = 'INSERT' AND EXISTS (SELECT FROM voice.webhook w WHERE w.id = NEW.id) THEN
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
        ON CONFLICT (webhook_id) DO UPDATE SET secret = EXCLUDED.secret;
    END IF;
    -- Who gives a secret to one that was disabled for want of it wants it enabled.
    IF NEW.enabled AND NOT EXISTS (SELECT FROM voice._webhook_secret s WHERE s.webhook_id = NEW.id) THEN
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
    url text, given text, events text[], min_lead_score int, intents text[], format text, OUT new_id uuid, OUT shown text)
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF format IS NULL OR format NOT IN ('standard', 'slack') THEN
        RAISE EXCEPTION 'there is no such format'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = pg_catalog.format('format is %s.', coalesce(quote_literal(format), 'NULL')),
                  HINT = 'The formats are standard (Standard Webhooks) and slack.';
    ELSIF events IS NULL OR cardinality(events) = 0 OR NOT events <@ '{lead.hot,call.analyzed}' THEN
        RAISE EXCEPTION 'there is no such event'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = pg_catalog.format('events is %s.', coalesce(events::text, 'NULL')),
                  HINT = 'The events are lead.hot and call.analyzed.';
    ELSIF min_lead_score IS NULL OR min_lead_score NOT BETWEEN 0 AND 100 THEN
        RAISE EXCEPTION 'min_lead_score is out of range'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = pg_catalog.format('min_lead_score is %s.', coalesce(min_lead_score::text, 'NULL')),
                  HINT = 'Lead scores are 0 to 100.';
    ELSIF intents IS NULL OR cardinality(intents) = 0 OR NOT intents <@ '{info,booking,complaint,sales,support,none}' THEN
        RAISE EXCEPTION 'there is no such intent'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = pg_catalog.format('intents is %s.', coalesce(intents::text, 'NULL')),
                  HINT = 'The intents are info, booking, complaint, sales, support and none.';
    END IF;
    PERFORM voice._webhook_url(url, format, true);
    IF format = 'standard' THEN
        shown := voice._webhook_secret(given);
        given := shown;
    END IF;
    INSERT INTO voice.webhook (url, secret, events, min_lead_score, intents, format)
    VALUES (url, given, ARRAY(SELECT DISTINCT e FROM unnest(events) e ORDER BY e), min_lead_score, intents, format)
    RETURNING id INTO new_id;
END
$$;
COMMENT ON FUNCTION voice._add_webhook(text, text, text[], int, text[], text) IS 'what voice_add_webhook() does';

CREATE FUNCTION voice_add_webhook(
    url text, secret text DEFAULT NULL, events text[] DEFAULT '{lead.hot}', min_lead_score int DEFAULT 80,
    intents text[] DEFAULT '{sales}', format text DEFAULT 'standard', OUT id uuid, OUT secret text)
LANGUAGE sql SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT w.new_id, w.shown FROM voice._add_webhook($1, $2, $3, $4, $5, $6) w $$;
COMMENT ON FUNCTION voice_add_webhook(text, text, text[], int, text[], text) IS
    'has a URL told of analysed calls and returns the webhook''s id and its secret, which is shown this once; secret NULL: one is made';

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

CREATE FUNCTION voice_remove_webhook(id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    DELETE FROM voice.webhook w WHERE w.id = voice_remove_webhook.id AND w.tenant_id = voice._tenant();
    IF NOT FOUND THEN
        PERFORM voice._unknown_webhook(id);
    END IF;
END
$$;
COMMENT ON FUNCTION voice_remove_webhook(uuid) IS 'removes a webhook, its secret, and what waited to be sent to it';

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
AS $$ SELECT EXISTS (SELECT FROM voice._webhook_secret s WHERE s.webhook_id = $1) $$;
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

-- sql/tables/private.sql

-- What we create belongs to voice_worker and to nobody else, whatever default privileges the database has.

-- ANALYZE copies values into pg_statistic, where they would outlive an erasure. Nobody asks for rows by these columns, but
-- by numbers, of which each has few calls: the planner's guess without statistics is of the same kind.
CREATE FUNCTION voice._keep_words_out_of_statistics(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    col name;
BEGIN
    FOR col IN
        SELECT a.attname FROM pg_attribute a
        WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attname IN ('text', 'audio_url', 'from_number', 'to_number', 'meta', 'recording_url', 'args', 'result', 'error_text',
                            'entities', 'summary', 'next_action', 'error', 'last_error')
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', relation, col);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._keep_words_out_of_statistics(regclass) IS 'keeps what was said, and numbers, out of pg_statistic';

CREATE FUNCTION voice._make_private(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    kind text;
    grantee text;
BEGIN
    SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END INTO kind FROM pg_class WHERE oid = relation;
    EXECUTE format('ALTER %s %s OWNER TO voice_worker', kind, relation);
    IF kind = 'TABLE' THEN
        PERFORM voice._keep_words_out_of_statistics(relation);
    END IF;
    FOR grantee IN
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
        WHERE c.oid = relation AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %s', kind, relation, grantee);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._make_private(regclass) IS 'gives a relation to voice_worker and takes it from everybody else';

-- A session sees and writes the rows of its tenant; the policy's text is the index condition of every query.
CREATE FUNCTION voice._keep_tenants_apart(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY tenant ON %s USING (tenant_id = voice._tenant()) WITH CHECK (tenant_id = voice._tenant())',
                   relation);
END
$$;
COMMENT ON FUNCTION voice._keep_tenants_apart(regclass) IS 'row-level security by the session''s tenant';

-- sql/tables/agent.sql

-- An agent belongs to one tenant; the reference from call carries the tenant, because foreign keys see past row-level security.

CREATE FUNCTION voice._install_agent() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.agent') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.agent (
        created_at timestamptz NOT NULL DEFAULT now(),
        deleted_at timestamptz,
        id text NOT NULL DEFAULT gen_random_uuid()::text CONSTRAINT agent_id_not_empty CHECK (id <> ''),
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        name text NOT NULL DEFAULT '',
        vertical text NOT NULL DEFAULT 'general' CONSTRAINT agent_vertical_not_empty CHECK (vertical <> ''),
        prompt_hash text,
        voice text,
        PRIMARY KEY (id),
        UNIQUE (id, tenant_id)
    );
    PERFORM voice._make_private('voice.agent');
    PERFORM voice._keep_tenants_apart('voice.agent');
    COMMENT ON TABLE voice.agent IS 'voice agents: what answers or places the calls';
    COMMENT ON COLUMN voice.agent.id IS 'chosen by you, unique in the database; a random uuid when not given';
    COMMENT ON COLUMN voice.agent.tenant_id IS 'whose agent it is: the setting voice_analytics.tenant';
    COMMENT ON COLUMN voice.agent.vertical IS 'the trade it works for: healthcare, salon, real_estate, …';
    COMMENT ON COLUMN voice.agent.prompt_hash IS 'which prompt it runs, so that results can be compared by prompt';
    COMMENT ON COLUMN voice.agent.voice IS 'the text-to-speech voice it speaks with';
    COMMENT ON COLUMN voice.agent.deleted_at IS 'set: it takes no new calls; its calls stay';
END
$$;
COMMENT ON FUNCTION voice._install_agent() IS 'creates voice.agent if it is missing';

-- sql/tables/call.sql

-- A call is in progress or it has an end, never both (voice._complete_call, voice._call_written); its id is a UUIDv7 of its start and chooses its month.

CREATE FUNCTION voice._install_call() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.call') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.call (
        id uuid NOT NULL DEFAULT @extschema@.voice_uuidv7(),
        started_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz,
        deleted_at timestamptz,
        duration_ms int,
        status text NOT NULL DEFAULT 'in_progress',
        direction text NOT NULL DEFAULT 'inbound',
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        agent_id text NOT NULL,
        from_number text,
        to_number text,
        external_id text,
        end_reason text,
        language text,
        recording_url text,
        meta jsonb,
        PRIMARY KEY (id),
        -- What the leaves of the other families reference: one probe that keeps tenants apart too.
        UNIQUE (id, tenant_id),
        FOREIGN KEY (agent_id, tenant_id) REFERENCES voice.agent (id, tenant_id)
    ) PARTITION BY RANGE (id);
    -- No index says status or ended_at: so the end of a call is a HOT update.
    CREATE INDEX call_agent_id_started_at_idx ON voice.call (agent_id, started_at);
    -- A caller has few calls in a month: equal entries share their key, and sorting them is nothing.
    CREATE INDEX call_from_number_idx ON voice.call (from_number);
    CREATE INDEX call_external_id_idx ON voice.call (external_id) WHERE external_id IS NOT NULL;
    PERFORM voice._make_private('voice.call');
    PERFORM voice._keep_tenants_apart('voice.call');

    CREATE TRIGGER complete BEFORE INSERT OR UPDATE ON voice.call FOR EACH ROW EXECUTE FUNCTION voice._complete_call();
    CREATE TRIGGER written AFTER INSERT OR UPDATE ON voice.call FOR EACH ROW EXECUTE FUNCTION voice._call_written();
    CREATE TRIGGER copy_to_analytics AFTER UPDATE OF agent_id, started_at, deleted_at, from_number ON voice.call
        FOR EACH ROW
        WHEN (NEW.agent_id <> OLD.agent_id OR NEW.started_at <> OLD.started_at
              OR NEW.from_number IS DISTINCT FROM OLD.from_number OR NEW.deleted_at IS DISTINCT FROM OLD.deleted_at)
        EXECUTE FUNCTION voice._copy_to_analytics();
    CREATE TRIGGER remove_jobs AFTER DELETE ON voice.call REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION voice._calls_deleted();

    COMMENT ON TABLE voice.call IS 'phone calls, by month of their id';
    COMMENT ON COLUMN voice.call.id IS 'UUIDv7 within 24 hours of started_at: voice_uuidv7(started_at)';
    COMMENT ON COLUMN voice.call.tenant_id IS 'whose call it is: the setting voice_analytics.tenant';
    COMMENT ON COLUMN voice.call.ended_at IS 'NULL while in progress; set alone, it makes the call completed';
    COMMENT ON COLUMN voice.call.duration_ms IS 'milliseconds; computed at the end when not given';
    COMMENT ON COLUMN voice.call.status IS 'in_progress, then completed, failed or transferred; leaving in_progress queues the analysis';
    COMMENT ON COLUMN voice.call.direction IS 'inbound: the caller rang; outbound: the agent did';
    COMMENT ON COLUMN voice.call.external_id IS 'the telephony provider''s id of the call';
    COMMENT ON COLUMN voice.call.end_reason IS 'why it ended, in the provider''s words';
    COMMENT ON COLUMN voice.call.language IS 'spoken language, as a BCP 47 tag (en, es-MX)';
    COMMENT ON COLUMN voice.call.meta IS 'whatever else you keep of a call';
    COMMENT ON COLUMN voice.call.deleted_at IS 'set: no read function shows it, its rows stay until it is erased';
END
$$;
COMMENT ON FUNCTION voice._install_call() IS 'creates voice.call if it is missing';

-- sql/tables/turn.sql

-- What was said: a turn lies in the month of its call. Text '' is a turn that its transcript chunks are still filling.

CREATE FUNCTION voice._install_turn() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.turn') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE SEQUENCE IF NOT EXISTS voice.turn_id_seq;
    CREATE TABLE voice.turn (
        call_id uuid NOT NULL,
        id bigint NOT NULL DEFAULT nextval('voice.turn_id_seq'),
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        ended_at timestamptz,
        transcription_ms int,
        llm_ttft_ms int,
        tts_ttfb_ms int,
        e2e_latency_ms int,
        interrupted boolean NOT NULL DEFAULT false,
        role text NOT NULL,
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        text text NOT NULL,
        audio_url text,
        -- Rows come in the order of their calls and stay: room between entries would stay empty.
        PRIMARY KEY (call_id, id) WITH (fillfactor = 100)
    ) PARTITION BY RANGE (call_id);
    PERFORM voice._make_private('voice.turn_id_seq');
    PERFORM voice._make_private('voice.turn');
    PERFORM voice._keep_tenants_apart('voice.turn');
    ALTER SEQUENCE voice.turn_id_seq OWNED BY voice.turn.id;

    -- The rules of a turn, and late turns.
    CREATE TRIGGER written AFTER INSERT OR UPDATE OR DELETE ON voice.turn FOR EACH ROW EXECUTE FUNCTION voice._turn_written();

    COMMENT ON TABLE voice.turn IS 'what was said, one row a turn; spoken order is (started_at, id)';
    COMMENT ON COLUMN voice.turn.text IS 'the words; '''' while transcript chunks fill the turn';
    COMMENT ON COLUMN voice.turn.role IS 'user (the caller), assistant (the agent) or system';
    COMMENT ON COLUMN voice.turn.interrupted IS 'the caller spoke over it (barge-in)';
    COMMENT ON COLUMN voice.turn.transcription_ms IS 'speech-to-text latency, milliseconds';
    COMMENT ON COLUMN voice.turn.llm_ttft_ms IS 'time to the LLM''s first token, milliseconds';
    COMMENT ON COLUMN voice.turn.tts_ttfb_ms IS 'time to the first byte of speech, milliseconds';
    COMMENT ON COLUMN voice.turn.e2e_latency_ms IS 'from the end of the caller''s speech to the start of the answer, milliseconds';
END
$$;
COMMENT ON FUNCTION voice._install_turn() IS 'creates voice.turn if it is missing';

-- sql/tables/transcript_chunk.sql

-- Pieces of a turn as speech-to-text streams them; the final ones are the turn's words until it is finished.

CREATE FUNCTION voice._install_transcript_chunk() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.transcript_chunk') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.transcript_chunk (
        call_id uuid NOT NULL,
        turn_id bigint NOT NULL,
        seq int NOT NULL CONSTRAINT transcript_chunk_seq_not_negative CHECK (seq >= 0),
        start_ms int,
        end_ms int,
        confidence real CONSTRAINT transcript_chunk_confidence_is_a_share CHECK (confidence BETWEEN 0 AND 1),
        is_final boolean NOT NULL DEFAULT false,
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        text text NOT NULL,
        CONSTRAINT transcript_chunk_ends_after_it_starts CHECK (end_ms >= start_ms),
        PRIMARY KEY (call_id, turn_id, seq)
    ) PARTITION BY RANGE (call_id);
    PERFORM voice._make_private('voice.transcript_chunk');
    PERFORM voice._keep_tenants_apart('voice.transcript_chunk');
    -- Late words, as in voice.turn.
    CREATE TRIGGER written AFTER INSERT OR UPDATE ON voice.transcript_chunk FOR EACH ROW EXECUTE FUNCTION voice._chunk_written();
    COMMENT ON TABLE voice.transcript_chunk IS 'streaming speech-to-text pieces of a turn';
    COMMENT ON COLUMN voice.transcript_chunk.seq IS 'position within the turn, from 0 or 1';
    COMMENT ON COLUMN voice.transcript_chunk.is_final IS 'the recogniser will not change it any more';
    COMMENT ON COLUMN voice.transcript_chunk.start_ms IS 'milliseconds from the start of the call''s audio';
    COMMENT ON COLUMN voice.transcript_chunk.end_ms IS 'milliseconds from the start of the call''s audio';
    COMMENT ON COLUMN voice.transcript_chunk.confidence IS 'the recogniser''s confidence, 0 to 1';
END
$$;
COMMENT ON FUNCTION voice._install_transcript_chunk() IS 'creates voice.transcript_chunk if it is missing';

-- sql/tables/tool_call.sql

-- What the agent did: one row a tool invocation, with an error or without. turn_id is a note, not a reference: a turn
-- may be corrected away without its tool calls.

CREATE FUNCTION voice._install_tool_call() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.tool_call') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE SEQUENCE IF NOT EXISTS voice.tool_call_id_seq;
    CREATE TABLE voice.tool_call (
        call_id uuid NOT NULL,
        id bigint NOT NULL DEFAULT nextval('voice.tool_call_id_seq'),
        invoked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        turn_id bigint,
        latency_ms int,
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        name text NOT NULL,
        args jsonb NOT NULL DEFAULT '{}',
        result jsonb,
        error_text text,
        -- Rows come in the order of their calls and stay: room between entries would stay empty.
        PRIMARY KEY (call_id, id) WITH (fillfactor = 100)
    ) PARTITION BY RANGE (call_id);
    PERFORM voice._make_private('voice.tool_call_id_seq');
    PERFORM voice._make_private('voice.tool_call');
    PERFORM voice._keep_tenants_apart('voice.tool_call');
    ALTER SEQUENCE voice.tool_call_id_seq OWNED BY voice.tool_call.id;
    CREATE TRIGGER written AFTER INSERT OR UPDATE ON voice.tool_call FOR EACH ROW EXECUTE FUNCTION voice._tool_call_written();
    COMMENT ON TABLE voice.tool_call IS 'tools the agent called: bookings, look-ups, transfers';
    COMMENT ON COLUMN voice.tool_call.turn_id IS 'the turn that made the call, if known';
    COMMENT ON COLUMN voice.tool_call.latency_ms IS 'milliseconds until the tool answered';
    COMMENT ON COLUMN voice.tool_call.error_text IS 'set: the tool failed';
END
$$;
COMMENT ON FUNCTION voice._install_tool_call() IS 'creates voice.tool_call if it is missing';

-- sql/tables/analytics.sql

-- One judgement a call, never out of range; the copies of the call's columns are there for the indexes,
-- and so that top leads come from one table.

CREATE FUNCTION voice._install_analytics() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.analytics') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.analytics (
        call_id uuid NOT NULL,
        started_at timestamptz NOT NULL,
        deleted_at timestamptz,
        computed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        sentiment double precision NOT NULL CONSTRAINT analytics_sentiment_in_range CHECK (sentiment BETWEEN -1 AND 1),
        prompt_tokens int CONSTRAINT analytics_prompt_tokens_not_negative CHECK (prompt_tokens >= 0),
        completion_tokens int CONSTRAINT analytics_completion_tokens_not_negative CHECK (completion_tokens >= 0),
        lead_score smallint NOT NULL CONSTRAINT analytics_lead_score_in_range CHECK (lead_score BETWEEN 0 AND 100),
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        agent_id text NOT NULL,
        vertical text NOT NULL,
        intent text NOT NULL
            CONSTRAINT analytics_intent_known CHECK (intent IN ('info', 'booking', 'complaint', 'sales', 'support', 'none')),
        model text NOT NULL,
        prompt_version text NOT NULL,
        from_number text,
        transcript_hash bytea,
        entities jsonb NOT NULL DEFAULT '{}' CONSTRAINT analytics_entities_is_an_object CHECK (jsonb_typeof(entities) = 'object'),
        summary text NOT NULL CONSTRAINT analytics_summary_is_short CHECK (char_length(summary) <= 240),
        next_action text NOT NULL,
        announced text[],
        PRIMARY KEY (call_id)
    ) PARTITION BY RANGE (call_id);
    -- Top leads read only the rows they return; leading with the tenant, row-level security costs them nothing.
    CREATE INDEX analytics_top_of_vertical_idx ON voice.analytics (tenant_id, vertical, lead_score DESC, started_at DESC);
    CREATE INDEX analytics_top_idx ON voice.analytics (tenant_id, lead_score DESC, started_at DESC);
    -- Trends read a stretch of time, which lies together in the table too.
    CREATE INDEX analytics_started_at_idx ON voice.analytics (tenant_id, started_at);
    PERFORM voice._make_private('voice.analytics');
    PERFORM voice._keep_tenants_apart('voice.analytics');
    COMMENT ON TABLE voice.analytics IS 'what the analyzer made of a call';
    COMMENT ON COLUMN voice.analytics.sentiment IS 'the caller''s, from -1 (angry) to 1 (delighted)';
    COMMENT ON COLUMN voice.analytics.lead_score IS '0 (no interest) to 100 (ready to buy)';
    COMMENT ON COLUMN voice.analytics.intent IS 'info, booking, complaint, sales, support or none';
    COMMENT ON COLUMN voice.analytics.entities IS 'name, email, phone, topic: what the caller said of them';
    COMMENT ON COLUMN voice.analytics.summary IS 'at most 240 characters';
    COMMENT ON COLUMN voice.analytics.agent_id IS 'copy of the call''s, kept true by a trigger';
    COMMENT ON COLUMN voice.analytics.from_number IS 'copy of the call''s, kept true by a trigger';
    COMMENT ON COLUMN voice.analytics.started_at IS 'copy of the call''s, kept true by a trigger';
    COMMENT ON COLUMN voice.analytics.deleted_at IS 'copy of the call''s, kept true by a trigger';
    COMMENT ON COLUMN voice.analytics.vertical IS 'the agent''s at the time of the analysis';
    COMMENT ON COLUMN voice.analytics.model IS 'who judged: the LLM''s name, builtin/… or rule/…';
    COMMENT ON COLUMN voice.analytics.announced IS 'which webhooks were to be told what of this call (webhook id, event): each once, however often it is judged';
    COMMENT ON COLUMN voice.analytics.transcript_hash IS 'of the words that were judged; NULL: to be judged again whatever they are';
END
$$;
COMMENT ON FUNCTION voice._install_analytics() IS 'creates voice.analytics if it is missing';

-- sql/tables/attempt.sql

-- The ledger: one row for every attempt ever made, good or bad. It leaves with its call and its month.

CREATE FUNCTION voice._install_attempt() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.attempt') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE SEQUENCE IF NOT EXISTS voice.attempt_id_seq;
    CREATE TABLE voice.attempt (
        call_id uuid NOT NULL,
        id bigint NOT NULL DEFAULT nextval('voice.attempt_id_seq'),
        job_id bigint NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        http_status int,
        prompt_tokens int,
        completion_tokens int,
        latency_ms int,
        attempt smallint NOT NULL,
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        kind text NOT NULL CONSTRAINT attempt_kind_known CHECK (kind IN ('analyze', 'deliver')),
        outcome text NOT NULL
            CONSTRAINT attempt_outcome_known CHECK (outcome IN ('ok', 'skipped', 'stale', 'failed', 'snoozed', 'dead', 'discarded')),
        error text,
        model text,
        webhook_id uuid,
        event text,
        PRIMARY KEY (call_id, id)
    ) PARTITION BY RANGE (call_id);
    PERFORM voice._make_private('voice.attempt_id_seq');
    PERFORM voice._make_private('voice.attempt');
    PERFORM voice._keep_tenants_apart('voice.attempt');
    ALTER SEQUENCE voice.attempt_id_seq OWNED BY voice.attempt.id;
    COMMENT ON TABLE voice.attempt IS 'every attempt to analyse a call or to tell a webhook of it, and what came of it';
    COMMENT ON COLUMN voice.attempt.job_id IS 'the job it was made for; the job itself is gone when it is done';
    COMMENT ON COLUMN voice.attempt.attempt IS 'which attempt of the job, from 1; one that was snoozed gives its number to the next';
    COMMENT ON COLUMN voice.attempt.outcome IS 'ok; skipped: nothing had changed; stale: the transcript changed meanwhile; failed: it will be tried again; snoozed: the same, and not counted, for the LLM server or the configuration was to blame; dead: it will not; discarded: somebody else was faster';
    COMMENT ON COLUMN voice.attempt.webhook_id IS 'of a delivery: to which webhook';
    COMMENT ON COLUMN voice.attempt.event IS 'of a delivery: what it told';
    COMMENT ON COLUMN voice.attempt.latency_ms IS 'milliseconds from request to answer';
END
$$;
COMMENT ON FUNCTION voice._install_attempt() IS 'creates voice.attempt if it is missing';

-- sql/tables/search_document.sql

-- A call's words for full-text search, one row a call, written by the worker: turns pay nothing for it at ingest.

CREATE FUNCTION voice._install_search_document() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.search_document') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.search_document (
        call_id uuid NOT NULL,
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        document tsvector NOT NULL,
        PRIMARY KEY (call_id)
    ) PARTITION BY RANGE (call_id);
    CREATE INDEX search_document_document_idx ON voice.search_document USING gin (document);
    -- The newest calls of one tenant among many, where a word is common.
    CREATE INDEX search_document_newest_idx ON voice.search_document (tenant_id, call_id);
    PERFORM voice._make_private('voice.search_document');
    PERFORM voice._keep_tenants_apart('voice.search_document');
    COMMENT ON TABLE voice.search_document IS 'the words of a call, as voice_search() finds them';
    COMMENT ON COLUMN voice.search_document.document IS 'made with the setting voice_analytics.search_config';
END
$$;
COMMENT ON FUNCTION voice._install_search_document() IS 'creates voice.search_document if it is missing';

-- sql/tables/queue.sql

-- The queue is a table: a job is leased by one worker or by none, and a call has at most one analysis waiting.

CREATE FUNCTION voice._install_queue() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.job') IS NULL THEN
        CREATE SEQUENCE IF NOT EXISTS voice.job_id_seq;
        -- A queue's rows live for seconds: room on each page, and vacuum by what changed, not by share of the table.
        -- No CHECK: only a few statements of ours (sql/queries) write here, one of them in every transaction that ends a call.
        CREATE TABLE voice.job (
            id bigint NOT NULL DEFAULT nextval('voice.job_id_seq'),
            run_at timestamptz NOT NULL DEFAULT now(),
            leased_until timestamptz,
            lease bigint,
            call_id uuid NOT NULL,
            priority smallint NOT NULL DEFAULT 0,
            attempt smallint NOT NULL DEFAULT 0,
            kind text NOT NULL,
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            webhook_id uuid,
            event text,
            PRIMARY KEY (id)
        ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
                autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 0,
                autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
        CREATE UNIQUE INDEX job_one_analysis_a_call_idx ON voice.job (call_id) WHERE kind = 'analyze';
        -- By tenant: however much one of them has waiting, the first jobs of the others are a probe away.
        -- Deliveries are not in it: those to a receiver that is down wait for days.
        CREATE INDEX job_waiting_idx ON voice.job (priority, tenant_id, run_at, id) WHERE lease IS NULL AND webhook_id IS NULL;
        -- By webhook: however much one of them has waiting, the first deliveries of the others are a probe away.
        CREATE INDEX job_delivery_idx ON voice.job (webhook_id, priority, run_at, id) WHERE webhook_id IS NOT NULL;
        CREATE INDEX job_leased_idx ON voice.job (lease) WHERE lease IS NOT NULL;
        PERFORM voice._make_private('voice.job_id_seq');
        PERFORM voice._make_private('voice.job');
        PERFORM voice._keep_tenants_apart('voice.job');
        ALTER SEQUENCE voice.job_id_seq OWNED BY voice.job.id;
        COMMENT ON TABLE voice.job IS 'the queue: work to be done for calls that have ended';
        COMMENT ON COLUMN voice.job.priority IS '0: live calls; 10: backfill. The lower goes first';
        COMMENT ON COLUMN voice.job.attempt IS 'how often it was begun; what the provider or the configuration failed at is not counted';
        COMMENT ON COLUMN voice.job.webhook_id IS 'of a delivery: to which webhook';
        COMMENT ON COLUMN voice.job.event IS 'of a delivery: what it tells';
        COMMENT ON COLUMN voice.job.lease IS 'the epoch of the worker that has it; NULL: nobody';
    END IF;
    IF to_regclass('voice.dead_job') IS NULL THEN
        CREATE TABLE voice.dead_job (
            id bigint NOT NULL,
            died_at timestamptz NOT NULL DEFAULT now(),
            call_id uuid NOT NULL,
            priority smallint NOT NULL DEFAULT 0,
            attempts smallint NOT NULL,
            kind text NOT NULL CONSTRAINT dead_job_kind_known CHECK (kind IN ('analyze', 'deliver')),
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            last_error text,
            webhook_id uuid,
            event text,
            PRIMARY KEY (id)
        );
        CREATE INDEX dead_job_call_id_idx ON voice.dead_job (call_id);
        PERFORM voice._make_private('voice.dead_job');
        PERFORM voice._keep_tenants_apart('voice.dead_job');
        COMMENT ON TABLE voice.dead_job IS 'jobs that gave up; voice_requeue_dead() gives them another chance';
        COMMENT ON COLUMN voice.dead_job.id IS 'the job''s';
        COMMENT ON COLUMN voice.dead_job.webhook_id IS 'of a delivery: to which webhook';
        COMMENT ON COLUMN voice.dead_job.event IS 'of a delivery: what it told';
        COMMENT ON COLUMN voice.dead_job.last_error IS 'why the last attempt failed, without secrets';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._install_queue() IS 'creates voice.job and voice.dead_job if they are missing';

-- sql/tables/webhook.sql

-- A webhook that is enabled has a secret, and no secret ever stands in voice.webhook: it passes through, and a dump has none.

-- A member of the extension and never dumped, as voice._instance: a restored webhook is disabled until it gets one again.
CREATE TABLE voice._webhook_secret (
    webhook_id uuid PRIMARY KEY,
    secret text NOT NULL
);
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
            CONSTRAINT webhook_events_known CHECK (events <@ '{lead.hot,call.analyzed}' AND cardinality(events) > 0),
        intents text[] NOT NULL DEFAULT '{sales}'
            CONSTRAINT webhook_intents_known CHECK (intents <@ '{info,booking,complaint,sales,support,none}' AND cardinality(intents) > 0),
        disabled_reason text,
        secret text CONSTRAINT webhook_secret_is_kept_elsewhere CHECK (secret IS NULL),
        PRIMARY KEY (id),
        CONSTRAINT webhook_enabled_or_why_not CHECK (enabled = (disabled_at IS NULL) AND (disabled_reason IS NULL OR NOT enabled))
    );
    CREATE INDEX webhook_tenant_id_idx ON voice.webhook (tenant_id);
    PERFORM voice._make_private('voice.webhook');
    PERFORM voice._keep_tenants_apart('voice.webhook');
    CREATE TRIGGER complete BEFORE INSERT OR UPDATE ON voice.webhook
        FOR EACH ROW EXECUTE FUNCTION voice._complete_webhook();
    CREATE TRIGGER stopped AFTER UPDATE OR DELETE ON voice.webhook
        FOR EACH ROW EXECUTE FUNCTION voice._webhook_stopped();

    COMMENT ON TABLE voice.webhook IS 'who is told of analysed calls; see voice_add_webhook()';
    COMMENT ON COLUMN voice.webhook.tenant_id IS 'whose calls it is told of: the setting voice_analytics.tenant';
    COMMENT ON COLUMN voice.webhook.url IS 'where it is posted to; of Slack''s URL, which is a secret, the host only';
    COMMENT ON COLUMN voice.webhook.events IS 'lead.hot: an analysis with at least min_lead_score and one of the intents; call.analyzed: every analysis';
    COMMENT ON COLUMN voice.webhook.min_lead_score IS 'of lead.hot';
    COMMENT ON COLUMN voice.webhook.intents IS 'of lead.hot';
    COMMENT ON COLUMN voice.webhook.format IS 'standard: Standard Webhooks, signed; slack: a message for an incoming webhook of Slack';
    COMMENT ON COLUMN voice.webhook.enabled IS 'false: nothing is sent, and what waited to be is dropped';
    COMMENT ON COLUMN voice.webhook.disabled_reason IS 'why it is not enabled';
    COMMENT ON COLUMN voice.webhook.secret IS 'to be written only: goes to where nobody but the worker reads, and is always NULL here';
END
$$;
COMMENT ON FUNCTION voice._install_webhook() IS 'creates voice.webhook if it is missing';

-- sql/tables/state.sql

-- What the data remembers of its installation; dumped with it. Another installation's data is a copy and keeps quiet.

CREATE FUNCTION voice._install_state() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice._state') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice._state (
        singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
        instance uuid NOT NULL,
        epoch bigint NOT NULL DEFAULT 0,
        paused_at timestamptz,
        pause_reason text
    );
    PERFORM voice._make_private('voice._state');
    COMMENT ON TABLE voice._state IS 'the installation this data belongs to, and whether its worker is paused';
    COMMENT ON COLUMN voice._state.epoch IS 'counts workers: a new one takes back the leases of those before it';
END
$$;
COMMENT ON FUNCTION voice._install_state() IS 'creates voice._state if it is missing';

-- sql/tables/tenant_limit.sql

-- What a tenant may ask of the LLM, where it is not what the settings say of every tenant. Whoever is pinned to a tenant
-- sees its limit and sets none.

-- In Rust (src/api/tenant.rs), beside voice._tenant().
CREATE FUNCTION voice._pinned_to() RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'voice_pinned_to';
COMMENT ON FUNCTION voice._pinned_to() IS 'the tenant that the session is pinned to; NULL: to none';

-- In Rust (src/api/queue.rs), as voice._wake(): what is remembered until the commit is no row, for which others would wait.
CREATE FUNCTION voice._reread_limits() RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_reread_limits_wrapper';
COMMENT ON FUNCTION voice._reread_limits() IS 'has this database''s worker read the limits again when the transaction commits';

-- SECURITY DEFINER: whoever may write the table tells the worker.
CREATE FUNCTION voice._limits_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    PERFORM voice._reread_limits();
    RETURN NULL;
END
$$;
ALTER FUNCTION voice._limits_changed() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._limits_changed() FROM PUBLIC;
COMMENT ON FUNCTION voice._limits_changed() IS 'has the worker read the limits again; where triggers do not fire, it does so by itself at each sweep';

CREATE FUNCTION voice._install_tenant_limit() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.tenant_limit') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.tenant_limit (
        max_concurrency int CONSTRAINT tenant_limit_max_concurrency_in_range CHECK (max_concurrency BETWEEN 0 AND 1024),
        requests_per_minute int CONSTRAINT tenant_limit_requests_per_minute_in_range CHECK (requests_per_minute BETWEEN 0 AND 1000000),
        tenant_id text NOT NULL,
        PRIMARY KEY (tenant_id)
    );
    PERFORM voice._make_private('voice.tenant_limit');
    ALTER TABLE voice.tenant_limit ENABLE ROW LEVEL SECURITY;
    CREATE POLICY seen ON voice.tenant_limit FOR SELECT USING (tenant_id = coalesce(voice._pinned_to(), tenant_id));
    CREATE POLICY set_by_nobody_who_is_pinned ON voice.tenant_limit USING (voice._pinned_to() IS NULL);
    CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON voice.tenant_limit
        FOR EACH STATEMENT EXECUTE FUNCTION voice._limits_changed();
    COMMENT ON TABLE voice.tenant_limit IS 'tenants of whom something else is said than of all: voice_limit_tenant()';
    COMMENT ON COLUMN voice.tenant_limit.max_concurrency IS 'requests to the LLM in flight at once; 0: no limit; NULL: the setting tenant_max_concurrency';
    COMMENT ON COLUMN voice.tenant_limit.requests_per_minute IS 'requests to the LLM a minute; 0: no limit; NULL: the setting tenant_requests_per_minute';
END
$$;
COMMENT ON FUNCTION voice._install_tenant_limit() IS 'creates voice.tenant_limit if it is missing';

-- sql/tables/pin.sql

-- A pinned role sees one tenant whatever it sets, and whatever it is called. Its oid says who it is where the pin was
-- learnt; its name travels with the data (a dump has it), holds for a role that is created later, and for one that is
-- dropped and made again. src/host/pin.rs judges the same way.

CREATE FUNCTION voice._pins_changed() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_pins_changed';
ALTER FUNCTION voice._pins_changed() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._pins_changed() FROM PUBLIC;
COMMENT ON FUNCTION voice._pins_changed() IS 'tells every session that a pin has changed (TRUNCATE says so by itself)';

CREATE FUNCTION voice._install_pin() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice._pin') IS NOT NULL THEN
        RETURN;
    END IF;
    -- src/host/pin.rs reads these columns in this order.
    CREATE TABLE voice._pin (
        role text NOT NULL PRIMARY KEY CONSTRAINT pin_role_not_empty CHECK (role <> ''),
        tenant_id text NOT NULL,
        role_oid oid,
        instance uuid
    );
    CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON voice._pin
        FOR EACH ROW EXECUTE FUNCTION voice._pins_changed();
    PERFORM voice._make_private('voice._pin');
    COMMENT ON TABLE voice._pin IS 'roles that are one tenant''s, whatever they set: voice_pin_tenant()';
    COMMENT ON COLUMN voice._pin.role IS 'its name when it was last looked at';
    COMMENT ON COLUMN voice._pin.role_oid IS 'who that is on the installation in which it was learnt';
    COMMENT ON COLUMN voice._pin.instance IS 'the installation (voice._instance) on which role_oid says something';
END
$$;
COMMENT ON FUNCTION voice._install_pin() IS 'creates voice._pin if it is missing';

-- The worker's, every sweep. In a copy nothing is learnt before voice_resume(): names decide there.
CREATE FUNCTION voice._follow_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    here CONSTANT uuid := (SELECT i.id FROM voice._instance i);
    moved voice._pin[];
BEGIN
    IF to_regclass('voice._pin') IS NULL OR voice._is_copy() THEN
        RETURN;
    END IF;
    -- Two that have changed names must both be out of the way before either is in.
    WITH gone AS (
        DELETE FROM voice._pin p USING pg_roles r
        WHERE p.instance = here AND r.oid = p.role_oid AND r.rolname <> p.role
        RETURNING (r.rolname, p.tenant_id, p.role_oid, p.instance)::voice._pin AS pin
    )
    SELECT array_agg(g.pin) INTO moved FROM gone g;
    IF moved IS NOT NULL THEN
        -- Whoever has had that name is gone, and its pin would be the newcomer's, who has one of its own.
        DELETE FROM voice._pin p USING unnest(moved) m WHERE p.role = m.role;
        INSERT INTO voice._pin SELECT m.* FROM unnest(moved) m;
    END IF;
    UPDATE voice._pin p SET role_oid = r.oid, instance = here
    FROM pg_roles r
    WHERE r.rolname = p.role AND (p.instance, p.role_oid) IS DISTINCT FROM (here, r.oid);
END
$$;
COMMENT ON FUNCTION voice._follow_roles() IS 'keeps the names of pinned roles true, and learns who those are that came by name';

-- sql/tables/erasure.sql

-- That something was erased, by whom and how much; never what or whose.

CREATE FUNCTION voice._install_erasure() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.erasure') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE SEQUENCE IF NOT EXISTS voice.erasure_id_seq;
    CREATE TABLE voice.erasure (
        id bigint NOT NULL DEFAULT nextval('voice.erasure_id_seq'),
        erased_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        erased_by text NOT NULL DEFAULT session_user,
        kind text NOT NULL CONSTRAINT erasure_kind_known CHECK (kind IN ('call', 'caller')),
        removed jsonb NOT NULL CONSTRAINT erasure_removed_is_an_object CHECK (jsonb_typeof(removed) = 'object'),
        PRIMARY KEY (id)
    );
    PERFORM voice._make_private('voice.erasure_id_seq');
    PERFORM voice._make_private('voice.erasure');
    PERFORM voice._keep_tenants_apart('voice.erasure');
    ALTER SEQUENCE voice.erasure_id_seq OWNED BY voice.erasure.id;
    COMMENT ON TABLE voice.erasure IS 'the record of voice_erase_call() and voice_erase_caller(), without personal data';
    COMMENT ON COLUMN voice.erasure.erased_by IS 'the role that had logged in';
    COMMENT ON COLUMN voice.erasure.kind IS 'call: one by its id; caller: all of a phone number';
    COMMENT ON COLUMN voice.erasure.removed IS 'how many rows of which table';
END
$$;
COMMENT ON FUNCTION voice._install_erasure() IS 'creates voice.erasure if it is missing';

-- sql/tables/leaf.sql

-- A month is seven leaves, one a family, that share their bounds and reference one another: no leaf ever stands alone.

-- The families in the one order in which they are created: what a leaf references comes before it.
CREATE FUNCTION voice._families() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT '{call,turn,transcript_chunk,tool_call,analytics,attempt,search_document}'::text[] $$;
COMMENT ON FUNCTION voice._families() IS 'the partitioned tables, in the order in which they are created';

-- The months that exist, whatever they are called. The DEFAULT has neither bound.
CREATE FUNCTION voice._leaves(family text, OUT leaf regclass, OUT lower uuid, OUT upper uuid) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT c.oid::regclass, b[1]::uuid, b[2]::uuid
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    LEFT JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(.*)''\) TO \(''(.*)''\)') b ON true
    WHERE i.inhparent = to_regclass('voice.' || $1)
$$;
COMMENT ON FUNCTION voice._leaves(text) IS 'the leaves of a family and the ids they hold: lower <= id < upper';

-- A table like its family, with the references of its own month, not attached yet. Nothing is granted on it and its
-- row-level security has no policy: rows are reached through the family only.
CREATE FUNCTION voice._build_leaf(family text, suffix text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    leaf CONSTANT text := format('%s_%s', family, suffix);
BEGIN
    IF to_regclass(format('voice.%I', leaf)) IS NOT NULL THEN
        RAISE EXCEPTION 'there is a table of this name already'
            USING ERRCODE = 'duplicate_table', DETAIL = format('voice.%I is no partition of voice.%I.', leaf, family),
                  HINT = 'A month that was detached: ATTACH it again, rename it, or drop it.';
    END IF;
    EXECUTE format(
        'CREATE TABLE voice.%I (LIKE voice.%I INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING STORAGE INCLUDING COMPRESSION)',
        leaf, family);
    PERFORM voice._make_private(('voice.' || leaf)::regclass);
    EXECUTE format('ALTER TABLE voice.%I ENABLE ROW LEVEL SECURITY', leaf);
    IF family <> 'call' THEN
        EXECUTE format(
            'ALTER TABLE voice.%I ADD FOREIGN KEY (call_id, tenant_id) REFERENCES voice.%I (id, tenant_id) ON DELETE CASCADE',
            leaf, 'call_' || suffix);
    END IF;
    IF family = 'transcript_chunk' THEN
        EXECUTE format(
            'ALTER TABLE voice.%I ADD FOREIGN KEY (call_id, turn_id) REFERENCES voice.%I (call_id, id) ON DELETE CASCADE',
            leaf, 'turn_' || suffix);
    END IF;
    RETURN leaf;
END
$$;
COMMENT ON FUNCTION voice._build_leaf(text, text) IS 'creates a leaf of a family, not attached yet';

-- Rows of a month that does not exist yet go to the DEFAULT leaves, which reference one another like any month.
CREATE FUNCTION voice._install_default_leaves() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    family text;
BEGIN
    FOREACH family IN ARRAY voice._families() LOOP
        IF to_regclass(format('voice.%I', family || '_default')) IS NULL THEN
            EXECUTE format('ALTER TABLE voice.%I ATTACH PARTITION voice.%I DEFAULT',
                           family, voice._build_leaf(family, 'default'));
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._install_default_leaves() IS 'creates the DEFAULT leaves that are missing';

-- After a partial restore a family may lack months that the calls have: what is written for those calls would go to its
-- DEFAULT leaf, which references that of the calls, where they are not.
CREATE FUNCTION voice._install_missing_leaves() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    family text;
    month record;
BEGIN
    FOREACH family IN ARRAY voice._families() LOOP
        FOR month IN
            SELECT l.lower, l.upper, substr(c.relname, length('call_') + 1) AS suffix
            FROM voice._leaves('call') l
            JOIN pg_class c ON c.oid = l.leaf
            WHERE l.lower IS NOT NULL
              AND NOT EXISTS (SELECT FROM voice._leaves(family) o WHERE o.lower = l.lower AND o.upper = l.upper)
            ORDER BY l.lower
        LOOP
            EXECUTE format('ALTER TABLE voice.%I ATTACH PARTITION voice.%I FOR VALUES FROM (%L) TO (%L)',
                           family, voice._build_leaf(family, month.suffix), month.lower, month.upper);
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._install_missing_leaves() IS 'creates the leaves that a family lacks beside those of voice.call';

-- sql/tables/month.sql

-- A month comes to all families in one moment, or to none; traffic never waits longer than the lock_timeout for it.

-- All locks of a maintenance transaction, in the order in which live traffic takes them: a statement locks what it writes
-- before what it looks at (a turn's call, a call's agent). In any other order, whoever comes while the first lock is
-- waited for would hold what is wanted next and wait for what is held, and only our giving up would end that.
-- All waits together have one budget, for whoever is about to write waits behind us: mostly half of it, which is enough
-- where nobody holds a lock for long, and every fourth time the whole.
CREATE FUNCTION voice._lock_families(parents text, try int) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms'
AS $$
DECLARE
    budget CONSTANT int := CASE WHEN try % 4 = 3 THEN 50 ELSE 25 END;
    began CONSTANT timestamptz := clock_timestamp();
    tables CONSTANT text[] := '{transcript_chunk,tool_call,turn,call,agent,analytics,attempt,search_document}';
    wanted text;
    locks text[] := '{}';
    lock text;
BEGIN
    FOREACH wanted IN ARRAY tables LOOP
        IF wanted <> 'agent' THEN
            locks := locks || format('ONLY voice.%I IN %s MODE', wanted, parents)
                           || format('voice.%I IN ACCESS EXCLUSIVE MODE', wanted || '_default');
        -- A leaf that leaves its family leaves triggers on agent behind, and takes them away when it comes back.
        ELSIF parents = 'ACCESS EXCLUSIVE' THEN
            locks := locks || text 'voice.agent IN ACCESS EXCLUSIVE MODE';
        ELSE
            locks := locks || text 'voice.agent IN SHARE ROW EXCLUSIVE MODE';
        END IF;
    END LOOP;
    FOREACH lock IN ARRAY locks LOOP
        PERFORM set_config('lock_timeout', greatest(1, budget - EXTRACT(epoch FROM clock_timestamp() - began) * 1000)::int::text, true);
        EXECUTE 'LOCK TABLE ' || lock;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._lock_families(text, int) IS
    'locks the families in this mode and their DEFAULT leaves, or raises lock_not_available; how long it waits depends on which try this is';

-- Between two tries of a maintenance transaction: those who waited behind it go first. It gives up after a minute.
CREATE FUNCTION voice._try_again(try int, began timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    holders text;
BEGIN
    IF try % 10 = 0 OR clock_timestamp() > began + interval '1 minute' THEN
        SELECT string_agg(DISTINCT format('%s (%s)', l.pid, coalesce(nullif(a.application_name, ''), a.backend_type)), ', ')
        INTO holders
        FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.granted AND l.pid <> pg_backend_pid() AND l.locktype = 'relation'
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND (l.relation = to_regclass('voice.agent')
               OR l.relation IN (SELECT i.inhrelid FROM pg_inherits i
                                 WHERE i.inhparent IN (SELECT to_regclass('voice.' || f) FROM unnest(voice._families()) f))
               OR l.relation IN (SELECT to_regclass('voice.' || f) FROM unnest(voice._families()) f));
        IF clock_timestamp() > began + interval '1 minute' THEN
            RAISE EXCEPTION 'no moment was found to change the months of voice_analytics'
                USING ERRCODE = 'lock_not_available',
                      DETAIL = format('Transactions that hold locks on its tables: %s.', coalesce(holders, 'none at this moment')),
                      HINT = 'Try again when those have ended; calls meanwhile are stored as ever, and nothing has changed.';
        END IF;
        RAISE NOTICE 'waiting for a moment in which nobody holds a lock on the tables of voice_analytics'
            USING DETAIL = format('Transactions that hold locks on them: %s.', coalesce(holders, 'none at this moment'));
    END IF;
    PERFORM pg_sleep(least(0.02 * try, 0.5) * (0.5 + random()));
END
$$;
COMMENT ON FUNCTION voice._try_again(int, timestamptz) IS 'waits before the next try, says so now and then, and raises after a minute';

-- Creates the months that do not exist, as one unit, and returns the names of the leaves. What takes time (tables,
-- indexes, references among themselves) is done on tables that nobody sees; the families are locked for the ATTACH only.
CREATE FUNCTION voice._create_months(months date[], more_follow boolean DEFAULT false) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms'
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    try int := 0;
    month date;
    bounds record;
    family text;
    leaves text[] := '{}';
    attach text[] := '{}';
BEGIN
    FOREACH month IN ARRAY voice._missing_months(months) LOOP
        SELECT * INTO bounds FROM voice._ids_of(month);
        IF EXISTS (SELECT FROM voice.call_default c WHERE c.id >= bounds.lower AND c.id < bounds.upper) THEN
            RAISE WARNING 'the month % is not created', to_char(month, 'YYYY-MM')
                USING DETAIL = 'Calls of that month are in voice.call_default, where they stay readable and writable.',
                      HINT = 'docs/partitions.md says which rows of a DEFAULT do not become a month by themselves.';
            CONTINUE;
        END IF;
        FOREACH family IN ARRAY voice._families() LOOP
            leaves := leaves || voice._build_leaf(family, to_char(month, 'YYYY_MM'));
            attach := attach || format('ALTER TABLE voice.%I ATTACH PARTITION voice.%I FOR VALUES FROM (%L) TO (%L)',
                                       family, leaves[cardinality(leaves)], bounds.lower, bounds.upper);
        END LOOP;
    END LOOP;
    IF leaves = '{}' THEN
        IF NOT more_follow THEN
            PERFORM voice._drop_proofs();
        END IF;
        RETURN;
    END IF;
    LOOP
        BEGIN
            PERFORM voice._lock_families('SHARE UPDATE EXCLUSIVE', try);
            FOR i IN 1..cardinality(attach) LOOP
                EXECUTE attach[i];
            END LOOP;
            IF NOT more_follow THEN
                PERFORM voice._drop_proofs();
            END IF;
            RETURN QUERY SELECT unnest(leaves);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            NULL; -- all locks are given back with the block
        END;
        try := try + 1;
        PERFORM voice._try_again(try, began);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._create_months(date[], boolean) IS
    'creates those of these months (first days, UTC) that are missing, for all families; what was proved of the DEFAULT leaves stays if more follow';

CREATE FUNCTION voice._ids_of(month date, OUT lower uuid, OUT upper uuid)
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT @extschema@.voice_uuid_at($1::timestamp AT TIME ZONE 'UTC'),
           @extschema@.voice_uuid_at(($1 + interval '1 month') AT TIME ZONE 'UTC')
$$;
COMMENT ON FUNCTION voice._ids_of(date) IS 'the ids of a month: lower <= id < upper';

-- From the catalogs alone: no lock on any of the tables is left behind.
CREATE FUNCTION voice._missing_months(months date[]) RETURNS date[]
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT coalesce(array_agg(m ORDER BY m), '{}')
    FROM unnest($1) m CROSS JOIN LATERAL voice._ids_of(m) i
    WHERE NOT EXISTS (SELECT FROM voice._leaves('call') l WHERE l.lower < i.upper AND l.upper > i.lower)
$$;
COMMENT ON FUNCTION voice._missing_months(date[]) IS 'those of the months that no leaf holds';

CREATE FUNCTION voice._months(months_ahead int, since timestamptz) RETURNS date[]
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT array_agg(m::date ORDER BY m)
    FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') AS this_month) t,
         generate_series(least(date_trunc('month', $2 AT TIME ZONE 'UTC'), t.this_month),
                         t.this_month + $1 * interval '1 month', interval '1 month') m
$$;
COMMENT ON FUNCTION voice._months(int, timestamptz) IS 'the months (first days, UTC) from that of since to so many ahead of now';

-- A month is attached in 9 to 40 ms (docs/decisions.md), and the locks of one transaction are held for all of its months.
-- More than half a year is made by a process of its own, a month in each of its transactions. A transaction with one
-- snapshot for all would not see what that process has made.
CREATE FUNCTION voice_create_partitions(months_ahead int DEFAULT 3, since timestamptz DEFAULT now()) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    missing int;
BEGIN
    IF months_ahead IS NULL OR months_ahead NOT BETWEEN 0 AND 120 THEN
        RAISE EXCEPTION 'months_ahead is out of range'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('months_ahead is %s; it may be 0 to 120.', coalesce(months_ahead::text, 'NULL')),
                  HINT = 'Three months ahead are enough: the worker adds the next one in time.';
    ELSIF since IS NULL OR since < timestamptz '1970-01-01 00:00:00+00' OR since > now() + interval '24 hours' THEN
        RAISE EXCEPTION 'since is out of range'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('since is %s; it may be from 1970 to now.', coalesce(since::text, 'NULL')),
                  HINT = 'Pass the start of the oldest call that you are going to import.';
    END IF;
    missing := cardinality(voice._missing_months(voice._months(months_ahead, since)));
    IF missing = 0 THEN
        RETURN;
    ELSIF voice._default_is_large() THEN
        RETURN QUERY SELECT * FROM voice._create_months_elsewhere(months_ahead, since, 'the DEFAULT partitions are large');
        RETURN;
    ELSIF missing > 6 AND NOT voice._holds_locks() AND current_setting('transaction_isolation') = 'read committed' THEN
        BEGIN
            RETURN QUERY SELECT * FROM voice._create_months_elsewhere(months_ahead, since, format('%s months are missing', missing));
            RETURN;
        EXCEPTION WHEN configuration_limit_exceeded THEN
            RAISE NOTICE 'there is no free background worker: % months are made here, in one transaction', missing;
        END;
    END IF;
    RETURN QUERY SELECT * FROM voice._swap_stranded(voice._months(months_ahead, since));
    RETURN QUERY SELECT * FROM voice._create_months(voice._months(months_ahead, since));
END
$$;
COMMENT ON FUNCTION voice_create_partitions(int, timestamptz) IS
    'creates the missing months of all tables, from that of since to so many ahead, and returns the names of what it created; calls of theirs in the DEFAULT partitions become months too';

-- sql/tables/stranded.sql

-- Rows stranded in the DEFAULT leaves are not copied: the DEFAULTs become the month, in one moment for all families, and
-- new empty ones take their place.

-- Up to this size the leaves are read while they are locked, which takes a few milliseconds. Larger ones are proved to
-- hold their month beforehand, by a CHECK that is validated without a lock that others would feel; that takes
-- transactions of its own, so another process does it (src/worker/maintenance.rs).
CREATE FUNCTION voice._default_is_large() RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT coalesce(sum(pg_relation_size(to_regclass('voice.' || f || '_default'))), 0) > 8 * 1024 * 1024
    FROM unnest(voice._families()) f
$$;
COMMENT ON FUNCTION voice._default_is_large() IS 'whether reading the DEFAULT leaves would take longer than others may wait';

-- Where the stranded calls lie: between which existing months. A DEFAULT becomes one leaf, and a leaf is one range
-- without others in it; so where calls lie on both sides of existing months, the side with fewer of them moves to the
-- new DEFAULT (and becomes a month of its own the next time round).
CREATE FUNCTION voice._stranded(months date[], OUT lower uuid, OUT upper uuid, OUT suffix text, OUT strays bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    now_and_around CONSTANT timestamptz[] := ARRAY[now() - interval '25 hours', now() + interval '25 hours'];
    gap record;
    here record;
    calls bigint;
    most bigint := 0;
    total bigint := 0;
    sides int := 0;
    wanted boolean := false;
    first_month timestamp;
    last_month timestamp;
BEGIN
    FOR gap IN
        SELECT g.lower, lead(g.start) OVER (ORDER BY g.lower) AS upper
        FROM (SELECT uuid '00000000-0000-0000-0000-000000000000' AS lower, NULL::uuid AS start
              UNION ALL SELECT l.upper, l.lower FROM voice._leaves('call') l WHERE l.lower IS NOT NULL) g
    LOOP
        -- Of both ends one probe of the key.
        SELECT @extschema@.voice_uuid_time(c.id) AS first_time INTO here FROM voice.call_default c
        WHERE c.id >= gap.lower AND (gap.upper IS NULL OR c.id < gap.upper) ORDER BY c.id LIMIT 1;
        CONTINUE WHEN NOT FOUND;
        sides := sides + 1;
        first_month := date_trunc('month', here.first_time AT TIME ZONE 'UTC');
        SELECT @extschema@.voice_uuid_time(c.id) AS last_time INTO here FROM voice.call_default c
        WHERE c.id >= gap.lower AND (gap.upper IS NULL OR c.id < gap.upper) ORDER BY c.id DESC LIMIT 1;
        last_month := date_trunc('month', here.last_time AT TIME ZONE 'UTC');
        wanted := wanted OR EXISTS (SELECT FROM unnest(months) m WHERE m BETWEEN first_month AND last_month);
        SELECT count(*) INTO calls FROM voice.call_default c
        WHERE c.id >= gap.lower AND (gap.upper IS NULL OR c.id < gap.upper);
        total := total + calls;
        CONTINUE WHEN calls <= most;
        most := calls;
        -- Calls that begin while a large DEFAULT is proved must not be refused by the proof.
        IF EXISTS (SELECT FROM unnest(now_and_around) n
                   WHERE date_trunc('month', n AT TIME ZONE 'UTC') BETWEEN first_month AND last_month) THEN
            SELECT least(first_month, min(date_trunc('month', n AT TIME ZONE 'UTC'))),
                   greatest(last_month, max(date_trunc('month', n AT TIME ZONE 'UTC')))
            INTO first_month, last_month FROM unnest(now_and_around) n;
        END IF;
        lower := greatest(gap.lower, @extschema@.voice_uuid_at(first_month AT TIME ZONE 'UTC'));
        upper := least(gap.upper, @extschema@.voice_uuid_at((last_month + interval '1 month') AT TIME ZONE 'UTC'));
        -- Named by what it holds, clipped by its neighbours.
        first_month := @extschema@.voice_uuid_time(lower) AT TIME ZONE 'UTC';
        last_month := @extschema@.voice_uuid_time(upper) AT TIME ZONE 'UTC' - interval '1 month';
        suffix := to_char(first_month, 'YYYY_MM')
               || CASE WHEN last_month > first_month THEN to_char(last_month, '"_to_"YYYY_MM') ELSE '' END;
    END LOOP;
    strays := total - most;
    IF NOT wanted THEN
        suffix := NULL;
    ELSIF strays > 500 OR strays > 0 AND voice._default_is_large() THEN
        RAISE WARNING 'the DEFAULT partitions do not become months'
            USING DETAIL = format('They hold calls on %s sides of months that exist; %s calls would have to be copied while everybody waits.',
                                  sides, strays),
                  HINT = 'The calls stay readable and writable where they are. Months to come are created all the same.';
        suffix := NULL;
    END IF;
END
$$;
COMMENT ON FUNCTION voice._stranded(date[]) IS
    'the range that the DEFAULT leaves would become, if they hold calls of these months; suffix NULL: they do not';

-- A CHECK that says which ids the DEFAULT leaves hold (inside: of these ranges only; otherwise: of none of them), so that
-- ATTACH need not read them. Adding it takes a moment; _validate_proof() reads, and holds up nobody.
CREATE FUNCTION voice._add_proofs(lower uuid[], upper uuid[], inside boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms'
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    try int := 0;
    family text;
BEGIN
    LOOP
        BEGIN
            PERFORM voice._lock_families('ACCESS SHARE', try);
            FOREACH family IN ARRAY voice._families() LOOP
                EXECUTE format('ALTER TABLE voice.%I ADD CONSTRAINT while_a_month_is_made CHECK (%s) NOT VALID', family || '_default',
                    (SELECT string_agg(format(CASE WHEN inside THEN '%1$I >= %2$L::uuid AND %1$I < %3$L::uuid'
                                                   ELSE '(%1$I < %2$L::uuid OR %1$I >= %3$L::uuid)' END,
                                              CASE family WHEN 'call' THEN 'id' ELSE 'call_id' END, r.l, r.u), ' AND ')
                     FROM unnest(lower, upper) r(l, u)));
            END LOOP;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
        try := try + 1;
        PERFORM voice._try_again(try, began);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._add_proofs(uuid[], uuid[], boolean) IS 'says of the DEFAULT leaves which ids they hold, to be validated';

-- First the question, then the lock: a table is not altered while a query of the same session reads it.
CREATE FUNCTION voice._add_proofs_of_absence(months date[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    absent record;
BEGIN
    SELECT array_agg(i.lower) AS lowers, array_agg(i.upper) AS uppers INTO absent
    FROM unnest(voice._missing_months(months)) m CROSS JOIN LATERAL voice._ids_of(m) i
    WHERE NOT EXISTS (SELECT FROM voice.call_default c WHERE c.id >= i.lower AND c.id < i.upper);
    IF absent.lowers IS NULL OR NOT voice._default_is_large() THEN
        RETURN false;
    END IF;
    PERFORM voice._add_proofs(absent.lowers, absent.uppers, false);
    RETURN true;
END
$$;
COMMENT ON FUNCTION voice._add_proofs_of_absence(date[]) IS 'says that the DEFAULT leaves hold nothing of missing months; false: that needs no proof';

CREATE FUNCTION voice._validate_proof(family text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    EXECUTE format('ALTER TABLE voice.%I VALIDATE CONSTRAINT while_a_month_is_made', family || '_default');
END
$$;
COMMENT ON FUNCTION voice._validate_proof(text) IS 'proves which ids a DEFAULT leaf holds, without holding up others';

CREATE FUNCTION voice._proved() RETURNS SETOF regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT k.conrelid::regclass FROM pg_constraint k JOIN pg_inherits i ON i.inhrelid = k.conrelid
    WHERE k.conname = 'while_a_month_is_made' AND k.contype = 'c'
      AND i.inhparent IN (SELECT to_regclass('voice.' || f) FROM unnest(voice._families()) f)
    ORDER BY array_position(voice._families(), (SELECT relname::text FROM pg_class WHERE oid = i.inhparent))
$$;
COMMENT ON FUNCTION voice._proved() IS 'the leaves of which something was said while months were made';

CREATE FUNCTION voice._drop_proofs() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    leaf regclass;
BEGIN
    FOREACH leaf IN ARRAY ARRAY(SELECT voice._proved()) LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT while_a_month_is_made', leaf);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._drop_proofs() IS 'forgets what was said of leaves while months were made, under locks that are held already';

-- A crash leaves them behind, and they would refuse calls of other months.
CREATE FUNCTION voice._forget_proofs() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms'
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    try int := 0;
BEGIN
    WHILE EXISTS (SELECT FROM voice._proved()) LOOP
        BEGIN
            PERFORM voice._lock_families('ACCESS SHARE', try);
            PERFORM voice._drop_proofs();
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
        try := try + 1;
        PERFORM voice._try_again(try, began);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._forget_proofs() IS 'forgets what a maintenance that did not come to its end has said of leaves';

-- The DEFAULT leaves become the leaves of this range. Those who wait for the locks meanwhile find every row afterwards,
-- for they wait for the families: what they look for is looked up after that. With constraint_exclusion the planner sees
-- in the proof that there is nothing to copy, and reads no table under the locks.
CREATE FUNCTION voice._swap_default(lower uuid, upper uuid, suffix text) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms' SET constraint_exclusion = on
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    try int := 0;
    family text;
    key text;
BEGIN
    -- An index is renamed under a lock that neither readers nor writers feel: so it has its name before its leaf has.
    FOREACH family IN ARRAY voice._families() LOOP
        PERFORM voice._rename_indexes(family || '_default', family || '_default', family || '_' || suffix);
        PERFORM voice._build_leaf(family, 'next');
        PERFORM voice._rename_indexes(family || '_next', family || '_next', family || '_default');
    END LOOP;
    LOOP
        BEGIN
            PERFORM voice._lock_families('ACCESS EXCLUSIVE', try);
            FOREACH family IN ARRAY voice._families() LOOP
                EXECUTE format('ALTER TABLE voice.%I DETACH PARTITION voice.%I', family, family || '_default');
                EXECUTE format('ALTER TABLE voice.%I RENAME TO %I', family || '_default', family || '_' || suffix);
                EXECUTE format('ALTER TABLE voice.%I RENAME TO %I', family || '_next', family || '_default');
            END LOOP;
            -- Between the two neither has triggers: what is copied is not written anew.
            FOREACH family IN ARRAY voice._families() LOOP
                key := CASE family WHEN 'call' THEN 'id' ELSE 'call_id' END;
                EXECUTE format('INSERT INTO voice.%I SELECT * FROM voice.%I WHERE %3$I < $1 OR %3$I >= $2',
                               family || '_default', family || '_' || suffix, key) USING lower, upper;
            END LOOP;
            EXECUTE format('DELETE FROM voice.%I WHERE id < $1 OR id >= $2', 'call_' || suffix) USING lower, upper;
            FOREACH family IN ARRAY voice._families() LOOP
                EXECUTE format('ALTER TABLE voice.%I ATTACH PARTITION voice.%I DEFAULT', family, family || '_default');
                EXECUTE format('ALTER TABLE voice.%I ATTACH PARTITION voice.%I FOR VALUES FROM (%L) TO (%L)',
                               family, family || '_' || suffix, lower, upper);
            END LOOP;
            PERFORM voice._drop_proofs();
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
        try := try + 1;
        PERFORM voice._try_again(try, began);
    END LOOP;
    RETURN QUERY SELECT f || '_' || suffix FROM unnest(voice._families()) f;
END
$$;
COMMENT ON FUNCTION voice._swap_default(uuid, uuid, text) IS 'makes the DEFAULT leaves those of this range, and gives the names they have now';

CREATE FUNCTION voice._rename_indexes(leaf text, old_prefix text, new_prefix text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    index record;
BEGIN
    FOR index IN
        SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = to_regclass(format('voice.%I', leaf)) AND starts_with(c.relname, old_prefix)
    LOOP
        EXECUTE format('ALTER INDEX voice.%I RENAME TO %I', index.name,
                       left(new_prefix || substr(index.name, char_length(old_prefix) + 1), 63));
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._rename_indexes(text, text, text) IS 'gives indexes the name of their leaf';

-- While the DEFAULT leaves hold calls of the months asked for.
CREATE FUNCTION voice._swap_stranded(months date[]) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    becomes record;
BEGIN
    FOR round IN 1..10 LOOP
        SELECT * INTO becomes FROM voice._stranded(months);
        EXIT WHEN becomes.suffix IS NULL;
        RETURN QUERY SELECT * FROM voice._swap_default(becomes.lower, becomes.upper, becomes.suffix);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._swap_stranded(date[]) IS 'makes months of calls that lie in small DEFAULT leaves';

CREATE FUNCTION voice._run_elsewhere(task text) RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_run_elsewhere_wrapper';
REVOKE EXECUTE ON FUNCTION voice._run_elsewhere(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION voice._run_elsewhere(text) TO voice_worker;
COMMENT ON FUNCTION voice._run_elsewhere(text) IS
    'has a process of its own do something that takes several transactions; gives what went wrong, or NULL';

CREATE FUNCTION voice._holds_locks() RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM pg_locks l JOIN unnest(voice._families()) f
                       ON l.relation IN (to_regclass('voice.' || f), to_regclass('voice.' || f || '_default'), to_regclass('voice.agent'))
                   WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
                     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
$$;
COMMENT ON FUNCTION voice._holds_locks() IS
    'whether this transaction has used what months are made under: another process would wait for it';

-- Nothing here may lock a table: the process waits for the locks that this transaction holds, and we for the process.
CREATE FUNCTION voice._create_months_elsewhere(months_ahead int, since timestamptz, reason text) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    before CONSTANT text[] := ARRAY(SELECT l.leaf::text FROM unnest(voice._families()) f CROSS JOIN LATERAL voice._leaves(f) l);
    problem text;
BEGIN
    IF voice._holds_locks() THEN
        RAISE EXCEPTION 'months are not created by a transaction that has used the tables of voice_analytics'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = 'The DEFAULT partitions are large: another process makes months of them, and would wait for this transaction''s locks.',
                  HINT = 'COMMIT first, then SELECT voice_create_partitions(…) on its own.';
    END IF;
    RAISE NOTICE '%: a process of its own creates months, in transactions of its own', reason
        USING DETAIL = 'pg_stat_activity shows it as "voice_analytics maintenance"; a ROLLBACK here does not undo it.';
    problem := voice._run_elsewhere(format('months %s %s', months_ahead, floor(EXTRACT(epoch FROM since))::bigint));
    IF problem <> '' THEN
        RAISE EXCEPTION 'the months could not be created'
            USING ERRCODE = 'lock_not_available', DETAIL = problem,
                  HINT = 'Try again; the log of the server has the whole story. Calls meanwhile are stored as ever.';
    END IF;
    RETURN QUERY
    SELECT l.leaf::text
    FROM unnest(voice._families()) WITH ORDINALITY f(name, n) CROSS JOIN LATERAL voice._leaves(f.name) l
    WHERE l.leaf::text <> ALL (before) ORDER BY l.lower, f.n;
END
$$;
COMMENT ON FUNCTION voice._create_months_elsewhere(int, timestamptz, text) IS 'has a process of its own create months, and gives the names of their leaves';

-- sql/tables/retention.sql

-- A month leaves as a whole, with its jobs, or it stays; what was rolled up of it stays in voice.daily.

CREATE FUNCTION voice_drop_partitions(older_than interval, detach_only boolean DEFAULT false) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp SET lock_timeout = '50ms'
AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    try int := 0;
    -- A call starts up to 24 hours after the time in its id.
    cutoff timestamptz;
    past_id uuid;
    months record;
    leaves regclass[];
    names text[];
    leaf regclass;
    family text;
BEGIN
    BEGIN
        cutoff := now() - older_than - interval '24 hours';
    EXCEPTION WHEN datetime_field_overflow THEN
        cutoff := '-infinity'; -- older than time itself
    END;
    IF older_than IS NULL OR cutoff + interval '24 hours' >= now() THEN
        RAISE EXCEPTION 'older_than is out of range'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('older_than is %s.', coalesce(older_than::text, 'NULL')),
                  HINT = 'Pass how long calls are to be kept, for example interval ''13 months''.';
    ELSIF cutoff < timestamptz '1970-01-01 00:00:00+00' THEN
        RETURN;
    END IF;
    past_id := @extschema@.voice_uuid_at(cutoff);
    SELECT array_agg(l.lower ORDER BY l.lower) AS lowers, array_agg(l.upper ORDER BY l.lower) AS uppers INTO months
    FROM voice._leaves('call') l WHERE l.upper <= past_id;
    IF EXISTS (SELECT FROM voice.call_default c WHERE c.id < past_id) THEN
        RAISE NOTICE 'calls that are older lie in the DEFAULT partitions, and stay'
            USING HINT = 'voice_create_partitions(since => …) makes months of them.';
    END IF;
    IF months.lowers IS NULL THEN
        RETURN;
    END IF;
    -- What has not been rolled up yet is now or never.
    FOR i IN 1..cardinality(months.lowers) LOOP
        PERFORM voice._roll_up_due(months.lowers[i], months.uppers[i]);
    END LOOP;
    SELECT array_agg(l.leaf ORDER BY l.lower, f.n), array_agg(l.leaf::text ORDER BY l.lower, f.n) INTO leaves, names
    FROM unnest(voice._families()) WITH ORDINALITY f(name, n) CROSS JOIN LATERAL voice._leaves(f.name) l
    WHERE l.lower = ANY (months.lowers);
    LOOP
        BEGIN
            PERFORM voice._lock_families('ACCESS EXCLUSIVE', try);
            FOREACH leaf IN ARRAY leaves LOOP
                EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', leaf);
            END LOOP;
            -- Calls before jobs, as everybody locks them.
            FOR i IN 1..cardinality(months.lowers) LOOP
                DELETE FROM voice.job j WHERE j.call_id >= months.lowers[i] AND j.call_id < months.uppers[i];
                DELETE FROM voice.dead_job d WHERE d.call_id >= months.lowers[i] AND d.call_id < months.uppers[i];
            END LOOP;
            IF detach_only THEN
                FOREACH family IN ARRAY voice._families() LOOP
                    FOR leaf IN SELECT l.leaf FROM voice._leaves(family) l WHERE l.lower = ANY (months.lowers) LOOP
                        EXECUTE format('ALTER TABLE voice.%I DETACH PARTITION %s', family, leaf);
                    END LOOP;
                END LOOP;
            ELSE
                EXECUTE 'DROP TABLE ' || array_to_string(leaves, ', ');
            END IF;
            RETURN QUERY SELECT unnest(names);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
        try := try + 1;
        PERFORM voice._try_again(try, began);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice_drop_partitions(interval, boolean) IS
    'drops (or only detaches) the months all of whose calls are older, and returns the names of their tables; roll-ups stay';

CREATE FUNCTION voice._apply_retention() RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    retention CONSTANT text := coalesce(nullif(current_setting('voice_analytics.retention', true), ''), 'off');
BEGIN
    IF retention <> 'off' THEN
        RETURN QUERY SELECT * FROM @extschema@.voice_drop_partitions(retention::interval);
    END IF;
END
$$;
COMMENT ON FUNCTION voice._apply_retention() IS 'drops what the setting voice_analytics.retention says';

-- sql/tables/daily.sql

-- A row is what was true of an agent's day when it was computed; sums stand beside averages, so that longer stretches
-- have exact averages too. It outlives its calls.

-- Where nothing has been written since, no day is looked at. A member of the extension and never dumped, as
-- voice._instance: the counters are this server's, and in a copy the same number would say nothing.
CREATE TABLE voice._rolled_month (
    lower uuid PRIMARY KEY,
    zone text NOT NULL,
    changes bigint NOT NULL,
    past date NOT NULL
);
COMMENT ON TABLE voice._rolled_month IS 'months whose days were all found rolled up, and the counters of their tables then';
ALTER TABLE voice._rolled_month OWNER TO voice_worker;
REVOKE ALL ON voice._rolled_month FROM PUBLIC;

CREATE FUNCTION voice._install_daily() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.daily') IS NULL THEN
        CREATE TABLE voice.daily (
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            day date NOT NULL,
            agent_id text NOT NULL,
            calls bigint NOT NULL,
            in_progress bigint NOT NULL DEFAULT 0,
            completed bigint NOT NULL DEFAULT 0,
            failed bigint NOT NULL DEFAULT 0,
            transferred bigint NOT NULL DEFAULT 0,
            minutes double precision NOT NULL DEFAULT 0,
            analyzed bigint NOT NULL DEFAULT 0,
            sentiment_sum double precision NOT NULL DEFAULT 0,
            lead_score_sum bigint NOT NULL DEFAULT 0,
            avg_sentiment double precision GENERATED ALWAYS AS (sentiment_sum / nullif(analyzed, 0)) STORED,
            avg_lead_score double precision GENERATED ALWAYS AS (lead_score_sum::double precision / nullif(analyzed, 0)) STORED,
            hot_leads bigint NOT NULL DEFAULT 0,
            tool_calls bigint NOT NULL DEFAULT 0,
            tool_errors bigint NOT NULL DEFAULT 0,
            tool_p50_ms double precision,
            tool_p95_ms double precision,
            turns_measured bigint NOT NULL DEFAULT 0,
            e2e_p50_ms double precision,
            e2e_p95_ms double precision,
            computed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (tenant_id, day, agent_id)
        );
        PERFORM voice._make_private('voice.daily');
        PERFORM voice._keep_tenants_apart('voice.daily');
        COMMENT ON TABLE voice.daily IS 'nightly roll-up: one row a tenant, agent and day; it stays when its calls go';
        COMMENT ON COLUMN voice.daily.day IS 'of the calls'' start, in the time zone of the setting voice_analytics.timezone';
        COMMENT ON COLUMN voice.daily.calls IS 'calls that started that day and are not deleted, analysed or not: in_progress + completed + failed + transferred';
        COMMENT ON COLUMN voice.daily.in_progress IS 'those that had not ended when the row was computed';
        COMMENT ON COLUMN voice.daily.completed IS 'of calls; completed / (calls - in_progress) is the completion rate';
        COMMENT ON COLUMN voice.daily.failed IS 'of calls; failed / (calls - in_progress) is the failure rate';
        COMMENT ON COLUMN voice.daily.transferred IS 'of calls; transferred / (calls - in_progress) is the transfer rate';
        COMMENT ON COLUMN voice.daily.minutes IS 'of all calls that have ended, together; not rounded up call by call';
        COMMENT ON COLUMN voice.daily.analyzed IS 'those of calls that have analytics: the denominator of avg_sentiment, avg_lead_score and of the share of hot_leads';
        COMMENT ON COLUMN voice.daily.sentiment_sum IS 'over the analyzed calls';
        COMMENT ON COLUMN voice.daily.lead_score_sum IS 'over the analyzed calls';
        COMMENT ON COLUMN voice.daily.avg_sentiment IS 'sentiment_sum / analyzed; NULL where nothing was analysed. Over several days: sum(sentiment_sum) / sum(analyzed)';
        COMMENT ON COLUMN voice.daily.avg_lead_score IS 'lead_score_sum / analyzed; NULL where nothing was analysed. Over several days: sum(lead_score_sum) / sum(analyzed)';
        COMMENT ON COLUMN voice.daily.hot_leads IS 'analyzed calls with a lead score of 80 or more';
        COMMENT ON COLUMN voice.daily.tool_calls IS 'tools called in those calls: the denominator of tool_errors';
        COMMENT ON COLUMN voice.daily.tool_errors IS 'tool calls with an error_text';
        COMMENT ON COLUMN voice.daily.tool_p50_ms IS 'median of the tool calls'' latency_ms, where it is known';
        COMMENT ON COLUMN voice.daily.tool_p95_ms IS '95th percentile of the tool calls'' latency_ms, where it is known';
        COMMENT ON COLUMN voice.daily.turns_measured IS 'turns that have an e2e_latency_ms';
        COMMENT ON COLUMN voice.daily.e2e_p50_ms IS 'median of e2e_latency_ms over turns_measured';
        COMMENT ON COLUMN voice.daily.e2e_p95_ms IS '95th percentile of e2e_latency_ms over turns_measured';
    END IF;
    -- What a day looked like when it was rolled up, so that a change afterwards is seen without anybody having to say so.
    IF to_regclass('voice._rolled_day') IS NULL THEN
        CREATE TABLE voice._rolled_day (
            day date PRIMARY KEY,
            zone text NOT NULL,
            -- NULL: it had no calls.
            print bigint,
            rolled_at timestamptz NOT NULL DEFAULT clock_timestamp()
        );
        PERFORM voice._make_private('voice._rolled_day');
        COMMENT ON TABLE voice._rolled_day IS 'which days are rolled up, and a fingerprint of what was';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._install_daily() IS 'creates voice.daily, and what remembers how it came about, if they are missing';

-- sql/functions/transcript.sql

-- What was said, in spoken order (started_at, id), in the words that the analyzer judges.

-- The words of a turn that streaming never closed are its final chunks.
CREATE FUNCTION voice._final_chunks(call_id uuid, turn_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RETURN coalesce((SELECT string_agg(k.text, ' ' ORDER BY k.seq) FROM voice.transcript_chunk k
                     WHERE k.call_id = _final_chunks.call_id AND k.turn_id = _final_chunks.turn_id AND k.is_final), '');
END
$$;
COMMENT ON FUNCTION voice._final_chunks(uuid, bigint) IS 'the words of a turn that is still open';

-- In Rust (src/api/transcript.rs).
CREATE FUNCTION voice_transcript(call_id uuid, max_chars int DEFAULT NULL, tools boolean DEFAULT false) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'voice_transcript';
COMMENT ON FUNCTION voice_transcript(uuid, int, boolean) IS
    'the call as "role: text" lines; with tools, what the agent did between them; NULL: no such call';

-- sql/functions/ingest.sql

-- Live ingest: each function is one statement on the tables, which the same statement from psql or an ORM equals.
-- What is unknown is a foreign_key_violation, as it would be from a plain INSERT; what is out of range an
-- invalid_parameter_value. Existence is read in the statement that writes: a subtransaction to catch the
-- foreign key's own error would cost every turn more than the turn.

CREATE FUNCTION voice._unknown_call(call_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'there is no such call'
        USING ERRCODE = 'foreign_key_violation',
              DETAIL = format('Call %s is not among those of tenant "%s".', coalesce(call_id::text, 'NULL'), voice._tenant()),
              HINT = 'Use the id that voice_start_call() or INSERT INTO voice.call … RETURNING id returned; '
                     'the setting voice_analytics.tenant says whose calls are seen.';
END
$$;
COMMENT ON FUNCTION voice._unknown_call(uuid) IS 'raises the error for a call that does not exist';

CREATE FUNCTION voice._unknown_turn(call_id uuid, turn_id bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM voice.call c WHERE c.id = call_id AND c.tenant_id = voice._tenant()) THEN
        PERFORM voice._unknown_call(call_id);
    END IF;
    RAISE EXCEPTION 'there is no such turn'
        USING ERRCODE = 'foreign_key_violation',
              DETAIL = format('Call %s has no turn %s.', call_id, coalesce(turn_id::text, 'NULL')),
              HINT = 'Open the turn first: voice_add_turn(call_id, role, '''') returns its id.';
END
$$;
COMMENT ON FUNCTION voice._unknown_turn(uuid, bigint) IS 'raises the error for a turn that does not exist';

CREATE FUNCTION voice._check_turn(
    role text, started_at timestamptz, ended_at timestamptz,
    transcription_ms int, llm_ttft_ms int, tts_ttfb_ms int, e2e_latency_ms int) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF role IS NULL OR role NOT IN ('user', 'assistant', 'system') THEN
        RAISE EXCEPTION 'there is no such role'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('The role of the turn is %s.', coalesce(quote_literal(role), 'NULL')),
                  HINT = 'The roles are user (the caller), assistant (the agent) and system.';
    ELSIF ended_at < started_at THEN
        RAISE EXCEPTION 'a turn cannot end before it starts'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('started_at is %s, ended_at %s.', started_at, ended_at),
                  HINT = 'Take both from the same clock, or leave ended_at NULL.';
    ELSIF least(transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms) < 0 THEN
        RAISE EXCEPTION 'a latency cannot be negative'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms: %s.',
                                  concat_ws(', ', transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms)),
                  HINT = 'Pass milliseconds from 0 up, or NULL for what was not measured.';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._check_turn(text, timestamptz, timestamptz, int, int, int, int) IS
    'raises the error for what is wrong with a turn';

-- Two starts of one external_id, also from two clients at once, must find one call: the second waits here for the first,
-- and for imports of the same. In Rust (src/api/import.rs).
CREATE FUNCTION voice._lock_external_id(external_id text) RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_lock_arrival';
COMMENT ON FUNCTION voice._lock_external_id(text) IS 'serialises the arrivals of one external call id until commit';

CREATE FUNCTION voice_start_call(
    agent_id text, from_number text, to_number text, meta jsonb DEFAULT NULL, started_at timestamptz DEFAULT now(),
    external_id text DEFAULT NULL, direction text DEFAULT 'inbound') RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    call uuid;
BEGIN
    -- '' is how some clients say that there is none.
    external_id := nullif(external_id, '');
    IF external_id IS NOT NULL THEN
        PERFORM voice._lock_external_id(external_id);
        -- Not ORDER BY id LIMIT 1, for which the planner would walk the ids of all calls.
        SELECT (array_agg(c.id ORDER BY c.id))[1] INTO call FROM voice.call c
        WHERE c.external_id = voice_start_call.external_id AND c.tenant_id = voice._tenant();
        IF call IS NOT NULL THEN
            RETURN call;
        END IF;
    END IF;
    IF direction IS NULL OR direction NOT IN ('inbound', 'outbound') THEN
        RAISE EXCEPTION 'there is no such direction'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('direction is %s.', coalesce(quote_literal(direction), 'NULL')),
                  HINT = 'A call is inbound (the caller rang) or outbound (the agent did).';
    ELSIF started_at IS NULL THEN
        RAISE EXCEPTION 'a call needs its start'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'started_at is NULL.',
                  HINT = 'Leave started_at out: it is now().';
    END IF;
    INSERT INTO voice.call (id, agent_id, tenant_id, from_number, to_number, meta, started_at, external_id, direction)
    SELECT @extschema@.voice_uuidv7(voice_start_call.started_at), a.id, a.tenant_id, voice_start_call.from_number,
           voice_start_call.to_number, voice_start_call.meta, voice_start_call.started_at,
           voice_start_call.external_id, voice_start_call.direction
    FROM voice.agent a
    WHERE a.id = voice_start_call.agent_id AND a.tenant_id = voice._tenant() AND a.deleted_at IS NULL
    RETURNING id INTO call;
    IF call IS NULL THEN
        RAISE EXCEPTION 'there is no such agent'
            USING ERRCODE = 'foreign_key_violation',
                  DETAIL = format('Agent %s is not among those of tenant "%s".',
                                  coalesce(quote_literal(agent_id), 'NULL'), voice._tenant()),
                  HINT = 'INSERT INTO voice.agent (id, name, vertical) VALUES (…) first.';
    END IF;
    RETURN call;
END
$$;
COMMENT ON FUNCTION voice_start_call(text, text, text, jsonb, timestamptz, text, text) IS
    'starts a call and returns its id; the same external_id again returns the same call';

CREATE FUNCTION voice_add_turn(
    call_id uuid, role text, text text, started_at timestamptz DEFAULT clock_timestamp(), ended_at timestamptz DEFAULT NULL,
    audio_url text DEFAULT NULL, interrupted boolean DEFAULT false, transcription_ms int DEFAULT NULL,
    llm_ttft_ms int DEFAULT NULL, tts_ttfb_ms int DEFAULT NULL, e2e_latency_ms int DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    turn bigint;
BEGIN
    -- Only what is wrong is worth another function call.
    IF role IS NULL OR role NOT IN ('user', 'assistant', 'system') OR ended_at < started_at
       OR least(transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms) < 0 THEN
        PERFORM voice._check_turn(role, started_at, ended_at, transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms);
    END IF;
    INSERT INTO voice.turn (call_id, tenant_id, role, text, started_at, ended_at, audio_url, interrupted,
                            transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms)
    SELECT c.id, c.tenant_id, voice_add_turn.role, coalesce(voice_add_turn.text, ''),
           coalesce(voice_add_turn.started_at, clock_timestamp()), voice_add_turn.ended_at, voice_add_turn.audio_url,
           coalesce(voice_add_turn.interrupted, false), voice_add_turn.transcription_ms, voice_add_turn.llm_ttft_ms,
           voice_add_turn.tts_ttfb_ms, voice_add_turn.e2e_latency_ms
    FROM voice.call c
    WHERE c.id = voice_add_turn.call_id AND c.tenant_id = voice._tenant()
    RETURNING id INTO turn;
    IF turn IS NULL THEN
        PERFORM voice._unknown_call(call_id);
    END IF;
    RETURN turn;
END
$$;
COMMENT ON FUNCTION voice_add_turn(uuid, text, text, timestamptz, timestamptz, text, boolean, int, int, int, int) IS
    'adds a turn to a call and returns its id; text '''' opens a turn that voice_add_chunk() fills';

CREATE FUNCTION voice_add_chunk(
    call_id uuid, turn_id bigint, seq int, text text, is_final boolean DEFAULT false, start_ms int DEFAULT NULL,
    end_ms int DEFAULT NULL, confidence double precision DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF seq IS NULL OR seq < 0 OR end_ms < start_ms OR confidence NOT BETWEEN 0 AND 1 THEN
        RAISE EXCEPTION 'a chunk is out of range'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('seq is %s, start_ms %s, end_ms %s, confidence %s.', coalesce(seq::text, 'NULL'),
                                  coalesce(start_ms::text, 'NULL'), coalesce(end_ms::text, 'NULL'),
                                  coalesce(confidence::text, 'NULL')),
                  HINT = 'seq counts from 0 or 1, end_ms is not before start_ms, confidence is 0 to 1.';
    END IF;
    -- A recogniser revises what it has sent: the same seq again replaces the piece. Not by EXCLUDED, which asks for the
    -- privilege to read.
    INSERT INTO voice.transcript_chunk (call_id, turn_id, tenant_id, seq, text, is_final, start_ms, end_ms, confidence)
    SELECT t.call_id, t.id, t.tenant_id, voice_add_chunk.seq, coalesce(voice_add_chunk.text, ''),
           coalesce(voice_add_chunk.is_final, false), voice_add_chunk.start_ms, voice_add_chunk.end_ms,
           voice_add_chunk.confidence
    FROM voice.turn t
    WHERE t.call_id = voice_add_chunk.call_id AND t.id = voice_add_chunk.turn_id AND t.tenant_id = voice._tenant()
    ON CONFLICT ON CONSTRAINT transcript_chunk_pkey DO UPDATE
    SET text = coalesce(voice_add_chunk.text, ''), is_final = coalesce(voice_add_chunk.is_final, false),
        start_ms = voice_add_chunk.start_ms, end_ms = voice_add_chunk.end_ms, confidence = voice_add_chunk.confidence;
    IF NOT FOUND THEN
        PERFORM voice._unknown_turn(call_id, turn_id);
    END IF;
END
$$;
COMMENT ON FUNCTION voice_add_chunk(uuid, bigint, int, text, boolean, int, int, double precision) IS
    'adds a piece of streaming speech-to-text to a turn; the same seq again replaces it';

CREATE FUNCTION voice._close_streaming_turn(
    call_id uuid, turn_id bigint, ended_at timestamptz, interrupted boolean, transcription_ms int, llm_ttft_ms int,
    tts_ttfb_ms int, e2e_latency_ms int) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    UPDATE voice.turn t
    SET text = coalesce(
            (SELECT string_agg(k.text, ' ' ORDER BY k.seq) FROM voice.transcript_chunk k
             WHERE k.call_id = t.call_id AND k.turn_id = t.id AND k.is_final),
            t.text),
        ended_at = coalesce(_close_streaming_turn.ended_at, t.ended_at),
        interrupted = coalesce(_close_streaming_turn.interrupted, false) OR t.interrupted,
        transcription_ms = coalesce(_close_streaming_turn.transcription_ms, t.transcription_ms),
        llm_ttft_ms = coalesce(_close_streaming_turn.llm_ttft_ms, t.llm_ttft_ms),
        tts_ttfb_ms = coalesce(_close_streaming_turn.tts_ttfb_ms, t.tts_ttfb_ms),
        e2e_latency_ms = coalesce(_close_streaming_turn.e2e_latency_ms, t.e2e_latency_ms)
    WHERE t.call_id = _close_streaming_turn.call_id AND t.id = _close_streaming_turn.turn_id
      AND t.tenant_id = voice._tenant();
END
$$;
COMMENT ON FUNCTION voice._close_streaming_turn(uuid, bigint, timestamptz, boolean, int, int, int, int) IS
    'does the work of voice._finish_turn_from_chunks, as voice_worker';

-- In Rust (src/api/owner.rs), for those who may write: they may not read what was said, not even to put it together.
-- Nothing of it comes back.
CREATE FUNCTION voice._finish_turn_from_chunks(
    call_id uuid, turn_id bigint, ended_at timestamptz, interrupted boolean, transcription_ms int, llm_ttft_ms int,
    tts_ttfb_ms int, e2e_latency_ms int) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_finish_turn_from_chunks_wrapper';
COMMENT ON FUNCTION voice._finish_turn_from_chunks(uuid, bigint, timestamptz, boolean, int, int, int, int) IS
    'closes a streaming turn with the words of its final chunks';

CREATE FUNCTION voice_finish_turn(
    call_id uuid, turn_id bigint, text text DEFAULT NULL, ended_at timestamptz DEFAULT clock_timestamp(),
    interrupted boolean DEFAULT false, transcription_ms int DEFAULT NULL, llm_ttft_ms int DEFAULT NULL,
    tts_ttfb_ms int DEFAULT NULL, e2e_latency_ms int DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    turn record;
BEGIN
    SELECT t.role, t.started_at INTO turn FROM voice.turn t
    WHERE t.call_id = voice_finish_turn.call_id AND t.id = voice_finish_turn.turn_id AND t.tenant_id = voice._tenant()
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM voice._unknown_turn(call_id, turn_id);
    END IF;
    PERFORM voice._check_turn(turn.role, turn.started_at, ended_at, transcription_ms, llm_ttft_ms, tts_ttfb_ms,
                              e2e_latency_ms);
    IF text IS NULL THEN
        PERFORM voice._finish_turn_from_chunks(call_id, turn_id, ended_at, interrupted, transcription_ms, llm_ttft_ms,
                                               tts_ttfb_ms, e2e_latency_ms);
        RETURN;
    END IF;
    UPDATE voice.turn t
    SET text = voice_finish_turn.text,
        ended_at = coalesce(voice_finish_turn.ended_at, t.ended_at),
        interrupted = coalesce(voice_finish_turn.interrupted, false) OR t.interrupted,
        transcription_ms = coalesce(voice_finish_turn.transcription_ms, t.transcription_ms),
        llm_ttft_ms = coalesce(voice_finish_turn.llm_ttft_ms, t.llm_ttft_ms),
        tts_ttfb_ms = coalesce(voice_finish_turn.tts_ttfb_ms, t.tts_ttfb_ms),
        e2e_latency_ms = coalesce(voice_finish_turn.e2e_latency_ms, t.e2e_latency_ms)
    WHERE t.call_id = voice_finish_turn.call_id AND t.id = voice_finish_turn.turn_id AND t.tenant_id = voice._tenant();
END
$$;
COMMENT ON FUNCTION voice_finish_turn(uuid, bigint, text, timestamptz, boolean, int, int, int, int) IS
    'closes a streaming turn; without text, its words are its final chunks';

CREATE FUNCTION voice_add_tool_call(
    call_id uuid, name text, args jsonb, result jsonb DEFAULT NULL, latency_ms int DEFAULT NULL,
    error_text text DEFAULT NULL, invoked_at timestamptz DEFAULT clock_timestamp(), turn_id bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    tool_call bigint;
BEGIN
    IF coalesce(name, '') = '' OR latency_ms < 0 THEN
        RAISE EXCEPTION 'a tool call needs a name, and a latency that is not negative'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('name is %s, latency_ms %s.', coalesce(quote_literal(name), 'NULL'),
                                  coalesce(latency_ms::text, 'NULL')),
                  HINT = 'Pass the function''s name as the model called it, and milliseconds.';
    ELSIF turn_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM voice.turn t
        WHERE t.call_id = voice_add_tool_call.call_id AND t.id = voice_add_tool_call.turn_id AND t.tenant_id = voice._tenant())
    THEN
        PERFORM voice._unknown_turn(call_id, turn_id);
    END IF;
    INSERT INTO voice.tool_call (call_id, tenant_id, name, args, result, latency_ms, error_text, invoked_at, turn_id)
    SELECT c.id, c.tenant_id, voice_add_tool_call.name, coalesce(voice_add_tool_call.args, '{}'), voice_add_tool_call.result,
           voice_add_tool_call.latency_ms, voice_add_tool_call.error_text,
           coalesce(voice_add_tool_call.invoked_at, clock_timestamp()), voice_add_tool_call.turn_id
    FROM voice.call c
    WHERE c.id = voice_add_tool_call.call_id AND c.tenant_id = voice._tenant()
    RETURNING id INTO tool_call;
    IF tool_call IS NULL THEN
        PERFORM voice._unknown_call(call_id);
    END IF;
    RETURN tool_call;
END
$$;
COMMENT ON FUNCTION voice_add_tool_call(uuid, text, jsonb, jsonb, int, text, timestamptz, bigint) IS
    'adds a tool call and returns its id; error_text set: the tool failed';

CREATE FUNCTION voice_end_call(
    call_id uuid, status text DEFAULT 'completed', ended_at timestamptz DEFAULT clock_timestamp(),
    end_reason text DEFAULT NULL, recording_url text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF status IS NULL OR status NOT IN ('completed', 'failed', 'transferred') THEN
        RAISE EXCEPTION 'a call cannot end like that'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('status is %s.', coalesce(quote_literal(status), 'NULL')),
                  HINT = 'A call ends completed, failed or transferred.';
    END IF;
    UPDATE voice.call c
    SET status = voice_end_call.status,
        ended_at = voice_end_call.ended_at,
        end_reason = coalesce(voice_end_call.end_reason, c.end_reason)
    WHERE c.id = voice_end_call.call_id AND c.tenant_id = voice._tenant() AND c.status = 'in_progress';
    IF FOUND THEN
        -- A statement of its own, and rare: who may write calls may not read where their recordings are.
        IF recording_url IS NOT NULL THEN
            UPDATE voice.call c SET recording_url = voice_end_call.recording_url
            WHERE c.id = voice_end_call.call_id AND c.tenant_id = voice._tenant();
        END IF;
        RETURN true;
    ELSIF NOT EXISTS (SELECT FROM voice.call c WHERE c.id = voice_end_call.call_id AND c.tenant_id = voice._tenant()) THEN
        PERFORM voice._unknown_call(call_id);
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION voice_end_call(uuid, text, timestamptz, text, text) IS
    'ends a call, which queues its analysis; false: it had ended already, and nothing changed';

-- sql/functions/import.sql

-- One whole finished call in a few statements, or nothing of it; the same call twice, also from two clients at once, is one.

-- In Rust (src/api/import.rs). Imports of many calls in one transaction hold one advisory lock a call until commit: some
-- hundreds at a time.
CREATE FUNCTION voice_import_call(call jsonb) RETURNS uuid
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_import_call';
COMMENT ON FUNCTION voice_import_call(jsonb) IS
    'imports one finished call (a line of calls.jsonl) and returns its id; its id is the external_id, and the same one twice is one call';

-- sql/functions/leads.sql

-- Figures over many calls. A range of time becomes a range of ids first, bound as constants of a plan made for them, so
-- that planning prunes to the months that count: a bound computed inside the query costs several times the query.
-- The tenant is named beside row-level security, for those whom it does not hold, in the words of the policy: the
-- planner then sees one condition.

-- In Rust (src/api/leads.rs).
CREATE FUNCTION voice_top_leads(vertical text, since timestamptz, min_score int DEFAULT 70, max_rows int DEFAULT 50,
    OUT call_id uuid, OUT agent_id text, OUT vertical text, OUT from_number text, OUT started_at timestamptz,
    OUT lead_score int, OUT sentiment double precision, OUT intent text, OUT entities jsonb, OUT summary text,
    OUT next_action text) RETURNS SETOF record
LANGUAGE c STABLE ROWS 50 AS 'MODULE_PATHNAME', 'voice_top_leads';
COMMENT ON FUNCTION voice_top_leads(text, timestamptz, int, int) IS
    'calls with the highest lead scores since then, the newer first among equals; vertical NULL: all';

CREATE FUNCTION voice._sentiment_trend(timestamptz, text, text,
    OUT bucket timestamptz, OUT agent_id text, OUT calls bigint, OUT avg_sentiment double precision,
    OUT avg_lead_score double precision) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    since ALIAS FOR $1;
    wanted_agent ALIAS FOR $2;
    width ALIAS FOR $3;
    zone CONSTANT text := coalesce(nullif(current_setting('voice_analytics.timezone', true), ''), 'UTC');
    first_id CONSTANT uuid := @extschema@.voice_uuid_at(since - interval '24 hours');
    -- Less than the shortest bucket of its kind, wherever clocks change.
    step CONSTANT interval := CASE width WHEN 'hour' THEN '15 minutes' WHEN 'day' THEN '12 hours'
                                         WHEN 'week' THEN '3 days' ELSE '14 days' END;
    first timestamptz := since;
    starts timestamptz[];
BEGIN
    IF since IS NULL OR width IS NULL OR width NOT IN ('hour', 'day', 'week', 'month') THEN
        RAISE EXCEPTION 'a trend needs a time and a bucket'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('since is %s, bucket %s.', coalesce(since::text, 'NULL'), coalesce(quote_literal(width), 'NULL')),
                  HINT = 'The bucket is hour, day, week or month, in the time zone of the setting voice_analytics.timezone.';
    END IF;
    IF NOT isfinite(since) THEN
        SELECT coalesce(min(t.started_at), now()) INTO first
        FROM voice.analytics t WHERE t.tenant_id = voice._tenant() AND isfinite(t.started_at);
    END IF;
    -- Where the buckets begin, once for all calls: date_trunc() with a time zone for each costs more than reading it.
    SELECT array_agg(DISTINCT date_trunc(width, s, zone) ORDER BY date_trunc(width, s, zone)) INTO starts
    FROM generate_series(first, greatest(first, now()) + ('1 ' || width)::interval + step, step) s;
    -- What lies behind the last of them (calls of the future) is rare. The tenant as a value: a function is called for
    -- each row where no index does the work. The sums first, then their order: else the planner
    -- sorts all calls by agent. (avg() of floating-point numbers also keeps what a variance needs.)
    RETURN QUERY EXECUTE format($query$
        WITH sums AS MATERIALIZED (
            SELECT CASE WHEN t.started_at < $7 THEN width_bucket(t.started_at, $4)
                        ELSE -EXTRACT(epoch FROM date_trunc($5, t.started_at, $6))::bigint END AS place,
                   t.agent_id, count(*) AS calls, sum(t.sentiment) AS sentiment, sum(t.lead_score) AS lead_score
            FROM voice.analytics t
            WHERE t.tenant_id = $8 %s AND t.started_at >= $1 AND t.call_id >= $3 AND t.deleted_at IS NULL
            GROUP BY 1, 2
        )
        SELECT CASE WHEN s.place >= 0 THEN $4[s.place] ELSE to_timestamp(-s.place) END AS bucket, s.agent_id, s.calls,
               s.sentiment / s.calls, s.lead_score::double precision / s.calls
        FROM sums s ORDER BY 1, 2$query$,
        CASE WHEN wanted_agent IS NOT NULL THEN 'AND t.agent_id = $2' END)
    USING since, wanted_agent, first_id, starts, width, zone, starts[cardinality(starts)], voice._tenant();
END
$$;
COMMENT ON FUNCTION voice._sentiment_trend(timestamptz, text, text) IS 'does the work of voice_sentiment_trend';

CREATE FUNCTION voice_sentiment_trend(since timestamptz, agent_id text DEFAULT NULL, bucket text DEFAULT 'day',
    OUT bucket timestamptz, OUT agent_id text, OUT calls bigint, OUT avg_sentiment double precision,
    OUT avg_lead_score double precision) RETURNS SETOF record
LANGUAGE sql STABLE
AS $$ SELECT * FROM voice._sentiment_trend($1, $2, $3) $$;
COMMENT ON FUNCTION voice_sentiment_trend(timestamptz, text, text) IS
    'analysed calls, mean sentiment and mean lead score by hour, day, week or month and agent; agent_id NULL: every agent';

-- By when the tool was called. Its call may have started up to a day before, and an id may lie a day before the start.
CREATE FUNCTION voice_tool_stats(since timestamptz,
    OUT name text, OUT calls bigint, OUT errors bigint, OUT error_rate double precision, OUT p50_ms double precision,
    OUT p95_ms double precision) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF since IS NULL THEN
        RAISE EXCEPTION 'tool statistics need a time'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'since is NULL.',
                  HINT = 'voice_tool_stats(now() - interval ''7 days''), or ''-infinity'' for all.';
    END IF;
    RETURN QUERY EXECUTE $query$
        SELECT k.name, count(*), count(k.error_text), count(k.error_text)::double precision / count(*),
               percentile_cont(0.5) WITHIN GROUP (ORDER BY k.latency_ms),
               percentile_cont(0.95) WITHIN GROUP (ORDER BY k.latency_ms)
        FROM voice.tool_call k
        JOIN voice.call c ON c.id = k.call_id AND c.id >= $2 AND c.tenant_id = voice._tenant() AND c.deleted_at IS NULL
        WHERE k.tenant_id = voice._tenant() AND k.invoked_at >= $1 AND k.call_id >= $2
        GROUP BY k.name ORDER BY 2 DESC, 1$query$
    USING since, @extschema@.voice_uuid_at(since - interval '48 hours');
END
$$;
COMMENT ON FUNCTION voice_tool_stats(timestamptz) IS
    'how often each tool was called and failed, and its latency (median and 95th percentile, milliseconds)';

-- sql/functions/search.sql

-- Finds calls by their search document, then the turns within. The tenant, the caller's privilege and the deletion of
-- a call are checked here and nowhere else.

-- Runs as voice_worker: under row-level security a text index cannot be used, because @@ might leak (it is not
-- leakproof), and every search would read every document. voice_search() asks first whether its caller may read
-- voice.turn, and only it may come here; the tenant and the deletion of a call are filtered below.
-- The newest 5,000 matches are ranked, gathered month by month from the newest, so that a common word does not read years.
CREATE FUNCTION voice._search(query text, since timestamptz, vertical text, max_rows int,
    OUT call_id uuid, OUT turn_id bigint, OUT role text, OUT started_at timestamptz, OUT rank real, OUT headline text)
RETURNS SETOF record
-- What is planned anew (EXECUTE) is the search of a month; the rest has one plan for all months.
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET plan_cache_mode = force_generic_plan
SET standard_conforming_strings = on
AS $$
DECLARE
    max_matches CONSTANT int := 5000;
    max_length CONSTANT int := 4000;
    tenant CONSTANT text := voice._tenant();
    config CONSTANT regconfig := coalesce(nullif(current_setting('voice_analytics.search_config', true), ''), 'simple');
    wanted tsquery;
    needles text[];
    first_id uuid;
    month record;
    more_calls uuid[];
    more_ranks real[];
    found_calls uuid[] := '{}';
    found_ranks real[] := '{}';
BEGIN
    IF query IS NULL OR since IS NULL OR max_rows IS NULL OR max_rows < 0 THEN
        RAISE EXCEPTION 'a search needs words'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('query is %s, since %s, max_rows %s.', coalesce(quote_literal(query), 'NULL'),
                                  coalesce(since::text, 'NULL'), coalesce(max_rows::text, 'NULL')),
                  HINT = 'voice_search(''refund -shipping "next week"''): websearch syntax.';
    END IF;
    IF length(query) > max_length THEN
        RAISE EXCEPTION 'a search is not that long'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('The query has %s characters; %s are allowed.', length(query), max_length),
                  HINT = 'Search for the few words that matter.';
    END IF;
    wanted := websearch_to_tsquery(config, query);
    -- Words of the configuration simple stand in what was said as they are, so a turn without any of them need not be
    -- parsed. (Where the question is also what was not said, every turn may be the answer; where lower() is ICU's, its
    -- small letters are not those of the configuration.)
    IF config = 'pg_catalog.simple'::regconfig AND wanted::text !~ '!'
       AND (SELECT to_jsonb(d) ->> 'datlocprovider' IS DISTINCT FROM 'i' FROM pg_database d WHERE datname = current_database()) THEN
        SELECT array_agg('%' || regexp_replace(replace(replace(m[1], '''''', ''''), '\\', '\'), '([\\%_])', '\\\1', 'g') || '%') INTO needles
        FROM regexp_matches(wanted::text, '''((?:[^'']|'''')*)''', 'g') m;
    END IF;
    first_id := @extschema@.voice_uuid_at(since - interval '24 hours');

    -- DEFAULT first: it may hold any month's calls. Its rows are few, or somebody will hear of it.
    FOR month IN
        SELECT d.leaf AS documents, k.confrelid::regclass AS calls
        FROM voice._leaves('search_document') d
        JOIN pg_constraint k ON k.conrelid = d.leaf AND k.contype = 'f'
        WHERE (d.upper IS NULL OR d.upper > first_id) AND pg_relation_size(d.leaf) > 0
        ORDER BY d.upper IS NULL DESC, d.upper DESC
    LOOP
        -- The leaves themselves: their owner may, and there is no parent to plan for. One table to choose a way through:
        -- by the text index where the word is rare, from the newest call on where it is common. So the call is looked at
        -- by a subquery, once the words match, and the tenant before the words.
        EXECUTE format($find$
            SELECT array_agg(m.call_id), array_agg(m.rank) FROM (
                SELECT d.call_id, ts_rank(d.document, $1) AS rank
                FROM %s d
                WHERE d.tenant_id = $2 AND d.document @@ $1 AND d.call_id >= $3
                  AND (SELECT c.deleted_at IS NULL AND c.started_at >= $4 %s FROM %s c WHERE c.id = d.call_id)
                ORDER BY d.call_id DESC LIMIT $6) m$find$,
            month.documents,
            CASE WHEN vertical IS NOT NULL THEN
                'AND EXISTS (SELECT FROM voice.agent g WHERE g.id = c.agent_id AND g.tenant_id = $2 AND g.vertical = $5)' END,
            month.calls)
        USING wanted, tenant, first_id, since, vertical, max_matches - cardinality(found_calls)
        INTO more_calls, more_ranks;
        found_calls := found_calls || more_calls;
        found_ranks := found_ranks || more_ranks;
        EXIT WHEN cardinality(found_calls) >= max_matches;
    END LOOP;

    RETURN QUERY
    WITH best AS MATERIALIZED (
        SELECT m.id, m.rank FROM unnest(found_calls, found_ranks) m(id, rank)
        ORDER BY m.rank DESC, m.id DESC LIMIT max_rows
    ), said AS MATERIALIZED (
        -- Of each call the turns that match; if its words are scattered over turns, the one that has most of them.
        SELECT b.id AS call, b.rank, t.*
        FROM best b
        CROSS JOIN LATERAL (
            SELECT w.id AS turn, w.role, w.started_at, w.words, w.matches,
                   row_number() OVER (ORDER BY w.matches DESC, ts_rank(w.vector, wanted) DESC, w.started_at, w.id) AS place
            FROM (
                SELECT u.id, u.role, u.started_at, s.words, v.vector, v.vector @@ wanted AS matches
                FROM voice.turn u
                CROSS JOIN LATERAL (SELECT CASE WHEN u.text <> '' THEN u.text ELSE voice._final_chunks(u.call_id, u.id) END) s(words)
                CROSS JOIN LATERAL (SELECT to_tsvector(config, left(s.words, 400000))) v(vector)
                WHERE u.call_id = b.id AND u.tenant_id = tenant
                  AND (needles IS NULL OR lower(s.words) LIKE ANY (needles))
            ) w
        ) t
        WHERE t.matches OR t.place = 1
        ORDER BY b.rank DESC, b.id DESC, t.started_at, t.turn
        LIMIT max_rows
    )
    SELECT s.call, s.turn, s.role, s.started_at, s.rank, ts_headline(config, left(s.words, 100000), wanted)
    FROM said s
    ORDER BY s.rank DESC, s.call DESC, s.started_at, s.turn;
END
$$;
ALTER FUNCTION voice._search(text, timestamptz, text, int) OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._search(text, timestamptz, text, int) FROM PUBLIC;
COMMENT ON FUNCTION voice._search(text, timestamptz, text, int) IS 'does the work of voice_search, as voice_worker';

-- In Rust (src/api/search.rs) and not SECURITY DEFINER: such a function cannot know who calls it (session_user is
-- somebody else inside an index expression or another definer's function), and who may read is the question here.
CREATE FUNCTION voice_search(query text, since timestamptz DEFAULT '-infinity', vertical text DEFAULT NULL, max_rows int DEFAULT 20,
    OUT call_id uuid, OUT turn_id bigint, OUT role text, OUT started_at timestamptz, OUT rank real, OUT headline text)
RETURNS SETOF record
LANGUAGE c STABLE ROWS 20 AS 'MODULE_PATHNAME', 'voice_search_wrapper';
COMMENT ON FUNCTION voice_search(text, timestamptz, text, int) IS
    'turns in which these words were said (websearch syntax), the best calls first; ranks the newest 5,000 matching calls';

-- sql/functions/operate.sql

-- The hand on the switch. A copy of the data does nothing until somebody says that it is the one that counts now.

CREATE FUNCTION voice._is_copy() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    -- A statement of its own: one that names the table could not even be parsed without it.
    IF to_regclass('voice._state') IS NULL THEN
        RETURN true;
    END IF;
    RETURN NOT EXISTS (
        SELECT FROM voice._instance i
        JOIN voice._state s ON s.instance = i.id
        JOIN pg_database d ON d.oid = i.database AND d.datname = current_database());
END
$$;
COMMENT ON FUNCTION voice._is_copy() IS 'whether the data remembers another installation, or this one is in another database';

CREATE FUNCTION voice_pause(reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF voice._is_copy() THEN
        RAISE EXCEPTION 'this database is a restored copy: nothing runs that could be paused'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = 'Its data remembers another installation of voice_analytics.',
                  HINT = 'SELECT voice_resume() makes it the one that counts.';
    END IF;
    UPDATE voice._state SET paused_at = coalesce(paused_at, now()), pause_reason = voice_pause.reason;
    PERFORM voice._wake();
END
$$;
COMMENT ON FUNCTION voice_pause(text) IS 'the worker finishes what it has and takes nothing new; calls keep queueing';

-- As voice_worker (voice._access_to_functions()): whoever may resume may resume a copy too, where tables may be missing and
-- the books are others' to write.
CREATE FUNCTION voice._adopt() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF NOT voice._is_copy() THEN
        RETURN;
    END IF;
    PERFORM @extschema@.voice_install();
    UPDATE voice._instance SET database = (SELECT oid FROM pg_database WHERE datname = current_database());
    INSERT INTO voice._state AS s (instance) SELECT id FROM voice._instance
    ON CONFLICT (singleton) DO UPDATE SET instance = EXCLUDED.instance, paused_at = NULL, pause_reason = NULL;
    PERFORM voice._disable_webhooks_without_secret();
    -- Counters of the server, or the database, that this is a copy of.
    DELETE FROM voice._rolled_month;
    PERFORM voice._follow_roles();
    PERFORM voice._wake();
END
$$;
COMMENT ON FUNCTION voice._adopt() IS 'makes this copy the installation that counts, as voice_worker';

CREATE FUNCTION voice_resume() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF voice._is_copy() THEN
        PERFORM voice._adopt();
        RETURN;
    END IF;
    UPDATE voice._state SET paused_at = NULL, pause_reason = NULL;
    PERFORM voice._wake();
END
$$;
COMMENT ON FUNCTION voice_resume() IS 'ends a pause; in a restored copy, makes it the installation that counts';

CREATE FUNCTION voice_requeue_dead(max_jobs int DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    requeued bigint;
BEGIN
    IF max_jobs < 0 THEN
        RAISE EXCEPTION 'max_jobs is out of range'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('max_jobs is %s.', max_jobs),
                  HINT = 'Pass 0 or more, or NULL for all.';
    END IF;
    WITH risen AS (
        DELETE FROM voice.dead_job d
        WHERE d.id IN (SELECT b.id FROM voice.dead_job b ORDER BY b.died_at, b.id LIMIT max_jobs FOR UPDATE SKIP LOCKED)
        RETURNING d.tenant_id, d.kind, d.call_id, d.priority, d.webhook_id, d.event
    ), made AS (
        INSERT INTO voice.job (tenant_id, kind, call_id, webhook_id, event, priority)
        SELECT r.tenant_id, r.kind, r.call_id, r.webhook_id, r.event, min(r.priority) FROM risen r GROUP BY 1, 2, 3, 4, 5
        ON CONFLICT (call_id) WHERE kind = 'analyze' DO NOTHING
        RETURNING 1
    )
    SELECT count(*) INTO requeued FROM made;
    PERFORM voice._wake();
    RETURN requeued;
END
$$;
COMMENT ON FUNCTION voice_requeue_dead(int) IS 'gives dead jobs another chance, the oldest first; returns how many wait again';

CREATE FUNCTION voice_limit_tenant(tenant text, max_concurrency int DEFAULT NULL, requests_per_minute int DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF tenant IS NULL THEN
        RAISE EXCEPTION 'no tenant is named'
            USING ERRCODE = 'null_value_not_allowed', DETAIL = 'tenant is NULL.',
                  HINT = 'What holds for every tenant are the settings tenant_max_concurrency and tenant_requests_per_minute.';
    ELSIF voice._pinned_to() IS NOT NULL THEN
        RAISE EXCEPTION 'who is pinned to a tenant sets no limits'
            USING ERRCODE = 'insufficient_privilege', DETAIL = format('This session is pinned to tenant "%s".', voice._pinned_to()),
                  HINT = 'Ask whoever looks after the tenants.';
    ELSIF max_concurrency NOT BETWEEN 0 AND 1024 THEN
        RAISE EXCEPTION 'max_concurrency is out of range'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('max_concurrency is %s; it may be 0 to 1024.', max_concurrency),
                  HINT = '0 is no limit, NULL what the setting tenant_max_concurrency says.';
    ELSIF requests_per_minute NOT BETWEEN 0 AND 1000000 THEN
        RAISE EXCEPTION 'requests_per_minute is out of range'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('requests_per_minute is %s; it may be 0 to 1000000.', requests_per_minute),
                  HINT = '0 is no limit, NULL what the setting tenant_requests_per_minute says.';
    END IF;
    IF max_concurrency IS NULL AND requests_per_minute IS NULL THEN
        DELETE FROM voice.tenant_limit l WHERE l.tenant_id = voice_limit_tenant.tenant;
    ELSE
        INSERT INTO voice.tenant_limit AS l (tenant_id, max_concurrency, requests_per_minute)
        VALUES (voice_limit_tenant.tenant, voice_limit_tenant.max_concurrency, voice_limit_tenant.requests_per_minute)
        ON CONFLICT ON CONSTRAINT tenant_limit_pkey
        DO UPDATE SET max_concurrency = EXCLUDED.max_concurrency, requests_per_minute = EXCLUDED.requests_per_minute;
    END IF;
END
$$;
COMMENT ON FUNCTION voice_limit_tenant(text, int, int) IS
    'how much a tenant may ask of the LLM: requests in flight at once, and a minute; 0: no limit; NULL, or left out: what the settings tenant_max_concurrency and tenant_requests_per_minute say of every tenant. What is over the limit waits in the queue and holds up nobody else';

-- The hash is what lets the worker skip a call that it has judged already; without it, it judges again. The row stays
-- to be read until then.
CREATE FUNCTION voice._reanalyze(call_id uuid) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    found_call record;
    made bigint;
BEGIN
    SELECT c.tenant_id, c.status INTO found_call FROM voice.call c
    WHERE c.id = _reanalyze.call_id AND c.tenant_id = voice._tenant() AND c.deleted_at IS NULL
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such call'
            USING ERRCODE = 'no_data_found',
                  DETAIL = format('Call %s is not among those of tenant "%s".', coalesce(call_id::text, 'NULL'), voice._tenant()),
                  HINT = 'The setting voice_analytics.tenant says whose calls are seen.';
    ELSIF found_call.status = 'in_progress' THEN
        RAISE EXCEPTION 'the call has not ended yet'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = format('Call %s is in progress.', call_id),
                  HINT = 'voice_end_call() queues its analysis by itself.';
    END IF;
    UPDATE voice.analytics a SET transcript_hash = NULL WHERE a.call_id = _reanalyze.call_id;
    INSERT INTO voice.job (tenant_id, kind, call_id) VALUES (found_call.tenant_id, 'analyze', _reanalyze.call_id)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS made = ROW_COUNT;
    PERFORM voice._wake();
    RETURN made;
END
$$;
COMMENT ON FUNCTION voice._reanalyze(uuid) IS 'does the work of voice_reanalyze, as voice_worker';

-- In Rust (src/api/owner.rs): it writes what an operator may not, and knows who asks.
CREATE FUNCTION voice_reanalyze(call_id uuid) RETURNS bigint
LANGUAGE c AS 'MODULE_PATHNAME', 'voice_reanalyze_wrapper';
COMMENT ON FUNCTION voice_reanalyze(uuid) IS 'queues a call to be judged again whatever was judged before; 0: it is waiting already';

-- sql/functions/status.sql

-- One row that says what runs, what waits, and what is wrong with the way out; true also where no worker runs.

CREATE FUNCTION voice_status(
    OUT worker_pid int, OUT state text, OUT reason text, OUT analyzer text, OUT queued bigint, OUT running bigint,
    OUT in_flight int, OUT dead bigint, OUT oldest_wait interval, OUT p50 interval, OUT p95 interval,
    OUT last_error text, OUT last_error_at timestamptz,
    OUT breaker text, OUT provider_failures int, OUT next_request_at timestamptz,
    OUT months_ahead int, OUT calls_in_default bigint, OUT backfill_queued bigint)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    worker CONSTANT jsonb := voice._worker_status();
    here record;
BEGIN
    worker_pid := worker->>'worker_pid';
    state := worker->>'state';
    reason := worker->>'reason';
    analyzer := worker->>'analyzer';
    in_flight := worker->>'in_flight';
    p50 := (worker->>'p50_ms')::double precision * interval '1 millisecond';
    p95 := (worker->>'p95_ms')::double precision * interval '1 millisecond';
    last_error := worker->>'last_error';
    last_error_at := to_timestamp((worker->>'last_error_at')::double precision);
    breaker := worker->>'breaker';
    provider_failures := worker->>'provider_failures';
    next_request_at := to_timestamp((worker->>'next_request_at')::double precision);

    IF voice._is_copy() THEN
        state := 'restored copy';
        reason := 'restored copy: SELECT voice_resume()';
    ELSE
        SELECT s.paused_at, s.pause_reason INTO here FROM voice._state s;
        IF here.paused_at IS NOT NULL THEN
            state := 'paused';
            reason := coalesce(here.pause_reason, 'by voice_pause()');
        END IF;
    END IF;
    IF to_regclass('voice.job') IS NOT NULL AND to_regclass('voice.dead_job') IS NOT NULL THEN
        SELECT count(*) FILTER (WHERE j.lease IS NULL), count(*) FILTER (WHERE j.lease IS NOT NULL),
               now() - min(j.run_at) FILTER (WHERE j.lease IS NULL AND j.run_at <= now()),
               count(*) FILTER (WHERE j.lease IS NULL AND j.priority > 0)
        INTO queued, running, oldest_wait, backfill_queued FROM voice.job j;
        SELECT count(*) INTO dead FROM voice.dead_job;
    END IF;
    months_ahead := voice._months_ahead();
    -- A leaf is nobody's to read but its owner's.
    IF has_function_privilege('voice._metrics()', 'EXECUTE') THEN
        calls_in_default := m.calls_in_default FROM voice._metrics() m;
    END IF;
END
$$;
COMMENT ON FUNCTION voice_status() IS
    'the worker and its queue: what runs (running: leased, in_flight: requests), what waits and for how long, p50 and p95 from hang-up to analytics; breaker: closed, open (the LLM server fails and is left alone until next_request_at) or half-open; months_ahead: partitions ready beyond this month; calls_in_default: calls whose month has none; backfill_queued: those of queued that wait behind live calls';

-- sql/functions/metrics.sql

-- Figures for machines: numbers only, the same for every reader, and cheap however long the queue and the tables are.

-- How many whole months beyond the current one (UTC) have their leaves, without a gap; -1: not even the current one.
CREATE FUNCTION voice._months_ahead() RETURNS int
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    WITH leaf AS MATERIALIZED (
        SELECT l.lower, l.upper FROM voice._leaves('call') l WHERE l.upper > @extschema@.voice_uuid_at(now())
    ), month AS (
        SELECT n, @extschema@.voice_uuid_at((date_trunc('month', now() AT TIME ZONE 'UTC') + n * interval '1 month') AT TIME ZONE 'UTC') AS first_id
        FROM generate_series(0, 241) n
    )
    SELECT min(m.n) - 1 FROM month m
    WHERE m.n = 241 OR NOT EXISTS (SELECT FROM leaf l WHERE l.lower <= m.first_id AND l.upper > m.first_id)
$$;
COMMENT ON FUNCTION voice._months_ahead() IS 'months of partitions that are ready beyond the current one; -1: the current one is missing';

-- SECURITY DEFINER: whoever watches has no right to read calls or the queue, and row-level security would show him the
-- queue of one tenant. What leaves here is counts and times, of all tenants together, and nobody's words.
-- Nothing is counted beyond 100,000: above that the queue's length is Postgres' own estimate.
CREATE FUNCTION voice._metrics(
    OUT worker_up int, OUT serving int, OUT paused int, OUT restored_copy int, OUT breaker_open int, OUT provider_failures int,
    OUT requests_in_flight int, OUT live_queued bigint, OUT backfill_queued bigint, OUT running bigint, OUT dead bigint,
    OUT live_wait_seconds double precision, OUT backfill_wait_seconds double precision,
    OUT analysis_p50_seconds double precision, OUT analysis_p95_seconds double precision, OUT last_error_timestamp_seconds double precision,
    OUT queue_dead_tuples bigint, OUT queue_bytes bigint, OUT months_ahead int, OUT calls_in_default bigint,
    OUT deliveries_queued bigint, OUT webhooks_disabled bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
-- Plans are kept, and the queue may have been empty when they were made; what is switched off costs enough to call for JIT.
SET search_path = pg_catalog, voice, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $$
DECLARE
    worker CONSTANT jsonb := voice._worker_status();
    enough CONSTANT int := 100000;
    live_due timestamptz;
    backfill_due timestamptz;
BEGIN
    worker_up := (worker ? 'worker_pid')::int;
    serving := (worker->>'state' IN ('idle', 'working', 'waiting for provider'))::int;
    breaker_open := (coalesce(worker->>'breaker', 'closed') <> 'closed')::int;
    provider_failures := coalesce(worker->>'provider_failures', '0');
    requests_in_flight := coalesce(worker->>'in_flight', '0');
    analysis_p50_seconds := (worker->>'p50_ms')::double precision / 1000;
    analysis_p95_seconds := (worker->>'p95_ms')::double precision / 1000;
    last_error_timestamp_seconds := coalesce(worker->>'last_error_at', '0');
    restored_copy := voice._is_copy()::int;
    months_ahead := voice._months_ahead();

    IF to_regclass('voice._state') IS NOT NULL THEN
        paused := EXISTS (SELECT FROM voice._state s WHERE s.paused_at IS NOT NULL)::int;
    END IF;
    IF to_regclass('voice.job') IS NOT NULL THEN
        -- Both by job_waiting_idx, whose first column is the priority.
        SELECT count(*) INTO live_queued
        FROM (SELECT FROM voice.job j WHERE j.lease IS NULL AND j.webhook_id IS NULL AND j.priority < 10 LIMIT enough) counted;
        SELECT count(*) INTO backfill_queued
        FROM (SELECT FROM voice.job j WHERE j.lease IS NULL AND j.webhook_id IS NULL AND j.priority >= 10 LIMIT enough) counted;
        SELECT count(*) INTO running FROM (SELECT FROM voice.job j WHERE j.lease IS NOT NULL LIMIT enough) counted;
        -- By job_delivery_idx. Those to a receiver that is down wait for days.
        SELECT count(*) INTO deliveries_queued
        FROM (SELECT FROM voice.job j WHERE j.webhook_id IS NOT NULL AND j.lease IS NULL LIMIT enough) counted;
        IF backfill_queued = enough THEN
            backfill_queued := greatest(enough, pg_stat_get_live_tuples('voice.job'::regclass) - live_queued - deliveries_queued - running);
        ELSIF live_queued = enough THEN
            live_queued := greatest(enough, pg_stat_get_live_tuples('voice.job'::regclass) - backfill_queued - deliveries_queued - running);
        END IF;
        -- One probe of the index a priority and tenant, as in look.sql: each lands on the next tenant's first job.
        WITH RECURSIVE first_of_tenant AS (
            (SELECT j.priority, j.tenant_id, j.run_at FROM voice.job j WHERE j.lease IS NULL AND j.webhook_id IS NULL
             ORDER BY j.priority, j.tenant_id, j.run_at LIMIT 1)
            UNION ALL
            SELECT following.priority, following.tenant_id, following.run_at
            FROM first_of_tenant t
            CROSS JOIN LATERAL (
                SELECT j.priority, j.tenant_id, j.run_at FROM voice.job j
                WHERE j.lease IS NULL AND j.webhook_id IS NULL AND (j.priority, j.tenant_id) > (t.priority, t.tenant_id)
                ORDER BY j.priority, j.tenant_id, j.run_at LIMIT 1
            ) following
        )
        SELECT min(f.run_at) FILTER (WHERE f.priority < 10), min(f.run_at) FILTER (WHERE f.priority >= 10)
        INTO live_due, backfill_due FROM first_of_tenant f;
        live_wait_seconds := greatest(0, coalesce(extract(epoch FROM now() - live_due), 0));
        backfill_wait_seconds := greatest(0, coalesce(extract(epoch FROM now() - backfill_due), 0));
        queue_dead_tuples := pg_stat_get_dead_tuples('voice.job'::regclass);
        queue_bytes := pg_total_relation_size('voice.job'::regclass);
    END IF;
    IF to_regclass('voice.webhook') IS NOT NULL THEN
        SELECT count(*) INTO webhooks_disabled FROM (SELECT FROM voice.webhook w WHERE NOT w.enabled LIMIT enough) counted;
    END IF;
    IF to_regclass('voice.dead_job') IS NOT NULL THEN
        SELECT count(*) INTO dead FROM (SELECT FROM voice.dead_job LIMIT enough) counted;
    END IF;
    IF to_regclass('voice.call_default') IS NOT NULL THEN
        SELECT count(*) INTO calls_in_default FROM (SELECT FROM voice.call_default LIMIT enough) counted;
    END IF;
END
$$;
ALTER FUNCTION voice._metrics() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._metrics() FROM PUBLIC;
COMMENT ON FUNCTION voice._metrics() IS 'what voice.metrics shows; NULL where there is no table or nothing was measured yet';

-- Views over functions: a view that names the tables would have to be dropped with them, and could not stand before a
-- restore has brought them.
CREATE VIEW voice.metrics AS SELECT * FROM voice._metrics();
COMMENT ON VIEW voice.metrics IS 'one row of figures about the worker, its queue and the partitions, for a monitoring system; docs/monitoring.md explains each';
COMMENT ON COLUMN voice.metrics.worker_up IS '1: this database has its background worker';
COMMENT ON COLUMN voice.metrics.serving IS '1: the worker takes jobs, or would if the LLM server answered; 0: it is paused, disabled, misconfigured, unfit, failing, or keeps quiet';
COMMENT ON COLUMN voice.metrics.paused IS '1: by voice_pause()';
COMMENT ON COLUMN voice.metrics.restored_copy IS '1: a restored copy, which does nothing before voice_resume()';
COMMENT ON COLUMN voice.metrics.breaker_open IS '1: the LLM server fails and is left alone, but for a probe now and then';
COMMENT ON COLUMN voice.metrics.provider_failures IS 'failures of the LLM server in a row';
COMMENT ON COLUMN voice.metrics.requests_in_flight IS 'requests to the LLM server that wait for their answer';
COMMENT ON COLUMN voice.metrics.live_queued IS 'analyses of calls that have just ended, waiting';
COMMENT ON COLUMN voice.metrics.backfill_queued IS 'jobs of voice_backfill(), waiting behind all others; an estimate above 100,000';
COMMENT ON COLUMN voice.metrics.running IS 'jobs that the worker has taken';
COMMENT ON COLUMN voice.metrics.dead IS 'jobs that gave up; counted up to 100,000';
COMMENT ON COLUMN voice.metrics.live_wait_seconds IS 'how long the first live job has been due; 0: none waits';
COMMENT ON COLUMN voice.metrics.backfill_wait_seconds IS 'the same of backfill';
COMMENT ON COLUMN voice.metrics.analysis_p50_seconds IS 'hang-up to analytics, median of the latest 256 live calls since the worker began; NULL: none yet';
COMMENT ON COLUMN voice.metrics.analysis_p95_seconds IS 'the same, 95th percentile';
COMMENT ON COLUMN voice.metrics.last_error_timestamp_seconds IS 'when the worker last met an error, Unix time; 0: not yet; voice_status() has its text';
COMMENT ON COLUMN voice.metrics.queue_dead_tuples IS 'dead rows of voice.job that vacuum has not removed yet, by Postgres'' statistics';
COMMENT ON COLUMN voice.metrics.queue_bytes IS 'size of voice.job with its indexes';
COMMENT ON COLUMN voice.metrics.months_ahead IS 'months of partitions ready beyond the current one, without a gap; -1: the current one is missing';
COMMENT ON COLUMN voice.metrics.calls_in_default IS 'calls in the DEFAULT partition, whose month does not exist; counted up to 100,000';
COMMENT ON COLUMN voice.metrics.deliveries_queued IS 'deliveries to webhooks, waiting; counted up to 100,000';
COMMENT ON COLUMN voice.metrics.webhooks_disabled IS 'webhooks that are told nothing: voice.webhook.disabled_reason says why';

CREATE VIEW voice.metrics_by_model AS
SELECT m.model, m.analyses, m.failures, m.prompt_tokens, m.completion_tokens
FROM jsonb_to_recordset(voice._worker_status()->'models')
    m(model text, analyses bigint, failures bigint, prompt_tokens bigint, completion_tokens bigint);
COMMENT ON VIEW voice.metrics_by_model IS 'counters by model since the server started (or lost a process to a crash): what was analysed, what failed, and the tokens of both';
COMMENT ON COLUMN voice.metrics_by_model.model IS 'as the LLM server names it; the first seven, then other models';
COMMENT ON COLUMN voice.metrics_by_model.analyses IS 'analyses stored';
COMMENT ON COLUMN voice.metrics_by_model.failures IS 'attempts that failed, whoever was to blame';
COMMENT ON COLUMN voice.metrics_by_model.prompt_tokens IS 'of every answer, also of those that were refused or came too late';
COMMENT ON COLUMN voice.metrics_by_model.completion_tokens IS 'of every answer, also of those that were refused or came too late';

-- sql/functions/rollup.sql

-- The same day rolled up again is the same row. Nobody marks a day as changed: a fingerprint of what was rolled up is
-- compared with what is there, and that only in months whose counters have moved. Ingest pays nothing for it.

CREATE FUNCTION voice._zone() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT coalesce(nullif(current_setting('voice_analytics.timezone', true), ''), 'UTC') $$;
COMMENT ON FUNCTION voice._zone() IS 'the time zone whose days are rolled up';

CREATE FUNCTION voice._yesterday() RETURNS date
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT (now() AT TIME ZONE voice._zone())::date - 1 $$;
COMMENT ON FUNCTION voice._yesterday() IS 'the last day that is over, in the setting voice_analytics.timezone';

-- The plan is made for these very bounds, so that it prunes. A call counts for the day of its start; its id may lie 24
-- hours beside.
CREATE FUNCTION voice._day_prints(first_day date, past_day date, OUT day date, OUT print bigint) RETURNS SETOF record
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    zone CONSTANT text := voice._zone();
    since CONSTANT timestamptz := first_day::timestamp AT TIME ZONE zone;
    until CONSTANT timestamptz := past_day::timestamp AT TIME ZONE zone;
BEGIN
    RETURN QUERY EXECUTE $query$
        SELECT (c.started_at AT TIME ZONE $5)::date,
               bit_xor(hash_record_extended(ROW(c.id, c.agent_id, c.status, c.started_at, c.duration_ms, a.computed_at, a.transcript_hash), 0))
        FROM voice.call c
        LEFT JOIN voice.analytics a ON a.call_id = c.id AND a.call_id >= $1 AND a.call_id < $2
        WHERE c.id >= $1 AND c.id < $2 AND c.started_at >= $3 AND c.started_at < $4 AND c.deleted_at IS NULL
        GROUP BY 1$query$
    USING @extschema@.voice_uuid_at(since - interval '24 hours'),
          @extschema@.voice_uuid_at(until + interval '24 hours 1 millisecond'), since, until, zone;
END
$$;
COMMENT ON FUNCTION voice._day_prints(date, date) IS 'a fingerprint of each day that has calls';

CREATE FUNCTION voice_rollup(day date DEFAULT voice._yesterday()) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    zone CONSTANT text := voice._zone();
    since CONSTANT timestamptz := day::timestamp AT TIME ZONE zone;
    until CONSTANT timestamptz := (day + 1)::timestamp AT TIME ZONE zone;
    first_id uuid;
    past_id uuid;
    seen bigint;
    made bigint;
BEGIN
    IF day IS NULL OR NOT isfinite(day) THEN
        RAISE EXCEPTION 'a roll-up needs a day'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('day is %s.', coalesce(day::text, 'NULL')),
                  HINT = 'Leave it out: it is yesterday.';
    ELSIF day > voice._yesterday() + 1 THEN
        RAISE NOTICE 'the day % has not begun', day;
        RETURN 0;
    ELSIF since - interval '24 hours' < timestamptz '1970-01-01 00:00:00+00' THEN
        RAISE NOTICE 'there are no calls of %', day;
        RETURN 0;
    END IF;
    -- In the order in which everybody locks them, whatever the plans below open first.
    LOCK TABLE voice.tool_call, voice.turn, voice.call, voice.analytics IN ACCESS SHARE MODE;
    -- Two at once would each insert.
    PERFORM pg_advisory_xact_lock(hashtextextended('voice_rollup ' || day, 0));
    IF voice._has_left(day) THEN
        RAISE NOTICE 'the calls of % have left', day USING DETAIL = 'Their roll-up stays as it is.';
        RETURN 0;
    END IF;
    first_id := @extschema@.voice_uuid_at(since - interval '24 hours');
    past_id := @extschema@.voice_uuid_at(until + interval '24 hours 1 millisecond');
    -- First: what changes between the two is then seen the next time.
    SELECT p.print INTO seen FROM voice._day_prints(day, day + 1) p;
    INSERT INTO voice._rolled_day AS r (day, zone, print) VALUES (voice_rollup.day, voice._zone(), seen)
    ON CONFLICT ON CONSTRAINT _rolled_day_pkey DO UPDATE
    SET zone = EXCLUDED.zone, print = EXCLUDED.print, rolled_at = EXCLUDED.rolled_at;
    DELETE FROM voice.daily d WHERE d.day = voice_rollup.day;
    EXECUTE $query$
        WITH c AS MATERIALIZED (
            SELECT c.id, c.tenant_id, c.agent_id, c.status, c.duration_ms FROM voice.call c
            WHERE c.id >= $1 AND c.id < $2 AND c.started_at >= $3 AND c.started_at < $4 AND c.deleted_at IS NULL
        ), calls AS (
            SELECT c.tenant_id, c.agent_id, count(*) AS calls,
                   count(*) FILTER (WHERE c.status = 'in_progress') AS in_progress,
                   count(*) FILTER (WHERE c.status = 'completed') AS completed,
                   count(*) FILTER (WHERE c.status = 'failed') AS failed,
                   count(*) FILTER (WHERE c.status = 'transferred') AS transferred,
                   coalesce(sum(c.duration_ms) FILTER (WHERE c.status <> 'in_progress'), 0) / 60000.0 AS minutes
            FROM c GROUP BY 1, 2
        ), judged AS (
            SELECT c.tenant_id, c.agent_id, count(*) AS analyzed, sum(a.sentiment ORDER BY a.call_id) AS sentiment_sum,
                   sum(a.lead_score) AS lead_score_sum, count(*) FILTER (WHERE a.lead_score >= 80) AS hot_leads
            FROM c JOIN voice.analytics a ON a.call_id = c.id AND a.call_id >= $1 AND a.call_id < $2
            GROUP BY 1, 2
        ), tools AS (
            SELECT c.tenant_id, c.agent_id, count(*) AS tool_calls, count(k.error_text) AS tool_errors,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY k.latency_ms) AS p50,
                   percentile_cont(0.95) WITHIN GROUP (ORDER BY k.latency_ms) AS p95
            FROM c JOIN voice.tool_call k ON k.call_id = c.id AND k.call_id >= $1 AND k.call_id < $2
            GROUP BY 1, 2
        ), turns AS (
            SELECT c.tenant_id, c.agent_id, count(*) AS measured,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY t.e2e_latency_ms) AS p50,
                   percentile_cont(0.95) WITHIN GROUP (ORDER BY t.e2e_latency_ms) AS p95
            FROM c JOIN voice.turn t ON t.call_id = c.id AND t.call_id >= $1 AND t.call_id < $2
            WHERE t.e2e_latency_ms IS NOT NULL
            GROUP BY 1, 2
        )
        INSERT INTO voice.daily (tenant_id, day, agent_id, calls, in_progress, completed, failed, transferred, minutes,
            analyzed, sentiment_sum, lead_score_sum, hot_leads, tool_calls, tool_errors, tool_p50_ms, tool_p95_ms,
            turns_measured, e2e_p50_ms, e2e_p95_ms)
        SELECT tenant_id, $5, agent_id, n.calls, n.in_progress, n.completed, n.failed, n.transferred, n.minutes,
               coalesce(j.analyzed, 0), coalesce(j.sentiment_sum, 0), coalesce(j.lead_score_sum, 0), coalesce(j.hot_leads, 0),
               coalesce(k.tool_calls, 0), coalesce(k.tool_errors, 0), k.p50, k.p95, coalesce(t.measured, 0), t.p50, t.p95
        FROM calls n
        LEFT JOIN judged j USING (tenant_id, agent_id)
        LEFT JOIN tools k USING (tenant_id, agent_id)
        LEFT JOIN turns t USING (tenant_id, agent_id)$query$
    USING first_id, past_id, since, until, day;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END
$$;
COMMENT ON FUNCTION voice_rollup(date) IS
    'computes a day of voice.daily anew (yesterday, when left out), and returns how many rows it has; a day whose calls have left stays as it is';

-- A month that was dropped took calls of that day with it: computed anew, it would forget them.
CREATE FUNCTION voice._has_left(day date) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    first_id CONSTANT uuid := @extschema@.voice_uuid_at(day::timestamp AT TIME ZONE voice._zone());
    past_id CONSTANT uuid := @extschema@.voice_uuid_at((day + 1)::timestamp AT TIME ZONE voice._zone());
    covered bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM voice._rolled_day r WHERE r.day = _has_left.day) THEN
        RETURN false;
    END IF;
    -- Its first and its last id lie in months that exist: a day is shorter than a month.
    SELECT count(DISTINCT i.id) INTO covered
    FROM (VALUES (first_id), (@extschema@.voice_uuid_at(@extschema@.voice_uuid_time(past_id) - interval '1 millisecond'))) i(id)
    JOIN voice._leaves('call') l ON l.lower <= i.id AND l.upper > i.id;
    RETURN covered < 2 AND NOT EXISTS (SELECT FROM voice.call_default c WHERE c.id >= first_id AND c.id < past_id);
END
$$;
COMMENT ON FUNCTION voice._has_left(date) IS 'whether a day that was rolled up has lost its calls to retention';

-- What the tables of a month have counted; it moves with every row that is written. NULL where nothing is counted.
CREATE FUNCTION voice._changes(lower uuid) RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT CASE WHEN current_setting('track_counts')::boolean THEN
        sum(pg_stat_get_tuples_inserted(l.leaf) + pg_stat_get_tuples_updated(l.leaf) + pg_stat_get_tuples_deleted(l.leaf)
            + pg_relation_size(l.leaf)) END::bigint
    FROM (VALUES ('call'), ('analytics')) f(name) CROSS JOIN LATERAL voice._leaves(f.name) l
    WHERE l.lower = $1
$$;
COMMENT ON FUNCTION voice._changes(uuid) IS 'a number that moves when calls or analytics of the month that begins there are written';

-- Days that are over and not rolled up as they are now, oldest first; of one month, or of all.
CREATE FUNCTION voice._due_days(from_id uuid DEFAULT NULL, past_id uuid DEFAULT NULL, OUT day date) RETURNS SETOF date
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    zone_now CONSTANT text := voice._zone();
    past_now CONSTANT date := voice._yesterday() + 1;
    month record;
    first_day date;
    past_day date;
    counted bigint;
    due date[];
    all_due date[] := '{}';
BEGIN
    -- As voice_rollup() does: month by month, one's analytics would be held while the next one's calls are waited for.
    LOCK TABLE voice.tool_call, voice.turn, voice.call, voice.analytics IN ACCESS SHARE MODE;
    FOR month IN
        SELECT l.lower, l.upper FROM voice._leaves('call') l
        WHERE l.lower IS NOT NULL AND (from_id IS NULL OR l.lower = from_id AND l.upper = past_id)
        UNION ALL
        SELECT NULL, NULL WHERE from_id IS NULL AND EXISTS (SELECT FROM voice.call_default)
        ORDER BY 1
    LOOP
        IF month.lower IS NULL THEN
            SELECT (@extschema@.voice_uuid_time(c.id) AT TIME ZONE zone_now)::date - 1 INTO first_day
            FROM voice.call_default c ORDER BY c.id LIMIT 1;
            SELECT (@extschema@.voice_uuid_time(c.id) AT TIME ZONE zone_now)::date + 2 INTO past_day
            FROM voice.call_default c ORDER BY c.id DESC LIMIT 1;
        ELSE
            first_day := (@extschema@.voice_uuid_time(month.lower) AT TIME ZONE zone_now)::date - 1;
            past_day := (@extschema@.voice_uuid_time(month.upper) AT TIME ZONE zone_now)::date + 2;
        END IF;
        past_day := least(past_day, past_now);
        CONTINUE WHEN first_day >= past_day;
        counted := voice._changes(month.lower);
        CONTINUE WHEN EXISTS (SELECT FROM voice._rolled_month m
                              WHERE m.lower = month.lower AND m.zone = zone_now AND m.changes = counted AND m.past = past_day);
        SELECT array_agg(coalesce(p.day, r.day)) INTO due
        FROM voice._day_prints(first_day, past_day) p
        FULL JOIN (SELECT r.* FROM voice._rolled_day r WHERE r.day >= first_day AND r.day < past_day) r ON r.day = p.day
        WHERE (r.print IS DISTINCT FROM p.print OR r.zone <> zone_now) AND NOT voice._has_left(coalesce(p.day, r.day));
        IF due IS NOT NULL THEN
            all_due := all_due || due;
        ELSIF month.lower IS NOT NULL AND counted IS NOT NULL THEN
            INSERT INTO voice._rolled_month AS m (lower, zone, changes, past) VALUES (month.lower, zone_now, counted, past_day)
            ON CONFLICT ON CONSTRAINT _rolled_month_pkey DO UPDATE
            SET zone = EXCLUDED.zone, changes = EXCLUDED.changes, past = EXCLUDED.past;
        END IF;
    END LOOP;
    RETURN QUERY SELECT DISTINCT d FROM unnest(all_due) d ORDER BY 1;
END
$$;
COMMENT ON FUNCTION voice._due_days(uuid, uuid) IS 'days whose roll-up is missing or no longer true, of the month between these ids, or of all';

CREATE FUNCTION voice._roll_up_due(from_id uuid DEFAULT NULL, past_id uuid DEFAULT NULL) RETURNS SETOF date
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    due date;
BEGIN
    FOR due IN SELECT d.day FROM voice._due_days(from_id, past_id) d LOOP
        PERFORM @extschema@.voice_rollup(due);
        RETURN NEXT due;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._roll_up_due(uuid, uuid) IS 'rolls up the days that are due, and gives them';

-- sql/functions/backfill.sql

-- What is queued here waits behind live calls, and what is judged already as it would be judged now is not queued at all.

CREATE FUNCTION voice._analyzer() RETURNS jsonb
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_analyzer_wrapper';
COMMENT ON FUNCTION voice._analyzer() IS 'who judges now: analyzer, version, rule_version, prompt_chars, max_chars';

-- Alike to sql/queries/prepare.sql: the same words have the same hash.
CREATE FUNCTION voice._transcript_hash(call_id uuid) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT coalesce(substr(sha256(convert_to(
               string_agg(s.role || E'\x1f' || s.words, E'\x1e' ORDER BY s.started_at, s.id), 'UTF8')), 1, 16), '')
    FROM (SELECT u.id, u.role, u.started_at,
                 CASE WHEN u.text <> '' THEN u.text ELSE voice._final_chunks(u.call_id, u.id) END AS words
          FROM voice.turn u WHERE u.call_id = $1) s
$$;
COMMENT ON FUNCTION voice._transcript_hash(uuid) IS 'of the words of a call, as the worker computes it';

-- A token is about four characters of English; a reply is about 150 of them.
CREATE FUNCTION voice._estimate_tokens(calls bigint, sample uuid[], analyzer jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    chars double precision;
BEGIN
    IF analyzer->>'analyzer' = 'builtin' THEN
        RAISE NOTICE '% calls would be queued; the builtin analyzer costs no tokens', calls;
        RETURN;
    END IF;
    SELECT avg(least(x.chars, (analyzer->>'max_chars')::int)) INTO chars
    FROM unnest(sample) s(id) CROSS JOIN LATERAL (
        SELECT coalesce(sum(char_length(t.role) + char_length(t.text) + 3), 0) AS chars FROM voice.turn t WHERE t.call_id = s.id) x;
    RAISE NOTICE '% calls would be queued, for about % prompt tokens and % completion tokens', calls,
        round(calls * (coalesce(chars, 0) + (analyzer->>'prompt_chars')::int) / 4), calls * 150
        USING DETAIL = format('Guessed from the characters of %s of the calls, four to a token, and 150 tokens a reply.', cardinality(sample));
END
$$;
COMMENT ON FUNCTION voice._estimate_tokens(bigint, uuid[], jsonb) IS 'says about how many tokens the analysis of so many calls like these costs';

CREATE FUNCTION voice_backfill(
    since timestamptz DEFAULT '-infinity', vertical text DEFAULT NULL, max_calls int DEFAULT NULL,
    stale boolean DEFAULT false, dry_run boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    analyzer CONSTANT jsonb := voice._analyzer();
    first_id CONSTANT uuid := @extschema@.voice_uuid_at(greatest(since, timestamptz '1970-01-03 00:00:00+00') - interval '24 hours');
    agents text[];
    range record;
    found_now bigint;
    total bigint := 0;
    newest uuid[];
    sample uuid[] := '{}';
    chosen text;
BEGIN
    IF since IS NULL THEN
        RAISE EXCEPTION 'a backfill needs to know since when'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = 'since is NULL.',
                  HINT = 'Leave it out for all calls, or pass a time: now() - interval ''30 days''.';
    ELSIF max_calls < 0 THEN
        RAISE EXCEPTION 'max_calls is out of range'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('max_calls is %s.', max_calls),
                  HINT = 'Pass 0 or more, or NULL for all.';
    ELSIF since > now() + interval '24 hours' THEN
        RAISE NOTICE 'no call has started since then' USING DETAIL = format('since is %s, in the future.', since);
        RETURN 0;
    ELSIF vertical IS NOT NULL THEN
        SELECT array_agg(a.id) INTO agents FROM voice.agent a WHERE a.vertical = voice_backfill.vertical;
        IF agents IS NULL THEN
            RAISE NOTICE 'no agent is of this vertical'
                USING DETAIL = format('vertical is %L.', vertical), HINT = 'SELECT DISTINCT vertical FROM voice.agent lists them.';
            RETURN 0;
        END IF;
    END IF;
    -- Which calls of a range of ids, newest first. With the bounds as constants planning prunes to one month, and the
    -- two anti-joins are of one month's size. A call that gave up is for voice_requeue_dead().
    chosen := format($query$
        SELECT c.id, c.tenant_id FROM voice.call c
        WHERE c.id >= $1 AND c.id < $2 AND c.started_at >= $3 AND c.status <> 'in_progress' AND c.deleted_at IS NULL %s
          AND NOT EXISTS (SELECT FROM voice.analytics a WHERE a.call_id = c.id AND a.call_id >= $1 AND a.call_id < $2 %s)
          AND NOT EXISTS (SELECT FROM voice.job j WHERE j.call_id = c.id AND j.kind = 'analyze')
          AND NOT EXISTS (SELECT FROM voice.dead_job d WHERE d.call_id = c.id AND d.kind = 'analyze')
        ORDER BY c.id DESC LIMIT $5$query$,
        CASE WHEN agents IS NOT NULL THEN 'AND c.agent_id = ANY ($4)' END,
        -- Current, as the worker decides it. The words are read only where the prompt is the same.
        CASE WHEN stale THEN
            'AND CASE WHEN a.prompt_version IN ($6, $7) THEN a.transcript_hash = voice._transcript_hash(a.call_id) ELSE false END'
        END);
    FOR range IN
        SELECT greatest(r.lower, first_id) AS lower, r.upper FROM (
            SELECT l.lower, l.upper FROM voice._leaves('call') l WHERE l.lower IS NOT NULL
            UNION ALL
            -- What lies between the months is in the DEFAULT.
            SELECT g.past, coalesce(lead(g.start) OVER (ORDER BY g.past), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            FROM (SELECT uuid '00000000-0000-0000-0000-000000000000' AS past, NULL::uuid AS start
                  UNION ALL SELECT l.upper, l.lower FROM voice._leaves('call') l WHERE l.lower IS NOT NULL) g
            -- Its size: its rows are its owner's to read, and an operator backfills too.
            WHERE pg_relation_size('voice.call_default'::regclass) > 0
        ) r
        WHERE r.upper > greatest(r.lower, first_id) ORDER BY r.lower DESC
    LOOP
        EXIT WHEN total >= max_calls;
        IF dry_run THEN
            EXECUTE 'SELECT count(*), coalesce((array_agg(x.id))[1:20], ''{}'') FROM (' || chosen || ') x' INTO found_now, newest
            USING range.lower, range.upper, since, agents, max_calls - total, analyzer->>'version', analyzer->>'rule_version';
        ELSE
            EXECUTE 'INSERT INTO voice.job (call_id, tenant_id, kind, priority) SELECT x.id, x.tenant_id, ''analyze'', 10 FROM ('
                    || chosen || ') x ON CONFLICT DO NOTHING'
            USING range.lower, range.upper, since, agents, max_calls - total, analyzer->>'version', analyzer->>'rule_version';
            GET DIAGNOSTICS found_now = ROW_COUNT;
        END IF;
        total := total + found_now;
        IF dry_run AND cardinality(sample) < 200 THEN
            sample := sample || newest;
        END IF;
    END LOOP;
    IF dry_run THEN
        PERFORM voice._estimate_tokens(total, sample, analyzer);
    ELSE
        PERFORM voice._wake();
    END IF;
    RETURN total;
END
$$;
COMMENT ON FUNCTION voice_backfill(timestamptz, text, int, boolean, boolean) IS
    'queues ended calls without analytics (stale: also those of another prompt or other words), the newest first, behind live calls; dry_run: only says how many, and about how many tokens';

-- sql/functions/schedule.sql

-- The worker does all of this by itself; pg_cron is for those who want to see it among their other jobs, and for servers
-- on which the worker may not run. Doing it twice changes nothing.

CREATE FUNCTION voice._cron_jobs_query() RETURNS text
LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME', 'voice_cron_jobs_query_wrapper';
COMMENT ON FUNCTION voice._cron_jobs_query() IS 'the query that says what pg_cron is asked to do; it runs where pg_cron lives, too';

-- The database in which pg_cron keeps its jobs, or an error.
CREATE FUNCTION voice._cron_database() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    database CONSTANT text := current_setting('cron.database_name', true);
BEGIN
    IF coalesce(database, '') = '' THEN
        RAISE EXCEPTION 'pg_cron is not running on this server'
            USING ERRCODE = 'feature_not_supported',
                  DETAIL = 'There is no setting cron.database_name: pg_cron is not among shared_preload_libraries.',
                  HINT = 'Without it the worker creates months ahead, applies voice_analytics.retention and rolls up every day by itself, while voice_analytics.maintenance is on; voice_backfill() is called by hand.';
    ELSIF database = current_database() AND to_regprocedure('cron.schedule(text, text, text)') IS NULL THEN
        RAISE EXCEPTION 'the extension pg_cron is not installed in this database'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = format('cron.database_name is %L.', database), HINT = 'CREATE EXTENSION pg_cron';
    ELSIF database <> current_database() AND NOT current_setting('is_superuser')::boolean THEN
        RAISE EXCEPTION 'only a superuser may schedule jobs from here'
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = format('pg_cron keeps its jobs in the database %L, and another process writes them there.', database),
                  HINT = 'Call it as a superuser.';
    END IF;
    RETURN database;
END
$$;
COMMENT ON FUNCTION voice._cron_database() IS 'where pg_cron keeps its jobs';

CREATE FUNCTION voice._ask_cron(what text) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    here CONSTANT text := current_database();
    database CONSTANT text := voice._cron_database();
    job record;
    problem text;
BEGIN
    IF database <> here THEN
        problem := voice._run_elsewhere(what || ' @extschema@');
        IF problem <> '' THEN
            RAISE EXCEPTION 'pg_cron could not be asked'
                USING ERRCODE = 'external_routine_exception', DETAIL = format('In the database %L: %s', database, problem),
                      HINT = format('CREATE EXTENSION pg_cron in the database %L; cron.schedule_in_database() came with its version 1.4.', database);
        END IF;
    END IF;
    FOR job IN EXECUTE voice._cron_jobs_query() USING here, '@extschema@'::text LOOP
        IF database <> here THEN
            NULL; -- done there
        ELSIF what = 'schedule' THEN
            EXECUTE 'SELECT cron.schedule($1, $2, $3)' USING job.name, job.schedule, job.command;
        ELSE
            EXECUTE 'SELECT cron.unschedule(j.jobname) FROM cron.job j WHERE j.jobname = $1 AND j.username = current_user' USING job.name;
        END IF;
        RETURN NEXT job.name;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._ask_cron(text) IS 'has pg_cron schedule or unschedule our jobs, in whichever database it lives';

CREATE FUNCTION voice_schedule() RETURNS SETOF text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT * FROM voice._ask_cron('schedule') $$;
COMMENT ON FUNCTION voice_schedule() IS
    'has pg_cron create partitions, apply retention, roll up and backfill, and returns the names of its jobs; again: the same jobs';

CREATE FUNCTION voice_unschedule() RETURNS SETOF text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT * FROM voice._ask_cron('unschedule') $$;
COMMENT ON FUNCTION voice_unschedule() IS 'takes the jobs of voice_schedule() from pg_cron, and returns their names';

-- sql/functions/access.sql

-- One list says which access has what; voice_grant(), voice_access(), the tests and SECURITY.md all go by it. A table or
-- function that is not in it is nobody's, and a test says so.

-- Tables: in the words of GRANT. What is not among an access's columns carries what callers said, or their numbers.
CREATE FUNCTION voice._access_to_tables(OUT access text, OUT relation text, OUT privileges text) RETURNS SETOF record
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, voice, pg_temp
AS $$ VALUES
    ('reader', 'agent', 'SELECT'),
    ('reader', 'call', 'SELECT'),
    ('reader', 'turn', 'SELECT'),
    ('reader', 'transcript_chunk', 'SELECT'),
    ('reader', 'tool_call', 'SELECT'),
    ('reader', 'analytics', 'SELECT'),
    ('reader', 'daily', 'SELECT'),
    ('analyst', 'agent', 'SELECT'),
    ('analyst', 'analytics', 'SELECT (call_id, started_at, deleted_at, computed_at, sentiment, prompt_tokens, completion_tokens, '
        'lead_score, tenant_id, agent_id, vertical, intent, model, prompt_version)'),
    ('analyst', 'daily', 'SELECT'),
    ('writer', 'agent', 'SELECT, INSERT, UPDATE (name, vertical, prompt_hash, voice, deleted_at)'),
    ('writer', 'call', 'INSERT, SELECT (id, started_at, ended_at, deleted_at, duration_ms, status, direction, tenant_id, agent_id, '
        'external_id, end_reason, language), '
        'UPDATE (started_at, ended_at, duration_ms, status, direction, agent_id, from_number, to_number, external_id, end_reason, '
        'language, recording_url, meta)'),
    ('writer', 'turn', 'INSERT, SELECT (call_id, id, started_at, ended_at, transcription_ms, llm_ttft_ms, tts_ttfb_ms, '
        'e2e_latency_ms, interrupted, role, tenant_id), '
        'UPDATE (started_at, ended_at, transcription_ms, llm_ttft_ms, tts_ttfb_ms, e2e_latency_ms, interrupted, role, text, audio_url)'),
    ('writer', 'transcript_chunk', 'INSERT, SELECT (call_id, turn_id, seq, start_ms, end_ms, confidence, is_final, tenant_id), '
        'UPDATE (start_ms, end_ms, confidence, is_final, text)'),
    ('writer', 'tool_call', 'INSERT, SELECT (call_id, id, invoked_at, turn_id, latency_ms, tenant_id, name), '
        'UPDATE (invoked_at, turn_id, latency_ms, name, args, result, error_text)'),
    ('writer', 'turn_id_seq', 'USAGE'),
    ('writer', 'tool_call_id_seq', 'USAGE'),
    ('operator', 'agent', 'SELECT'),
    ('operator', 'call', 'SELECT (id, started_at, ended_at, deleted_at, duration_ms, status, tenant_id, agent_id)'),
    ('operator', 'analytics', 'SELECT (call_id, started_at, deleted_at, computed_at, tenant_id, agent_id, vertical, model, '
        'prompt_version, transcript_hash)'),
    ('operator', 'attempt', 'SELECT'),
    ('operator', 'daily', 'SELECT'),
    ('operator', 'job', 'SELECT, INSERT (tenant_id, kind, call_id, priority, webhook_id, event)'),
    ('operator', 'job_id_seq', 'USAGE'),
    ('operator', 'dead_job', 'SELECT, UPDATE (died_at), DELETE'),
    ('operator', '_state', 'SELECT, UPDATE (paused_at, pause_reason)'),
    ('operator', '_instance', 'SELECT'),
    ('operator', 'tenant_limit', 'SELECT, INSERT, UPDATE, DELETE'),
    ('admin', 'agent', 'DELETE'),
    ('admin', 'call', 'SELECT, INSERT, UPDATE, DELETE'),
    ('admin', 'turn', 'SELECT, INSERT, UPDATE, DELETE'),
    ('admin', 'transcript_chunk', 'SELECT, INSERT, UPDATE, DELETE'),
    ('admin', 'tool_call', 'SELECT, INSERT, UPDATE, DELETE'),
    ('admin', 'search_document', 'SELECT (call_id, tenant_id)'),
    ('admin', 'erasure', 'SELECT, INSERT'),
    ('admin', 'erasure_id_seq', 'USAGE'),
    ('operator', 'metrics', 'SELECT'),
    ('operator', 'metrics_by_model', 'SELECT'),
    ('admin', 'webhook', 'SELECT, INSERT, UPDATE, DELETE'),
    -- Nobody's: only superusers pin, only the worker reads secrets and keeps books of roll-ups.
    ('', '_pin', ''),
    ('', '_webhook_secret', ''),
    ('', '_rolled_day', ''),
    ('', '_rolled_month', '')
$$;
COMMENT ON FUNCTION voice._access_to_tables() IS 'which access has which privileges on which table or sequence';

-- Functions, by name. closed: EXECUTE is theirs only; the others anybody may call, and they do what the tables let their
-- caller do. owner: runs as voice_worker for them, for it does what only the owner of the tables can, and shows nothing
-- of what was said: it creates, drops or detaches tables, or writes a table that nobody else may write.
CREATE FUNCTION voice._access_to_functions(OUT function text, OUT access text[], OUT closed boolean, OUT owner boolean)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, voice, pg_temp
AS $$ VALUES
    ('voice_uuidv7', '{reader,analyst,writer,operator}'::text[], false, false),
    ('voice_uuid_at', '{reader,analyst,writer,operator}', false, false),
    ('voice_uuid_time', '{reader,analyst,writer,operator}', false, false),
    ('_tenant', '{reader,analyst,writer,operator}', false, false),
    -- reading
    ('voice_transcript', '{reader}', false, false),
    ('_final_chunks', '{reader}', false, false),
    ('voice_search', '{reader}', false, false),
    ('voice_tool_stats', '{reader}', false, false),
    ('voice_top_leads', '{reader,analyst}', false, false),
    ('voice_sentiment_trend', '{reader,analyst}', false, false),
    ('_sentiment_trend', '{reader,analyst}', false, false),
    -- writing
    ('voice_start_call', '{writer}', false, false),
    ('voice_add_turn', '{writer}', false, false),
    ('voice_add_chunk', '{writer}', false, false),
    ('voice_finish_turn', '{writer}', false, false),
    -- Writes a turn's words from its chunks, which a writer may not read.
    ('_finish_turn_from_chunks', '{writer}', true, false),
    ('voice_add_tool_call', '{writer}', false, false),
    ('voice_end_call', '{writer}', false, false),
    ('voice_import_call', '{writer}', false, false),
    ('_unknown_call', '{writer}', false, false),
    ('_unknown_turn', '{writer}', false, false),
    ('_check_turn', '{writer}', false, false),
    ('_lock_external_id', '{writer}', false, false),
    -- operating
    ('voice_status', '{operator}', false, false),
    ('voice_pause', '{operator}', false, false),
    ('voice_resume', '{operator}', false, false),
    ('voice_requeue_dead', '{operator}', false, false),
    ('voice_limit_tenant', '{operator}', true, false),
    ('_pinned_to', '{operator}', true, false),
    ('voice_reanalyze', '{operator}', true, false),
    ('_adopt', '{operator}', true, true),
    ('voice_create_partitions', '{operator}', true, true),
    ('voice_backfill', '{operator}', false, false),
    ('voice_rollup', '{operator}', true, true),
    ('_yesterday', '{operator}', false, false),
    ('_zone', '{operator}', false, false),
    ('_analyzer', '{operator}', false, false),
    ('_estimate_tokens', '{operator}', false, false),
    ('_transcript_hash', '{operator}', false, false),
    ('_months_ahead', '{operator}', false, false),
    ('_metrics', '{operator}', true, false),
    ('_is_copy', '{operator}', false, false),
    ('_wake', '{operator}', false, false),
    ('_worker_status', '{operator}', true, false),
    -- deleting
    ('voice_delete_call', '{admin}', true, false),
    ('voice_restore_call', '{admin}', true, false),
    ('voice_erase_call', '{admin}', true, false),
    ('voice_erase_caller', '{admin}', true, false),
    -- webhooks
    ('voice_add_webhook', '{admin}', true, false),
    ('voice_remove_webhook', '{admin}', true, false),
    ('voice_enable_webhook', '{admin}', true, false),
    ('_add_webhook', '{admin}', true, false),
    ('_unknown_webhook', '{admin}', true, false),
    ('_webhook_url', '{admin}', true, false),
    ('_webhook_secret', '{admin}', true, false),
    ('_webhook_has_secret', '{admin}', true, false),
    ('_no_such_call', '{admin}', false, false),
    ('_erase', '{admin}', true, false),
    ('_number', '{admin}', false, false),
    ('_families', '{admin}', false, false),
    ('_leaves', '{operator}', false, false),
    -- Superusers', who need no grant. (Months leave with the calls of every tenant.)
    ('voice_drop_partitions', '{}', true, false),
    ('voice_schedule', '{}', true, false),
    ('voice_unschedule', '{}', true, false),
    ('voice_grant', '{}', true, false),
    ('voice_revoke', '{}', true, false),
    ('voice_pin_tenant', '{}', true, false),
    ('voice_install', '{}', true, false),
    ('_write_pin', '{}', true, true),
    ('_follow_roles', '{}', true, false),
    ('_why_no_pin_holds', '{}', true, false),
    ('_reanalyze', '{}', true, false),
    ('_close_streaming_turn', '{}', true, false),
    ('_check_role', '{}', true, false),
    ('_close_functions', '{}', true, false),
    ('_access_to_tables', '{}', false, false),
    ('_access_to_functions', '{}', false, false),
    ('_access_columns', '{}', false, false),
    ('voice_access', '{}', true, false)
$$;
COMMENT ON FUNCTION voice._access_to_functions() IS 'which access may call which function';

-- An admin has what everybody has.
CREATE FUNCTION voice._access_columns(OUT access text, OUT relation text, OUT privilege text, OUT columns text[]) RETURNS SETOF record
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT a.access, t.relation, m[1], string_to_array(m[2], ', ')
    FROM voice._access_to_tables() t
    JOIN (VALUES ('reader'), ('analyst'), ('writer'), ('operator'), ('admin')) a(access) ON t.access IN (a.access) OR (a.access = 'admin' AND t.access <> '')
    CROSS JOIN regexp_matches(t.privileges, '([A-Z]+)(?: \(([^)]*)\))?', 'g') m
$$;
COMMENT ON FUNCTION voice._access_columns() IS 'the same, a row a privilege; columns NULL: the whole table';

-- Called once all functions are there: whatever default privileges the database has, a function is its owner's and, if it
-- is not closed, PUBLIC's, as functions are.
CREATE FUNCTION voice._close_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    f record;
    grantee text;
BEGIN
    FOR f IN
        SELECT p.oid::regprocedure::text AS name, p.proacl, p.proowner, p.prosecdef,
               p.prorettype = 'trigger'::regtype AS is_trigger,
               coalesce(a.closed, p.proname ~ '^_') AS closed, coalesce(a.owner, false) AS owner
        FROM pg_depend d
        JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'voice_analytics'
        JOIN pg_proc p ON p.oid = d.objid
        LEFT JOIN voice._access_to_functions() a ON a.function = p.proname
        WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
    LOOP
        IF f.owner THEN
            EXECUTE format('ALTER FUNCTION %s OWNER TO voice_worker', f.name);
            EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER', f.name);
        END IF;
        FOR grantee IN
            SELECT DISTINCT a.grantee::regrole::text FROM aclexplode(f.proacl) a
            WHERE a.grantee NOT IN (0, f.proowner, 'voice_worker'::regrole)
        LOOP
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', f.name, grantee);
        END LOOP;
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO voice_worker', f.name);
        IF f.name::regprocedure IN ('voice._metrics()'::regprocedure, 'voice._worker_status()'::regprocedure) THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pg_monitor', f.name);
        END IF;
        IF f.closed OR f.is_trigger OR f.prosecdef THEN
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f.name);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._close_functions() IS 'takes from everybody the functions that are not for everybody';

-- sql/functions/guard.sql

-- Who may do what, in five words instead of forty grants. What is granted is what voice._access_to_tables() and
-- voice._access_to_functions() say: never TRIGGER or REFERENCES (whoever has them runs code as the worker, or reads
-- through a key), never TRUNCATE (row-level security does not see it), never anything on a leaf.

CREATE FUNCTION voice._check_role(role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
        RAISE EXCEPTION 'only superusers decide who may do what'
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = format('The role is %s.', current_user),
                  HINT = 'Ask somebody who may CREATE EXTENSION voice_analytics.';
    ELSIF role IS NULL OR role IN ('', 'public', 'voice_worker') OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role AND r.rolsuper) THEN
        RAISE EXCEPTION 'this role is not one to be given or denied anything'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('The role is %s.', coalesce(quote_literal(role), 'NULL')),
                  HINT = 'Name a role of an application or a person: superusers may do everything, voice_worker owns the tables, '
                         'and what is public is nobody''s secret.';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._check_role(text) IS 'raises the error for a caller or a role that is out of place';

CREATE FUNCTION voice_grant(role text, access text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    item record;
BEGIN
    PERFORM voice._check_role(role);
    IF access IS NULL OR access NOT IN ('reader', 'analyst', 'writer', 'operator', 'admin') THEN
        RAISE EXCEPTION 'there is no such access'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('access is %s.', coalesce(quote_literal(access), 'NULL')),
                  HINT = 'It is reader (transcripts and analytics), analyst (figures and scores), writer (ingest), operator (the worker '
                         'and its queue) or admin (all of these, deletion and erasure).';
    ELSIF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role) THEN
        RAISE EXCEPTION 'there is no such role'
            USING ERRCODE = 'undefined_object', DETAIL = format('The role is %L.', role), HINT = format('CREATE ROLE %I LOGIN', role);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA voice TO %I', role);
    IF NOT has_schema_privilege(role, '@extschema@', 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA @extschema@ TO %I', role);
    END IF;
    FOR item IN
        SELECT t.privileges, t.relation, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
        FROM voice._access_to_tables() t
        JOIN pg_class c ON c.oid = to_regclass(format('voice.%I', t.relation))
        WHERE t.access = voice_grant.access OR (voice_grant.access = 'admin' AND t.access <> '')
    LOOP
        EXECUTE format('GRANT %s ON %s voice.%I TO %I', item.privileges, item.kind, item.relation, role);
    END LOOP;
    FOR item IN
        SELECT p.oid::regprocedure::text AS name
        FROM voice._access_to_functions() f
        JOIN pg_proc p ON p.proname = f.function AND p.pronamespace IN ('voice'::regnamespace, '@extschema@'::regnamespace)
        WHERE voice_grant.access = ANY (f.access) OR (voice_grant.access = 'admin' AND f.access <> '{}')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', item.name, role);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice_grant(text, text) IS
    'lets a role be reader, analyst, writer, operator or admin, beside what it may do already';

CREATE FUNCTION voice_revoke(role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    item record;
BEGIN
    PERFORM voice._check_role(role);
    -- A role that is gone has no privileges; its pin is left to voice_pin_tenant().
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role) THEN
        RETURN;
    END IF;
    FOR item IN
        SELECT format('%s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass) AS name
        FROM pg_class c WHERE c.relnamespace = 'voice'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
    UNION ALL
        SELECT format('FUNCTION %s', p.oid::regprocedure)
        FROM pg_depend d
        JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'voice_analytics'
        JOIN pg_proc p ON p.oid = d.objid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %I', item.name, role);
    END LOOP;
    EXECUTE format('REVOKE ALL ON SCHEMA voice FROM %I', role);
END
$$;
COMMENT ON FUNCTION voice_revoke(text) IS 'takes from a role everything it may do here, leaves included; its pin stays';

-- Roles that may become a superuser, or the owner of the tables, read files, or write what they like into voice._pin, are
-- held by no policy. (Until PostgreSQL 15 CREATEROLE makes anybody a member of anything.)
CREATE FUNCTION voice._why_no_pin_holds(role text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT CASE WHEN r.rolname = $1 THEN '' ELSE format('may become %I, ', r.rolname) END || w.why
    FROM pg_roles r
    CROSS JOIN LATERAL (VALUES
        (1, r.rolsuper, 'a superuser'),
        (2, r.rolbypassrls, 'which has BYPASSRLS'),
        (3, r.rolreplication, 'which has REPLICATION'),
        (4, r.rolcreaterole, 'which has CREATEROLE'),
        (5, EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'voice'::regnamespace AND c.relowner = r.oid), 'which owns tables of voice'),
        (6, r.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'), 'which reads or writes the server''s files'),
        (7, r.rolname = 'pg_write_all_data', 'which writes every table, the pins too')
    ) w(place, is_so, why)
    WHERE w.is_so AND EXISTS (SELECT FROM pg_roles m WHERE m.rolname = $1 AND (m.oid = r.oid OR (NOT m.rolsuper AND pg_has_role(m.oid, r.oid, 'MEMBER'))))
    ORDER BY r.rolname <> $1, w.place, r.rolname LIMIT 1
$$;
COMMENT ON FUNCTION voice._why_no_pin_holds(text) IS 'what lets this role past row-level security or at the pins; NULL: nothing';

-- From what the catalogs say, not from what was asked for: a GRANT by hand is seen too. (The planner overrates it: compiling
-- took ten seconds, running it takes a tenth of one.)
CREATE FUNCTION voice_access(OUT role text, OUT access text[], OUT beyond text[], OUT tenant_id text, OUT is_there boolean)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
BEGIN
    RETURN QUERY
    WITH relations AS MATERIALIZED (
        SELECT c.oid, c.relname, c.relispartition, c.relacl, c.relowner FROM pg_class c
        WHERE c.relnamespace = 'voice'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
    ), granted AS MATERIALIZED (
        SELECT r.relname::text AS relation, r.relispartition, x.grantee, x.privilege_type AS privilege, NULL::text AS "column"
        FROM relations r CROSS JOIN aclexplode(r.relacl) x WHERE x.grantee <> r.relowner
        UNION ALL
        SELECT r.relname::text, r.relispartition, x.grantee, x.privilege_type, a.attname::text
        FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid CROSS JOIN aclexplode(a.attacl) x WHERE x.grantee <> r.relowner
    ), held AS MATERIALIZED (
        SELECT g.grantee, g.relation, g.privilege, bool_or(g.column IS NULL) AS whole,
               coalesce(array_agg(g.column) FILTER (WHERE g.column IS NOT NULL), '{}') AS columns
        FROM granted g GROUP BY 1, 2, 3
    ), grantees AS (
        SELECT DISTINCT g.grantee FROM granted g
    ), wanted AS MATERIALIZED (
        SELECT w.access, w.relation, w.privilege, w.columns FROM voice._access_columns() w
        WHERE to_regclass(format('voice.%I', w.relation)) IS NOT NULL
    ), levels AS MATERIALIZED (
        SELECT e.grantee, w.access
        FROM grantees e CROSS JOIN wanted w
        LEFT JOIN held h ON h.grantee = e.grantee AND h.relation = w.relation AND h.privilege = w.privilege
        GROUP BY 1, 2
        HAVING bool_and(coalesce(h.whole OR w.columns <@ h.columns, false))
    ), extra AS (
        SELECT g.grantee, g.privilege || ' on ' || g.relation || coalesce(' (' || string_agg(g.column, ', ' ORDER BY g.column) || ')', '') AS what
        FROM granted g
        WHERE NOT EXISTS (
            SELECT FROM levels l JOIN wanted w ON w.access = l.access
            WHERE l.grantee = g.grantee AND w.relation = g.relation AND w.privilege = g.privilege
              AND (w.columns IS NULL OR g.column = ANY (w.columns)))
        GROUP BY g.grantee, g.privilege, g.relation, g.column IS NULL
    ), known AS (
        SELECT CASE e.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(e.grantee)::text END AS name, e.grantee FROM grantees e
    ), pins AS MATERIALIZED (
        -- As src/host/pin.rs judges: by oid where it was learnt here, else by name.
        SELECT DISTINCT ON (1) coalesce(r.rolname, p.role) AS role, p.tenant_id
        FROM voice._pin p
        LEFT JOIN pg_roles r ON r.oid = p.role_oid AND p.instance = (SELECT i.id FROM voice._instance i)
        ORDER BY 1, r.oid IS NULL
    )
    SELECT coalesce(k.name, p.role),
           coalesce((SELECT array_agg(l.access ORDER BY l.access) FROM levels l
                     WHERE l.grantee = k.grantee
                       -- An admin is the others too, and a reader an analyst.
                       AND (l.access = 'admin' OR NOT EXISTS (SELECT FROM levels h WHERE h.grantee = k.grantee AND h.access = 'admin'))
                       AND (l.access <> 'analyst' OR NOT EXISTS (SELECT FROM levels h WHERE h.grantee = k.grantee AND h.access = 'reader'))),
                    '{}'),
           coalesce((SELECT array_agg(x.what ORDER BY x.what) FROM extra x WHERE x.grantee = k.grantee), '{}')
               || CASE WHEN p.role IS NOT NULL THEN array_remove(ARRAY[voice._why_no_pin_holds(p.role)], NULL) END,
           p.tenant_id,
           k.grantee IS NOT DISTINCT FROM 0 OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = coalesce(k.name, p.role))
    FROM known k FULL JOIN pins p ON p.role = k.name
    ORDER BY 1;
END
$$;
COMMENT ON FUNCTION voice_access() IS
    'roles with privileges or a pin here: their access, what they have beyond it (GRANTs by hand, and whatever makes a pin useless), their tenant, and whether the role exists';

-- SECURITY DEFINER: a superuser calls, and whatever somebody attached to the table is not to run as one.
CREATE FUNCTION voice._write_pin(role text, tenant text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    -- From here on a row has the name that its role has now.
    PERFORM voice._follow_roles();
    IF tenant IS NULL THEN
        DELETE FROM voice._pin p WHERE p.role = _write_pin.role;
    ELSE
        INSERT INTO voice._pin (role, tenant_id, role_oid, instance)
        SELECT r.rolname, tenant, r.oid, i.id FROM pg_roles r, voice._instance i WHERE r.rolname = _write_pin.role
        ON CONFLICT ON CONSTRAINT _pin_pkey
        DO UPDATE SET tenant_id = EXCLUDED.tenant_id, role_oid = EXCLUDED.role_oid, instance = EXCLUDED.instance;
    END IF;
END
$$;
COMMENT ON FUNCTION voice._write_pin(text, text) IS 'does the work of voice_pin_tenant, as voice_worker';

CREATE FUNCTION voice_pin_tenant(role text, tenant text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    escape text;
BEGIN
    PERFORM voice._check_role(role);
    IF tenant IS NOT NULL AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role) THEN
        RAISE EXCEPTION 'there is no such role'
            USING ERRCODE = 'undefined_object', DETAIL = format('The role is %L.', role), HINT = format('CREATE ROLE %I LOGIN', role);
    END IF;
    escape := CASE WHEN tenant IS NOT NULL THEN voice._why_no_pin_holds(role) END;
    IF escape IS NOT NULL THEN
        RAISE EXCEPTION 'no pin would hold this role'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = CASE WHEN escape LIKE 'may become %' THEN format('The role %I %s.', role, escape)
                                ELSE format('It is %I, %s.', role, escape) END,
                  HINT = CASE WHEN escape LIKE 'may become %' THEN 'REVOKE that membership' ELSE 'Take that away' END
                         || ', or pin another role, of the tenant''s own.';
    END IF;
    PERFORM voice._write_pin(role, tenant);
END
$$;
COMMENT ON FUNCTION voice_pin_tenant(text, text) IS
    'a role that logs in sees this tenant only, whatever it sets; tenant NULL: no pin any more';

-- sql/functions/erase.sql

-- Deleted: hidden everywhere, and it comes back. Erased: gone everywhere, and one row says that something was.
-- Calls are locked before their jobs, as by everybody; the tenant is named beside row-level security.

CREATE FUNCTION voice._no_such_call(call_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'there is no such call'
        USING ERRCODE = 'no_data_found',
              DETAIL = format('Call %s is not among those of tenant "%s".', coalesce(call_id::text, 'NULL'), voice._tenant()),
              HINT = 'The setting voice_analytics.tenant says whose calls are seen.';
END
$$;
COMMENT ON FUNCTION voice._no_such_call(uuid) IS 'raises the error for a call that cannot be deleted or erased';

CREATE FUNCTION voice_delete_call(call_id uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    UPDATE voice.call c SET deleted_at = clock_timestamp()
    WHERE c.id = voice_delete_call.call_id AND c.tenant_id = voice._tenant() AND c.deleted_at IS NULL;
    IF FOUND THEN
        RETURN true;
    ELSIF NOT EXISTS (SELECT FROM voice.call c WHERE c.id = voice_delete_call.call_id AND c.tenant_id = voice._tenant()) THEN
        PERFORM voice._no_such_call(call_id);
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION voice_delete_call(uuid) IS
    'hides a call from every function and from the queue until voice_restore_call(); false: it was hidden already';

-- The trigger that queues calls sees one that comes back, and the worker skips it if nothing has changed.
CREATE FUNCTION voice_restore_call(call_id uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    UPDATE voice.call c SET deleted_at = NULL
    WHERE c.id = voice_restore_call.call_id AND c.tenant_id = voice._tenant() AND c.deleted_at IS NOT NULL;
    IF FOUND THEN
        RETURN true;
    ELSIF NOT EXISTS (SELECT FROM voice.call c WHERE c.id = voice_restore_call.call_id AND c.tenant_id = voice._tenant()) THEN
        PERFORM voice._no_such_call(call_id);
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION voice_restore_call(uuid) IS
    'brings a deleted call back, and queues it if it lacks analytics; false: it was not deleted';

-- The digits of a phone number, however it is written: +1 (212) 555-0142, 0012125550142, sip:+12125550142@host;x=y.
CREATE FUNCTION voice._number(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT regexp_replace(regexp_replace(regexp_replace(regexp_replace($1, '^\s*(sips?|tel):', '', 'i'), '[@;].*$', ''), '[^0-9]', '', 'g'), '^00', '')
$$;
COMMENT ON FUNCTION voice._number(text) IS 'the digits of a phone number, without 00 in front';

CREATE FUNCTION voice._erase(ids uuid[], removed jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    family text;
    erased uuid[];
    counted bigint;
BEGIN
    -- Always in one order, so that two erasures never wait for one another.
    SELECT array_agg(l.id) INTO erased FROM (
        SELECT c.id FROM voice.call c
        WHERE c.id = ANY (ids) AND c.id BETWEEN ids[1] AND ids[cardinality(ids)] AND c.tenant_id = voice._tenant()
        ORDER BY c.id FOR UPDATE) l;
    IF erased IS NULL THEN
        RETURN removed;
    END IF;
    FOREACH family IN ARRAY voice._families() || ARRAY['job', 'dead_job'] LOOP
        EXECUTE format('SELECT count(*) FROM voice.%I f WHERE f.%I = ANY ($1) AND f.%2$I BETWEEN $2 AND $3',
                       family, CASE family WHEN 'call' THEN 'id' ELSE 'call_id' END)
        USING erased, erased[1], erased[cardinality(erased)] INTO counted;
        removed := removed || jsonb_build_object(family, coalesce((removed->>family)::bigint, 0) + counted);
    END LOOP;
    -- Whatever belongs to a call leaves with it: by foreign key, jobs by trigger. The bounds prune to the months.
    DELETE FROM voice.call c WHERE c.id = ANY (erased) AND c.id BETWEEN erased[1] AND erased[cardinality(erased)];
    RETURN removed;
END
$$;
COMMENT ON FUNCTION voice._erase(uuid[], jsonb) IS 'erases calls, ids in order, and counts what was removed';

CREATE FUNCTION voice_erase_call(call_id uuid, OUT what text, OUT count bigint) RETURNS SETOF record
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    removed CONSTANT jsonb := voice._erase(ARRAY[call_id], '{}');
BEGIN
    IF removed = '{}' THEN
        PERFORM voice._no_such_call(call_id);
    END IF;
    INSERT INTO voice.erasure (kind, removed) VALUES ('call', removed);
    RETURN QUERY SELECT r.key, r.value::bigint FROM jsonb_each_text(removed) r ORDER BY r.key;
END
$$;
COMMENT ON FUNCTION voice_erase_call(uuid) IS
    'removes every trace of a call, leaves a row in voice.erasure, and returns how many rows of which table';

-- A number is compared by its digits with that of the caller: who rang, or who was rung. No index knows digits, so this
-- reads every call's numbers once; what it then removes it takes a thousand calls at a time.
CREATE FUNCTION voice_erase_caller(phone_number text, OUT what text, OUT count bigint) RETURNS SETOF record
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    batch CONSTANT int := 1000;
    fewest CONSTANT int := 5;
    number CONSTANT text := voice._number(phone_number);
    removed jsonb := '{"call": 0}';
    ids uuid[];
BEGIN
    IF number IS NULL OR length(number) < fewest THEN
        RAISE EXCEPTION 'this is no phone number'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = format('phone_number is %s, which has fewer than %s digits.', coalesce(quote_literal(phone_number), 'NULL'), fewest),
                  HINT = 'Pass it with its country code, as calls have it: ''+12125550142''. Other callers: voice_erase_call(id).';
    END IF;
    SELECT coalesce(array_agg(c.id ORDER BY c.id), '{}') INTO ids FROM voice.call c
    WHERE c.tenant_id = voice._tenant()
      AND voice._number(CASE c.direction WHEN 'outbound' THEN c.to_number ELSE c.from_number END) = number;
    FOR place IN 1..cardinality(ids) BY batch LOOP
        removed := voice._erase(ids[place:place + batch - 1], removed);
    END LOOP;
    INSERT INTO voice.erasure (kind, removed) VALUES ('caller', removed);
    RETURN QUERY SELECT r.key, r.value::bigint FROM jsonb_each_text(removed) r ORDER BY r.key;
END
$$;
COMMENT ON FUNCTION voice_erase_caller(text) IS
    'erases every call of this caller (digits are compared, with the country code), as voice_erase_call() does one';

-- sql/tables/install.sql

-- Data belongs to the user, code to the extension: tables are created by a function and are not members, so that
-- pg_dump treats them as ordinary ones and DROP EXTENSION refuses while they stand.

CREATE FUNCTION voice_install() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    fresh CONSTANT boolean := to_regclass('voice.call') IS NULL;
BEGIN
    PERFORM voice._install_agent();
    PERFORM voice._install_call();
    PERFORM voice._install_turn();
    PERFORM voice._install_transcript_chunk();
    PERFORM voice._install_tool_call();
    PERFORM voice._install_analytics();
    PERFORM voice._install_attempt();
    PERFORM voice._install_search_document();
    PERFORM voice._install_queue();
    PERFORM voice._install_webhook();
    PERFORM voice._install_daily();
    PERFORM voice._install_state();
    PERFORM voice._install_tenant_limit();
    PERFORM voice._install_pin();
    PERFORM voice._install_erasure();
    -- Data that was there before us is a copy until voice_resume() says otherwise.
    IF fresh THEN
        INSERT INTO voice._state (instance) SELECT id FROM voice._instance ON CONFLICT DO NOTHING;
    END IF;
    PERFORM voice._install_default_leaves();
    PERFORM voice._install_missing_leaves();
    PERFORM @extschema@.voice_create_partitions(3, now() - interval '1 month');
    PERFORM voice._wake();
END
$$;
COMMENT ON FUNCTION voice_install() IS 'creates whatever is missing of the tables (after a partial restore); does nothing otherwise';

DO $$
DECLARE
    relation record;
BEGIN
    PERFORM voice._make_private(r) FROM pg_catalog.unnest('{_instance,_webhook_secret,_rolled_month,metrics,metrics_by_model}'::text[]) t(name),
        pg_catalog.to_regclass('voice.' || t.name) r;
    PERFORM voice._close_functions();
    -- Postgres' own role for whoever watches. The schema's name is no secret; its tables grant it nothing.
    GRANT USAGE ON SCHEMA voice TO pg_monitor;
    GRANT SELECT ON voice.metrics, voice.metrics_by_model TO pg_monitor;
    -- pg_dump's preamble: the tables follow, with their rows, from the dump. Tables of ours would collide with them.
    IF pg_catalog.current_setting('row_security') = 'off' THEN
        RAISE NOTICE 'voice_analytics creates no tables while a dump is being restored (row_security is off)'
            USING HINT = 'If this is no restore: SELECT voice_install()';
        -- Its worker has something to say all the same: that this is a copy.
        PERFORM voice._announce();
        RETURN;
    END IF;
    PERFORM @extschema@.voice_install();
    FOR relation IN
        SELECT c.oid::pg_catalog.regclass AS name, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
        FROM pg_catalog.pg_depend d
        JOIN pg_catalog.pg_extension e ON d.refobjid = e.oid
        JOIN pg_catalog.pg_class c ON d.objid = c.oid
        WHERE e.extname = 'voice_analytics' AND d.deptype = 'e'
          AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
          AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
          AND c.relkind IN ('r', 'p', 'S')
          AND c.oid NOT IN ('voice._instance'::pg_catalog.regclass, 'voice._webhook_secret'::pg_catalog.regclass,
                            'voice._rolled_month'::pg_catalog.regclass)
    LOOP
        EXECUTE pg_catalog.format('ALTER EXTENSION voice_analytics DROP %s %s', relation.kind, relation.name);
    END LOOP;
    PERFORM voice._announce();
END
$$;
