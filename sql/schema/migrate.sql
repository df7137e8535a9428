-- Tables are no members of the extension, so ALTER EXTENSION UPDATE does not change them by itself, and a dump of an older
-- version brings them as they were. Both come up to date by the same numbered steps: voice._migrate_NNNN() takes the tables
-- from schema version NNNN - 1 to NNNN, does nothing where that is done already, and never changes after its release.
-- voice._state.schema_version says how far the tables are; 0.1.0 knew no such column and is 1.
-- sql/upgrade/ runs the steps after ALTER EXTENSION UPDATE, voice_install() (and so voice_resume()) after a restore.

CREATE FUNCTION voice._schema_version() RETURNS int
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    -- By way of JSON, for the column may not be there. No row: a dump without data; each step looks for itself.
    RETURN coalesce((SELECT (to_jsonb(s)->>'schema_version')::int FROM voice._state s), 1);
END
$$;
COMMENT ON FUNCTION voice._schema_version() IS 'the schema version of the tables, as voice._state remembers it';

CREATE FUNCTION voice._latest_schema_version() RETURNS int
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT max(right(p.proname, 4)::int) FROM pg_proc p
    WHERE p.pronamespace = 'voice'::regnamespace AND p.proname ~ '^_migrate_[0-9]{4}$'
$$;
COMMENT ON FUNCTION voice._latest_schema_version() IS 'the schema version that this version of the extension works with';

CREATE FUNCTION voice._migrate() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    step int;
BEGIN
    FOR step IN
        SELECT right(p.proname, 4)::int FROM pg_proc p
        WHERE p.pronamespace = 'voice'::regnamespace AND p.proname ~ '^_migrate_[0-9]{4}$'
          AND right(p.proname, 4)::int > voice._schema_version()
        ORDER BY 1
    LOOP
        EXECUTE format('SELECT voice.%I()', '_migrate_' || lpad(step::text, 4, '0'));
        UPDATE voice._state SET schema_version = step;
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._migrate() IS 'brings the tables of an older version up to date; all of them must be there';

-- Who had an access before has it to what is new as well: the two functions below, called by the steps.
CREATE FUNCTION voice._grant_with(neighbour text, functions text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT DISTINCT x.grantee::regrole::text AS grantee, f.oid::regprocedure::text AS function
        FROM pg_proc n CROSS JOIN LATERAL aclexplode(n.proacl) x
        JOIN pg_proc f ON f.proname = ANY (functions) AND f.pronamespace IN ('@extschema@'::regnamespace, 'voice'::regnamespace)
        WHERE n.proname = neighbour AND n.pronamespace = '@extschema@'::regnamespace
          AND x.privilege_type = 'EXECUTE' AND x.grantee NOT IN (0, n.proowner, 'voice_worker'::regrole)
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', item.function, item.grantee);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._grant_with(text, text[]) IS 'grants these functions to whoever was granted their neighbour';

-- A privilege that one access has, and those that have less have not, says who has it.
CREATE FUNCTION voice._grant_relations(relations text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    item record;
BEGIN
    FOR item IN
        WITH held AS (
            SELECT c.relname::text AS relation, NULL::name AS col, x.privilege_type AS privilege, x.grantee
            FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) x WHERE c.relnamespace = 'voice'::regnamespace AND x.grantee NOT IN (0, c.relowner)
            UNION ALL
            SELECT c.relname::text, a.attname, x.privilege_type, x.grantee
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid CROSS JOIN LATERAL aclexplode(a.attacl) x
            WHERE c.relnamespace = 'voice'::regnamespace AND x.grantee NOT IN (0, c.relowner)
        )
        SELECT DISTINCT t.privileges, t.relation, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, h.grantee::regrole::text AS grantee
        FROM (VALUES ('reader', 'analytics', NULL, 'SELECT'), ('analyst', 'analytics', 'lead_score', 'SELECT'),
                     ('operator', 'dead_job', NULL, 'DELETE'), ('admin', 'webhook', NULL, 'INSERT')) s(access, relation, col, privilege)
        JOIN held h ON h.relation = s.relation AND h.col IS NOT DISTINCT FROM s.col AND h.privilege = s.privilege
        -- A labeller's, too: 0.1.0 had none, but admins.
        JOIN voice._access_to_tables() t ON t.access = s.access OR (s.access = 'admin' AND t.access = 'labeller')
        JOIN pg_class c ON c.oid = to_regclass(format('voice.%I', t.relation))
        WHERE t.relation = ANY (relations)
    LOOP
        EXECUTE format('GRANT %s ON %s voice.%I TO %s', item.privileges, item.kind, item.relation, item.grantee);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._grant_relations(text[]) IS 'grants what each access is to these tables and sequences to whoever has that access';

-- 0.2.0
CREATE FUNCTION voice._migrate_0002() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'voice._state'::regclass AND attname = 'schema_version') THEN
        ALTER TABLE voice._state ADD COLUMN schema_version int NOT NULL DEFAULT 1;
        COMMENT ON COLUMN voice._state.schema_version IS 'how far the tables are: the number of the last voice._migrate_NNNN() that was run';
    END IF;
    -- A job that is neither an analysis nor a delivery is none of those that wait for a model.
    IF EXISTS (SELECT 1 FROM pg_index i WHERE i.indexrelid = to_regclass('voice.job_waiting_idx')
               AND pg_get_expr(i.indpred, i.indrelid) NOT LIKE '%kind%') THEN
        DROP INDEX voice.job_waiting_idx;
        CREATE INDEX job_waiting_idx ON voice.job (priority, tenant_id, run_at, id) WHERE lease IS NULL AND kind = 'analyze';
    END IF;
    COMMENT ON COLUMN voice.daily.hot_leads IS 'analyzed calls with a lead score of 80 or more and intent sales';
