-- What people say of calls, one row a person and call, and the calls that wait for people. Rows leave with their call, as those
-- of trials do: no foreign key, so that a month can leave; triggers look after the rest. No statement that asks a model reads these tables.

-- A label is of a call of its tenant. The call is locked as a foreign key would: it cannot be erased meanwhile.
-- SECURITY DEFINER: locking a call takes more than a labeller may. By the id and tenant of the row, never the session's.
CREATE FUNCTION voice._check_labelled_call() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    PERFORM FROM voice.call c WHERE c.id = NEW.call_id AND c.tenant_id = NEW.tenant_id FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such call'
            USING ERRCODE = 'foreign_key_violation',
                  DETAIL = format('Call %s is not among those of tenant "%s".', NEW.call_id, NEW.tenant_id),
                  HINT = 'The setting voice_analytics.tenant says whose calls are seen.';
    END IF;
    RETURN NEW;
END
$$;
ALTER FUNCTION voice._check_labelled_call() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._check_labelled_call() FROM PUBLIC;
COMMENT ON FUNCTION voice._check_labelled_call() IS 'refuses a label of a call that its tenant does not have';

-- SECURITY DEFINER: a labeller may not write how many labels a call has.
CREATE FUNCTION voice._label_written() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    -- In the order of the index, so that two people never wait for one another.
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM voice.label_task t WHERE t.call_id = NEW.call_id ORDER BY t.sample_id FOR UPDATE;
        -- The lease ends with the label: a call that wants another one is free for another person.
        UPDATE voice.label_task t
        SET labels = t.labels + 1,
            leased_by = CASE WHEN t.leased_by <> NEW.labeller THEN t.leased_by END,
            leased_until = CASE WHEN t.leased_by <> NEW.labeller THEN t.leased_until END
        WHERE t.call_id = NEW.call_id;
    ELSE
        PERFORM FROM voice.label_task t WHERE t.call_id = OLD.call_id ORDER BY t.sample_id FOR UPDATE;
        UPDATE voice.label_task t SET labels = t.labels - 1 WHERE t.call_id = OLD.call_id AND t.labels > 0;
    END IF;
    RETURN NULL;
END
$$;
ALTER FUNCTION voice._label_written() OWNER TO voice_worker;
REVOKE EXECUTE ON FUNCTION voice._label_written() FROM PUBLIC;
COMMENT ON FUNCTION voice._label_written() IS 'counts the labels of a call that waits for people';