END
$$;
COMMENT ON FUNCTION voice._migrate_0002() IS 'voice._state remembers the schema version; a hot lead is one everywhere';

-- 0.2.0
CREATE FUNCTION voice._migrate_0003() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    grantee text;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'voice.call'::regclass AND attname = 'cost' AND NOT attisdropped) THEN
        ALTER TABLE voice.call ADD COLUMN cost numeric, ADD COLUMN cost_currency text;
        COMMENT ON COLUMN voice.call.cost IS 'what the provider charged for the call, in cost_currency';
        COMMENT ON COLUMN voice.call.cost_currency IS 'as ISO 4217 writes it: USD';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'voice.turn'::regclass AND attname = 'speaker' AND NOT attisdropped) THEN
        ALTER TABLE voice.turn ADD COLUMN speaker text;
        COMMENT ON COLUMN voice.turn.speaker IS 'who spoke, where the role does not say it: human_agent (a person on the agent''s side, role system)';
        PERFORM voice._keep_words_out_of_statistics(t.relid) FROM pg_partition_tree('voice.turn') t;
    END IF;
    -- Who was a writer or an admin is one of the new columns and functions too.
    FOR grantee IN
        SELECT DISTINCT x.grantee::regrole::text FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) x
        WHERE a.attrelid = 'voice.call'::regclass AND a.attname = 'meta' AND x.privilege_type = 'UPDATE' AND x.grantee <> 0
    LOOP
        EXECUTE format('GRANT SELECT (cost, cost_currency), UPDATE (cost, cost_currency) ON voice.call TO %s', grantee);
        EXECUTE format('GRANT UPDATE (speaker) ON voice.turn TO %s', grantee);
        EXECUTE format('GRANT EXECUTE ON FUNCTION @extschema@.voice_receive(text, jsonb, text, jsonb) TO %s', grantee);
    END LOOP;
    FOR grantee IN
        SELECT DISTINCT x.grantee::regrole::text FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) x
        WHERE p.oid = '@extschema@.voice_enable_webhook(uuid, text, text)'::regprocedure
          AND x.grantee NOT IN (0, p.proowner, 'voice_worker'::regrole)
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION @extschema@.voice_receive(text, jsonb, text, jsonb), '
                       '@extschema@.voice_receive_secret(text, text, interval) TO %s', grantee);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._migrate_0003() IS 'what a call cost, and who spoke a turn where its role does not say it';

-- 0.2.0
CREATE FUNCTION voice._migrate_0004() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'voice.attempt'::regclass AND attname = 'mended' AND NOT attisdropped) THEN
        ALTER TABLE voice.attempt ADD COLUMN mended boolean;
        COMMENT ON COLUMN voice.attempt.mended IS 'true: the model''s answer did not hold to the form that was asked for, and was read all the same; else NULL';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._migrate_0004() IS 'which answers of models did not hold to their form';

-- 0.2.0. No table changes. Functions whose result is another now were dropped and made anew, without the grants that they
-- had: whoever has their neighbours has them again, and the functions that came with them.
CREATE FUNCTION voice._migrate_0005() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    PERFORM voice._grant_with('voice_start_call', '{voice_add_turn,voice_add_tool_call,voice_add_chunk,voice_finish_turn,voice_stale_calls,'
                                                  'voice_end_stale_calls,_check_turn,_last_word_at}');
    PERFORM voice._grant_with('voice_requeue_dead', '{voice_pause,voice_resume,voice_limit_tenant,voice_status,_claim_ownership}');
    PERFORM voice._grant_with('voice_transcript', '{_streamed_words,_turn_words,_turn_speaker,voice_stale_calls,_last_word_at}');
    PERFORM voice._grant_with('voice_sentiment_trend', '{voice_top_leads}');
    PERFORM voice._grant_with('voice_enable_webhook', '{voice_remove_webhook,voice_import_scores,_import_scores,_check_scores,voice_erase_caller}');
END
$$;
COMMENT ON FUNCTION voice._migrate_0005() IS 'grants again what was granted of functions that return a value now, and voice_import_scores to admins';

-- 0.2.0
CREATE FUNCTION voice._migrate_0006() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    grantee text;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'voice.turn'::regclass AND attname = 'external_id' AND NOT attisdropped) THEN
        ALTER TABLE voice.turn ADD COLUMN external_id text;
        ALTER TABLE voice.tool_call ADD COLUMN external_id text;
        COMMENT ON COLUMN voice.turn.external_id IS 'the client''s own id of the turn: voice_add_turn() adds it once';
        COMMENT ON COLUMN voice.tool_call.external_id IS 'the id of the tool call in the agent''s program: voice_add_tool_call() adds it once';
        PERFORM voice._keep_words_out_of_statistics(t.relid) FROM pg_partition_tree('voice.turn') t;
        PERFORM voice._keep_words_out_of_statistics(t.relid) FROM pg_partition_tree('voice.tool_call') t;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'voice.analytics'::regclass AND attname = 'contact_number' AND NOT attisdropped) THEN
        ALTER TABLE voice.analytics ADD COLUMN contact_number text, ADD COLUMN external_id text;
        COMMENT ON COLUMN voice.analytics.contact_number IS 'the number of the other party: who rang or, of an outbound call, who was rung';
        COMMENT ON COLUMN voice.analytics.external_id IS 'copy of the call''s, kept true by a trigger';
        COMMENT ON COLUMN voice.analytics.announced IS 'which webhooks were to be told what of this call (webhook id, event): each once, however often it is judged; and what they were told last (webhook id, #hash)';
        PERFORM voice._keep_words_out_of_statistics(t.relid) FROM pg_partition_tree('voice.analytics') t;
        -- Leads that somebody may still ring; others get theirs when they are judged again.
        UPDATE voice.analytics a
        SET contact_number = voice._contact_number(c.direction, c.from_number, c.to_number), external_id = c.external_id
        FROM voice.call c
        WHERE c.id = a.call_id AND a.lead_score >= 50 AND a.call_id >= @extschema@.voice_uuid_at(now() - interval '90 days');
        DROP TRIGGER copy_to_analytics ON voice.call;
        CREATE TRIGGER copy_to_analytics AFTER UPDATE OF agent_id, started_at, deleted_at, from_number, to_number, direction, external_id ON voice.call
            FOR EACH ROW
            WHEN (NEW.agent_id <> OLD.agent_id OR NEW.started_at <> OLD.started_at
                  OR NEW.from_number IS DISTINCT FROM OLD.from_number OR NEW.deleted_at IS DISTINCT FROM OLD.deleted_at
                  OR NEW.to_number IS DISTINCT FROM OLD.to_number OR NEW.direction <> OLD.direction
                  OR NEW.external_id IS DISTINCT FROM OLD.external_id)
            EXECUTE FUNCTION voice._copy_to_analytics();
        ALTER TABLE voice.webhook DROP CONSTRAINT webhook_events_known, ADD CONSTRAINT webhook_events_known
            CHECK (events <@ '{lead.hot,call.analyzed,call.updated}' AND cardinality(events) > 0);
        COMMENT ON COLUMN voice.webhook.events IS 'lead.hot: an analysis with at least min_lead_score and one of the intents; call.analyzed: every analysis; call.updated: the webhook was told of the call, and now it is judged differently';
    END IF;
    -- Words are not refused for a clock: voice._chunk_written() puts these right.
    ALTER TABLE voice.transcript_chunk DROP CONSTRAINT IF EXISTS transcript_chunk_ends_after_it_starts,
        DROP CONSTRAINT IF EXISTS transcript_chunk_confidence_is_a_share;
    FOR grantee IN
        SELECT DISTINCT x.grantee::regrole::text FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) x
        WHERE a.attrelid = 'voice.call'::regclass AND a.attname = 'meta' AND x.privilege_type = 'UPDATE' AND x.grantee <> 0
    LOOP
        EXECUTE format('GRANT SELECT (external_id), UPDATE (external_id) ON voice.turn, voice.tool_call TO %s', grantee);
    END LOOP;
    -- Who was an analyst.
    FOR grantee IN
        SELECT DISTINCT x.grantee::regrole::text FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) x
        WHERE a.attrelid = 'voice.analytics'::regclass AND a.attname = 'lead_score' AND x.privilege_type = 'SELECT' AND x.grantee <> 0
    LOOP
        EXECUTE format('GRANT SELECT (external_id) ON voice.analytics TO %s', grantee);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._migrate_0006() IS 'turns and tool calls have an id of the client''s; no word is refused for a clock; leads have the number to ring';