CREATE FUNCTION voice._install_label() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.label') IS NULL THEN
        CREATE TABLE voice.label (
            call_id uuid NOT NULL,
            labelled_at timestamptz NOT NULL DEFAULT now(),
            sentiment double precision CONSTRAINT label_sentiment_in_range CHECK (sentiment BETWEEN -1 AND 1),
            lead_score smallint CONSTRAINT label_lead_score_in_range CHECK (lead_score BETWEEN 0 AND 100),
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            labeller text NOT NULL DEFAULT session_user CONSTRAINT label_labeller_not_empty CHECK (labeller <> ''),
            intent text CONSTRAINT label_intent_known CHECK (intent IN ('info', 'booking', 'complaint', 'sales', 'support', 'none')),
            "values" jsonb CONSTRAINT label_values_is_an_object CHECK (jsonb_typeof("values") = 'object'),
            criteria jsonb CONSTRAINT label_criteria_is_an_object CHECK (jsonb_typeof(criteria) = 'object'),
            comment text,
            CONSTRAINT label_says_something CHECK (num_nonnulls(sentiment, lead_score, intent, "values", criteria, comment) > 0),
            PRIMARY KEY (call_id, labeller)
        );
        -- Agreement asks for the labels of a stretch of time.
        CREATE INDEX label_labelled_at_idx ON voice.label (tenant_id, labelled_at);
        CREATE TRIGGER check_call BEFORE INSERT OR UPDATE OF call_id, tenant_id ON voice.label
            FOR EACH ROW EXECUTE FUNCTION voice._check_labelled_call();
        CREATE TRIGGER written AFTER INSERT OR DELETE ON voice.label FOR EACH ROW EXECUTE FUNCTION voice._label_written();
        PERFORM voice._make_private('voice.label');
        PERFORM voice._enable_tenant_rls('voice.label');
        COMMENT ON TABLE voice.label IS 'what people say of calls, one row a person: voice_label(); never sent to a model';
        COMMENT ON COLUMN voice.label.labeller IS 'who says so: a person''s name or, without one, the role that had logged in';
        COMMENT ON COLUMN voice.label.sentiment IS 'the caller''s, from -1 (angry) to 1 (delighted); NULL: not said, as in the columns after it';
        COMMENT ON COLUMN voice.label.lead_score IS '0 (no interest) to 100 (ready to buy)';
        COMMENT ON COLUMN voice.label.intent IS 'info, booking, complaint, sales, support or none';
        COMMENT ON COLUMN voice.label."values" IS 'by analysis and property: {"booking": {"service": "cut"}}';
        COMMENT ON COLUMN voice.label.criteria IS 'by analysis and criterion: "pass", "fail" or "not_applicable", or points: {"booking": {"greeting": "pass", "clarity": 4}}';
        COMMENT ON COLUMN voice.label.comment IS 'whatever else there is to say; alone: the call cannot be labelled';
    END IF;
    IF to_regclass('voice.label_sample') IS NULL THEN
        CREATE SEQUENCE IF NOT EXISTS voice.label_sample_id_seq;
        CREATE TABLE voice.label_sample (
            id bigint NOT NULL DEFAULT nextval('voice.label_sample_id_seq'),
            created_at timestamptz NOT NULL DEFAULT now(),
            since timestamptz NOT NULL,
            until timestamptz NOT NULL,
            seed bigint NOT NULL,
            candidates int NOT NULL CONSTRAINT label_sample_candidates_not_negative CHECK (candidates >= 0),
            calls int NOT NULL CONSTRAINT label_sample_calls_not_negative CHECK (calls >= 0),
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            created_by text NOT NULL DEFAULT session_user,
            method text NOT NULL CONSTRAINT label_sample_method_known CHECK (method IN ('random', 'stratified', 'doubt')),
            PRIMARY KEY (id)
        );
        CREATE INDEX label_sample_tenant_id_idx ON voice.label_sample (tenant_id);
        PERFORM voice._make_private('voice.label_sample_id_seq');
        PERFORM voice._make_private('voice.label_sample');
        PERFORM voice._enable_tenant_rls('voice.label_sample');
        ALTER SEQUENCE voice.label_sample_id_seq OWNED BY voice.label_sample.id;
        COMMENT ON TABLE voice.label_sample IS 'samples of calls that people are asked to label: voice_label_sample()';
        COMMENT ON COLUMN voice.label_sample.candidates IS 'of how many calls it was drawn';
        COMMENT ON COLUMN voice.label_sample.calls IS 'how many calls were drawn';
        COMMENT ON COLUMN voice.label_sample.seed IS 'the same seed draws the same of the same candidates';
        COMMENT ON COLUMN voice.label_sample.method IS 'random, stratified or doubt; what doubt has drawn says nothing of all calls';
        COMMENT ON COLUMN voice.label_sample.created_by IS 'the role that had logged in';
    END IF;
    IF to_regclass('voice.label_task') IS NULL THEN
        CREATE TABLE voice.label_task (
            sample_id bigint NOT NULL,
            call_id uuid NOT NULL,
            leased_until timestamptz,
            doubt double precision CONSTRAINT label_task_doubt_in_range CHECK (doubt BETWEEN 0 AND 1),
            place int NOT NULL,
            stratum_calls int,
            wanted smallint NOT NULL DEFAULT 1 CONSTRAINT label_task_wanted_in_range CHECK (wanted BETWEEN 1 AND 100),
            labels smallint NOT NULL DEFAULT 0 CONSTRAINT label_task_labels_not_negative CHECK (labels >= 0),
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            leased_by text,
            stratum text,
            PRIMARY KEY (sample_id, call_id)
        );
        CREATE INDEX label_task_call_id_idx ON voice.label_task (call_id);
        CREATE INDEX label_task_open_idx ON voice.label_task (tenant_id, sample_id, place) WHERE labels < wanted;
        PERFORM voice._make_private('voice.label_task');
        PERFORM voice._enable_tenant_rls('voice.label_task');
        COMMENT ON TABLE voice.label_task IS 'calls of a sample that wait for people, or were labelled: voice_next_to_label()';
        COMMENT ON COLUMN voice.label_task.place IS 'in which order people get them: of random and stratified samples a random one, so that the first ones are a sample too';
        COMMENT ON COLUMN voice.label_task.stratum IS 'within which the call was drawn, each call of it as likely as any other; NULL: by doubt';
        COMMENT ON COLUMN voice.label_task.stratum_calls IS 'how many calls the stratum had: a labelled call stands for that number over those of the stratum that were labelled';
        COMMENT ON COLUMN voice.label_task.doubt IS '0 to 1: how far its judgements contradict each other; NULL: not asked';
        COMMENT ON COLUMN voice.label_task.wanted IS 'how many people are to label it';
        COMMENT ON COLUMN voice.label_task.labels IS 'how many have, kept true by a trigger';
        COMMENT ON COLUMN voice.label_task.leased_by IS 'the person who has it now; NULL: nobody';
        COMMENT ON COLUMN voice.label_task.leased_until IS 'from then on another person may get it';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._install_label() IS 'creates voice.label, voice.label_sample and voice.label_task if they are missing';