-- 0.2.0. The new tables are made by voice_install(), their months and DEFAULT partitions after this step.
CREATE FUNCTION voice._migrate_0007() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'voice.analytics'::regclass AND attname = 'evidence' AND NOT attisdropped) THEN
        ALTER TABLE voice.analytics
            ADD COLUMN evidence jsonb CONSTRAINT analytics_evidence_is_an_array CHECK (jsonb_typeof(evidence) = 'array'),
            ADD COLUMN unsupported smallint CONSTRAINT analytics_unsupported_not_negative CHECK (unsupported >= 0);
        COMMENT ON COLUMN voice.analytics.evidence IS 'array of {"claim", "turn", "quote", "speaker", "supported"}: voice_evidence(); NULL: none was given';
        COMMENT ON COLUMN voice.analytics.unsupported IS 'how many claims of evidence do not stand in the transcript as quoted; NULL: none was given';
        PERFORM voice._keep_words_out_of_statistics(t.relid) FROM pg_partition_tree('voice.analytics') t;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'voice.daily'::regclass AND attname = 'analyses_passed' AND NOT attisdropped) THEN
        ALTER TABLE voice.daily ADD COLUMN analyses_passed bigint NOT NULL DEFAULT 0, ADD COLUMN analyses_failed bigint NOT NULL DEFAULT 0;
        COMMENT ON COLUMN voice.daily.analyses_passed IS 'results of those calls with success pass, of the newest version of each analysis: voice.daily_result';
        COMMENT ON COLUMN voice.daily.analyses_failed IS 'the same, with success fail';
    END IF;
    IF to_regclass('voice.job_one_trial_a_call_idx') IS NULL THEN
        CREATE INDEX job_trial_waiting_idx ON voice.job (priority, tenant_id, run_at, id) WHERE lease IS NULL AND kind = 'trial';
        CREATE UNIQUE INDEX job_one_trial_a_call_idx ON voice.job (call_id, event) WHERE kind = 'trial';
        ALTER TABLE voice.dead_job DROP CONSTRAINT dead_job_kind_known,
            ADD CONSTRAINT dead_job_kind_known CHECK (kind IN ('analyze', 'deliver', 'trial'));
        ALTER TABLE voice.attempt DROP CONSTRAINT attempt_kind_known,
            ADD CONSTRAINT attempt_kind_known CHECK (kind IN ('analyze', 'deliver', 'trial')),
            DROP CONSTRAINT attempt_outcome_known, ADD CONSTRAINT attempt_outcome_known
                CHECK (outcome IN ('ok', 'part', 'skipped', 'stale', 'failed', 'snoozed', 'dead', 'discarded'));
        COMMENT ON COLUMN voice.attempt.outcome IS 'ok; part: one of the requests of an attempt that takes several, before its last; skipped: nothing had changed; stale: the transcript changed meanwhile; failed: it will be tried again; snoozed: the same, and not counted, for the LLM server or the configuration was to blame; dead: it will not; discarded: somebody else was faster';
        COMMENT ON COLUMN voice.job.event IS 'of a delivery: what it tells; of a trial: its id';
        COMMENT ON COLUMN voice.dead_job.event IS 'of a delivery: what it told; of a trial: its id';
        COMMENT ON TABLE voice.attempt IS 'every attempt to analyse a call, to try another analysis of it or to tell a webhook of it, and what came of it';
        COMMENT ON COLUMN voice.attempt.event IS 'of a delivery: what it told; of a trial: its id';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'voice.webhook'::regclass AND attname = 'only_if' AND NOT attisdropped) THEN
        ALTER TABLE voice.webhook ADD COLUMN only_if jsonb
            CONSTRAINT webhook_only_if_names_an_analysis CHECK (jsonb_typeof(only_if->'analysis') = 'string');
        COMMENT ON COLUMN voice.webhook.only_if IS 'of lead.hot: only calls whose newest result of this analysis is so: {"analysis", "success", "min_score", "values"}; NULL: all';
    END IF;
    PERFORM voice._grant_relations('{analysis,result,trial,trial_result,trial_id_seq,daily_result,analytics}');
    PERFORM voice._grant_with('voice_transcript', '{voice_results,_results,voice_evidence,voice_create_view,_create_view,_typed_column,_date,voice_scorecard,_counted_results,_result_sums,'
                                                  '_zone,voice_analyses,_no_such_analysis,voice_trial_report,_trial_differs}');
    PERFORM voice._grant_with('voice_sentiment_trend', '{voice_results,_results,voice_scorecard,_counted_results,_result_sums,_zone,voice_analyses,_no_such_analysis}');
    PERFORM voice._grant_with('voice_requeue_dead', '{voice_backfill,_estimate_tokens,_applying_definitions,_user_turns,voice_trial,voice_analyses,_no_such_analysis}');
    PERFORM voice._grant_with('voice_enable_webhook', '{voice_add_webhook,_add_webhook,voice_define_analysis,voice_retire_analysis,_check_definition}');
END
$$;
COMMENT ON FUNCTION voice._migrate_0007() IS 'analyses are defined, their results kept, evidence and trials with them';

-- 0.2.0. The new tables are made by voice_install(). Nobody is a labeller yet.
CREATE FUNCTION voice._migrate_0008() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    PERFORM voice._grant_relations('{label,label_sample,label_task,label_sample_id_seq}');
    PERFORM voice._grant_with('voice_evidence', '{voice_agreement,_agreement}');
    PERFORM voice._grant_with('voice_scorecard', '{voice_drift,_drift}');
    PERFORM voice._grant_with('voice_requeue_dead', '{voice_trial}');
    PERFORM voice._grant_with('voice_enable_webhook', '{voice_label,_check_label,voice_next_to_label,voice_label_sample,_most_doubtful,_draw_sample,_doubt}');
END
$$;
COMMENT ON FUNCTION voice._migrate_0008() IS 'people label calls, and judgements are measured against what they say';

-- 0.2.0. The new table is made by voice_install().
CREATE FUNCTION voice._migrate_0009() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF (SELECT pg_get_expr(i.indpred, i.indrelid) NOT LIKE '%live%' FROM pg_index i WHERE i.indexrelid = to_regclass('voice.job_trial_waiting_idx')) THEN
        DROP INDEX voice.job_trial_waiting_idx, voice.job_one_trial_a_call_idx;
        CREATE INDEX job_trial_waiting_idx ON voice.job (priority, tenant_id, run_at, id) WHERE lease IS NULL AND kind IN ('trial', 'live');
        CREATE UNIQUE INDEX job_one_trial_a_call_idx ON voice.job (call_id, event) WHERE kind IN ('trial', 'live');
        COMMENT ON TABLE voice.job IS 'the queue: work to be done for calls that have ended, and looks at those in progress';
        COMMENT ON COLUMN voice.job.priority IS '0: calls that have just ended; 5: looks at calls in progress; 10: backfill. The lower goes first, within its kind';
        COMMENT ON COLUMN voice.job.event IS 'of a delivery: what it tells; of a trial: its id; of a look at a call in progress: look';
        ALTER TABLE voice.dead_job DROP CONSTRAINT dead_job_kind_known,
            ADD CONSTRAINT dead_job_kind_known CHECK (kind IN ('analyze', 'deliver', 'trial', 'live'));
        ALTER TABLE voice.attempt DROP CONSTRAINT attempt_kind_known,
            ADD CONSTRAINT attempt_kind_known CHECK (kind IN ('analyze', 'deliver', 'trial', 'live'));
        COMMENT ON TABLE voice.attempt IS 'every attempt to analyse a call, to look at it while it goes on, to try another analysis of it or to tell a webhook of it, and what came of it';
        ALTER TABLE voice.webhook DROP CONSTRAINT webhook_events_known, ADD CONSTRAINT webhook_events_known
            CHECK (events <@ '{lead.hot,call.analyzed,call.updated,call.live,call.alert}' AND cardinality(events) > 0);
        COMMENT ON COLUMN voice.webhook.events IS 'lead.hot: an analysis with at least min_lead_score and one of the intents; call.analyzed: every analysis; call.updated: the webhook was told of the call, and now it is judged differently; call.live: every look at a call in progress; call.alert: a look that raised an alert';
    END IF;
    PERFORM voice._grant_relations('{live}');
    PERFORM voice._grant_with('voice_transcript', '{voice_live}');
END
$$;
COMMENT ON FUNCTION voice._migrate_0009() IS 'calls in progress are looked at, and webhooks told of it';

-- 0.2.0. The new tables are made by voice_install().
CREATE FUNCTION voice._migrate_0011() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.dead_job_tenant_id_died_at_idx') IS NULL THEN
        CREATE INDEX dead_job_tenant_id_died_at_idx ON voice.dead_job (tenant_id, died_at);
        COMMENT ON COLUMN voice.job.call_id IS 'of the delivery of an alert: the id of the row of voice.alert_event';
        ALTER TABLE voice.webhook DROP CONSTRAINT webhook_events_known, ADD CONSTRAINT webhook_events_known
            CHECK (events <@ '{lead.hot,call.analyzed,call.updated,call.live,call.alert,alert.raised,alert.cleared}' AND cardinality(events) > 0);
        COMMENT ON COLUMN voice.webhook.events IS 'lead.hot: an analysis with at least min_lead_score and one of the intents; call.analyzed: every analysis; call.updated: the webhook was told of the call, and now it is judged differently; call.live: every look at a call in progress; call.alert: a look that raised an alert; alert.raised, alert.cleared: a rate that is watched, voice_add_alert()';
    END IF;
    PERFORM voice._grant_relations('{alert,alert_event}');
    PERFORM voice._grant_with('voice_sentiment_trend', '{voice_alerts,voice_alert_history}');
    PERFORM voice._grant_with('voice_requeue_dead', '{voice_alerts,voice_silence_alert}');
    PERFORM voice._grant_with('voice_enable_webhook', '{voice_add_alert,voice_remove_alert}');
END
$$;
COMMENT ON FUNCTION voice._migrate_0011() IS 'rates are watched, and webhooks told of them';

-- What an extension script creates is a member of the extension at first.
CREATE FUNCTION voice._release_tables() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
DECLARE
    relation record;
BEGIN
    FOR relation IN
        SELECT c.oid::regclass AS name, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
        FROM pg_depend d
        JOIN pg_extension e ON d.refobjid = e.oid
        JOIN pg_class c ON d.objid = c.oid
        WHERE e.extname = 'voice_analytics' AND d.deptype = 'e'
          AND d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_class'::regclass
          AND c.relkind IN ('r', 'p', 'S')
          AND c.oid NOT IN ('voice._instance'::regclass, 'voice._webhook_secret'::regclass, 'voice._receive_secret'::regclass, 'voice._rolled_month'::regclass,
                        'voice._sending'::regclass, 'voice._receiving'::regclass, 'voice._move_mark'::regclass)
    LOOP
        EXECUTE format('ALTER EXTENSION voice_analytics DROP %s %s', relation.kind, relation.name);
    END LOOP;
END
$$;
COMMENT ON FUNCTION voice._release_tables() IS 'makes the tables the user''s: what holds data is no member of the extension';
