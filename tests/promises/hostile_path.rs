//! Every function, called by somebody whose search path begins with a schema full of functions, operators and tables named
//! as Postgres' own.

use crate::voice::Voice;

/// Functions and operators of pg_catalog over common types, in schema lair; each counts that it was called, and by whom
/// does not matter: none may be.
const LAIR: &str = "
CREATE SCHEMA lair;
CREATE SEQUENCE lair.hit;
CREATE FUNCTION lair.touched() RETURNS void LANGUAGE sql AS $$ SELECT pg_catalog.setval('lair.hit'::pg_catalog.regclass, 7) $$;
DO $make$
DECLARE
    common CONSTANT oid[] := '{text,uuid,timestamptz,timestamp,int2,int4,int8,float8,float4,numeric,jsonb,bool,interval,name,oid,bytea,
                               regclass,\"text[]\",\"uuid[]\",tsvector,tsquery,regconfig}'::regtype[];
    thing record;
BEGIN
    FOR thing IN
        SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, p.prorettype::regtype AS result,
               array_to_string(ARRAY(SELECT t::regtype FROM unnest(p.proargtypes) t), ', ') AS types
        FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset AND p.proallargtypes IS NULL
          AND p.provariadic = 0 AND p.prorettype = ANY (common) AND p.proargtypes::oid[] <@ common AND p.pronargs <= 4
    LOOP
        EXECUTE format('CREATE FUNCTION lair.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', thing.proname, thing.types, thing.result,
                       'BEGIN PERFORM lair.touched(); RETURN NULL; END');
    END LOOP;
    FOR thing IN
        SELECT o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, o.oprresult::regtype AS result,
               'op_' || o.oid AS name, o.oprleft = 0 AS prefix
        FROM pg_operator o
        WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND (o.oprleft = 0 OR o.oprleft = ANY (common)) AND o.oprright = ANY (common)
          AND o.oprresult = ANY (common)
    LOOP
        EXECUTE format('CREATE FUNCTION lair.%I(%s%s) RETURNS %s LANGUAGE plpgsql AS %L', thing.name,
                       CASE WHEN NOT thing.prefix THEN thing.l || ', ' END, thing.r, thing.result,
                       'BEGIN PERFORM lair.touched(); RETURN NULL; END');
        EXECUTE format('CREATE OPERATOR lair.%s (%s RIGHTARG = %s, FUNCTION = lair.%I)', thing.oprname,
                       CASE WHEN NOT thing.prefix THEN format('LEFTARG = %s,', thing.l) END, thing.r, thing.name);
    END LOOP;
END
$make$;
CREATE TABLE lair.call (id uuid, tenant_id text); CREATE TABLE lair.turn (id bigint); CREATE TABLE lair.analytics (call_id uuid);
CREATE TABLE lair.agent (id text); CREATE TABLE lair.job (id bigint); CREATE TABLE lair.pg_class (oid oid);
CREATE TEMP TABLE call (id uuid, tenant_id text); CREATE TEMP TABLE pg_proc (oid oid); CREATE TEMP TABLE _pin (role text);
";

#[test]
fn nothing_of_a_hostile_search_path_runs() {
    let builder = harness::Cluster::builder().setting("voice_analytics.enabled", "off").setting("wal_level", "logical");
    let mut voice = Voice::on(builder);
    voice
        .client
        .batch_execute("INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon'); CREATE ROLE someone LOGIN")
        .unwrap();
    voice.client.batch_execute(LAIR).unwrap();
    let seen = |voice: &mut Voice| voice.count("SELECT pg_catalog.count(*) FROM lair.hit WHERE is_called");
    assert!(voice.count("SELECT pg_catalog.count(*) FROM pg_catalog.pg_operator WHERE oprnamespace OPERATOR(pg_catalog.=) 'lair'::pg_catalog.regnamespace") > 200);
    let call = "01890000-0000-7000-8000-00000000000a";
    voice.client.batch_execute("SET search_path = lair, pg_catalog, public").unwrap();
    let statements = [
        "SELECT voice_uuidv7()",
        "SELECT voice_uuid_at('2026-11-24')",
        &format!("SELECT voice_uuid_time('{call}')"),
        &format!("INSERT INTO voice.call (id, agent_id, started_at, from_number) VALUES ('{call}', 'a', public.voice_uuid_time('{call}'), '+12125550142')"),
        &format!("INSERT INTO voice.turn (call_id, role, text) VALUES ('{call}', 'user', 'plain words')"),
        "SELECT voice_start_call('a', '+12125550143', '+2', external_id => 'x')",
        "SELECT voice_start_call('a', '+12125550143', '+2', external_id => 'x')",
        &format!("SELECT voice_add_turn('{call}', 'user', 'hello there', transcription_ms => 3)"),
        &format!("SELECT voice_add_turn('{call}', 'robot', 'hello there')"),
        &format!("SELECT voice_add_chunk('{call}', voice_add_turn('{call}', 'user', ''), 1, 'a piece', true)"),
        &format!("SELECT voice_finish_turn('{call}', pg_catalog.currval('voice.turn_id_seq'::pg_catalog.regclass))"),
        &format!("SELECT voice_finish_turn('{call}', pg_catalog.currval('voice.turn_id_seq'::pg_catalog.regclass), 'words')"),
        &format!("SELECT voice_add_tool_call('{call}', 'book', '{{}}', '{{}}', 5)"),
        &format!("SELECT voice_end_call('{call}')"),
        &format!("UPDATE voice.call SET end_reason = 'x' WHERE id OPERATOR(pg_catalog.=) '{call}'"),
        "SELECT voice_import_call('{\"id\": \"i\", \"turns\": [{\"role\": \"user\", \"text\": \"card\"}], \"tool_calls\": [{\"name\": \"x\"}]}')",
        "SELECT voice_import_call('{\"id\": \"i\", \"turns\": [{\"role\": \"user\", \"text\": \"card\"}]}')",
        "SELECT voice_import('voice', '{\"id\": \"j\", \"turns\": [{\"role\": \"user\", \"text\": \"card\"}]}')",
        "SELECT voice_import('voice', '{\"id\": \"j\", \"turns\": [{\"role\": \"user\", \"text\": \"card\"}, {\"role\": \"user\", \"text\": \"more\"}]}')",
        "SELECT voice_imports('voice', ARRAY['{\"id\": \"k\", \"turns\": [{\"role\": \"user\", \"text\": \"card\"}]}']::pg_catalog.jsonb[])",
        "SELECT voice_receive_secret('retell', 'key_of_an_account')",
        "SELECT voice_receive_secret('retell', 'key_of_another', overlap => '1 day')",
        "SELECT voice_import('voice', '{\"id\": \"s\", \"turns\": [], \"scores\": {\"sentiment\": 0.5, \"lead_score\": 50, \"entities\": {}}}')",
        "SELECT voice_receive('retell', '{}', '{}')",
        &format!("SELECT voice_export('{call}')"),
        &format!("SELECT voice_export('{call}', 'voice')"),
        &format!(
            "INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action)
             VALUES ('{call}', '2023-06-25 12:00+00', 0.5, 80, 'a', 'salon', 'sales', 'm', 'v', 's', 'n')"
        ),
        "SELECT voice_define_analysis('booking', '{\"type\": \"object\", \"properties\": {\"day\": {\"type\": \"string\", \"format\": \"date\", \"description\": \"x\"}}}', vertical => 'Salon')",
        "SELECT voice_define_analysis('booking', '{\"type\": \"object\", \"properties\": {\"day\": {\"type\": \"integer\", \"description\": \"x\"}}}', vertical => 'none')",
        &format!(
            "INSERT INTO voice.result (call_id, started_at, agent_id, vertical, analysis, version, model, prompt_version, \"values\", criteria, evidence)
             VALUES ('{call}', '2023-06-25 12:00+00', 'a', 'salon', 'booking', 1, 'm', 'p', '{{\"day\": \"2026-01-01\"}}',
                     '{{\"x\": {{\"verdict\": \"pass\", \"points\": 3, \"max\": 5}}}}', '[{{\"claim\": \"values.day\", \"turn\": 1}}]')"
        ),
        "SELECT * FROM voice_analyses()",
        "SELECT * FROM voice_results('booking', '-infinity')",
        "SELECT * FROM voice_results('booking', '2020-01-01', 1, 'salon')",
        &format!("SELECT * FROM voice_evidence('{call}')"),
        "SELECT * FROM voice_scorecard('2023-06-01')",
        "SELECT * FROM voice_scorecard('-infinity', 'day')",
        "SELECT voice_report()",
        "SELECT voice_report_data(pg_catalog.now() OPERATOR(pg_catalog.-) interval '300 days', 'salon', 'a')",
        "SELECT voice_create_view('booking')",
        "SELECT voice_backfill(name => 'booking', stale => true)",
        "SELECT voice_trial(model => 'x')",
        "SELECT voice_trial_report(1)",
        &format!("SELECT voice_label('{call}', 0.5, 50, 'sales', '{{\"booking\": {{\"day\": 1}}}}', '{{}}', 'c', 'anna')"),
        &format!("SELECT voice_label('{call}', 0.4, labeller => 'ben')"),
        "SELECT voice_label_sample(5, '-infinity', by => 'random', labels_per_call => 3)",
        "SELECT voice_label_sample(5, '-infinity', by => 'stratified')",
        "SELECT voice_label_sample(5, '-infinity', by => 'doubt')",
        "SELECT * FROM voice_next_to_label(labeller => 'carla')",
        "SELECT * FROM voice_agreement('-infinity')",
        "SELECT * FROM voice_agreement('-infinity', by => 'week')",
        "SELECT * FROM voice_drift('2023-06-25', '2020-01-01')",
        "SELECT * FROM voice_live()",
        "SELECT voice_add_alert('transfers', 'transfer_share', '>', 0.5, '30 minutes', '{\"agent_id\": \"a\"}', 1)",
        "SELECT voice_add_alert('booked', 'success_rate', '<', 0.5, '3 hours', '{\"analysis\": \"booking\", \"vertical\": \"salon\"}', 1)",
        "SELECT voice_add_alert('slow', 'e2e_p95_ms', '>', 2000, '1 day')",
        "SELECT voice_add_alert('quiet', 'volume', '<', 0.5, '3 hours')",
        "SELECT voice_add_alert('cost', 'cost', '>', 5)",
        "SELECT voice_add_alert('tools', 'tool_failure_rate', '>', 0.5)",
        "SELECT voice_add_alert('unhappy', 'negative_share', '>', 0.5)",
        "SELECT voice_add_alert('moved', 'drift', '>', 0.2)",
        "SELECT voice_add_alert('dead', 'dead_jobs', '>=', 0)",
        "SELECT voice._sum_up_alert_hours('2023-06-25 14:00+00', '1 second')",
        "SELECT voice._measure_alert_drift('2023-06-25 14:00+00')",
        "SELECT voice._evaluate_alerts('2023-06-25 12:30+00')",
        "SELECT a.name, h.* FROM voice_alerts() a, voice_alert_history(a.name, '2023-06-25 12:00+00', '2023-06-25 13:00+00') h",
        "SELECT voice_silence_alert('dead', 'infinity')",
        "SELECT voice_remove_alert('dead')",
        "SELECT * FROM voice_cost('-infinity')",
        "SELECT * FROM voice_list_prices()",
        "SELECT * FROM voice_cost('-infinity', 'vertical')",
        "SELECT * FROM voice_progress()",
        "SELECT voice_retire_analysis('booking')",
        &format!("INSERT INTO voice.search_document (call_id, document) VALUES ('{call}', 'plain')"),
        &format!("SELECT voice_import_scores('{{\"call_id\": \"{call}\", \"sentiment\": 0.5, \"lead_score\": 50, \"computed_at\": \"2026-01-01T00:00:00Z\"}}')"),
        &format!("SELECT voice_transcript('{call}', 1000, true)"),
        "SELECT * FROM voice_top_leads('salon', '-infinity')",
        "SELECT * FROM voice_top_leads(NULL, '2020-01-01')",
        "SELECT * FROM voice_sentiment_trend('-infinity', 'a', 'week')",
        "SELECT * FROM voice_search('plain', '-infinity', 'salon')",
        "SELECT * FROM voice_tool_stats('-infinity')",
        "SELECT * FROM voice_tool_stats('-infinity', approximate => true)",
        "SELECT * FROM voice_status()",
        "SELECT * FROM voice_stale_calls('0', '-infinity')",
        "SELECT voice_end_stale_calls('0', '-infinity')",
        "SELECT voice_pause('x')",
        "SELECT voice_resume()",
        &format!("SELECT voice_reanalyze('{call}')"),
        &format!("INSERT INTO voice.dead_job (id, call_id, attempts, kind) VALUES (1, '{call}', 1, 'analyze')"),
        "SELECT voice_requeue_dead(3)",
        "SELECT voice_limit_tenant('red', 2, 60, 0.5)",
        "SELECT * FROM voice_budgets()",
        "SELECT voice_limit_tenant('red')",
        "SELECT * FROM voice_create_partitions(5, '2026-01-01')",
        "SELECT voice_install()",
        "SELECT voice_backfill('2020-01-01', 'salon', 10, true)",
        "SELECT voice_backfill(dry_run => true)",
        "SELECT voice_rollup('2023-06-25')",
        "SELECT voice_rollup()",
        "SELECT * FROM voice_drop_partitions('50 years')",
        "SELECT * FROM voice_add_webhook('https://127.0.0.1/x')",
        "SELECT voice_enable_webhook('01890000-0000-7000-8000-00000000000b')",
        "SELECT voice_remove_webhook('01890000-0000-7000-8000-00000000000b')",
        "SELECT voice_schedule()",
        "SELECT voice_unschedule()",
        "SELECT * FROM voice.metrics",
        "SELECT * FROM voice.metrics_by_model",
        "SELECT voice_grant('someone', 'admin')",
        "SELECT voice_pin_tenant('someone', 'red')",
        "SELECT * FROM voice_access()",
        "SELECT voice_pin_tenant('someone', NULL)",
        "SELECT voice_revoke('someone')",
        &format!("SELECT voice_delete_call('{call}')"),
        &format!("SELECT voice_restore_call('{call}')"),
        &format!("SELECT * FROM voice_erase_call('{call}')"),
        "SELECT * FROM voice_erase_caller('+1 212 555 0143')",
        "SELECT voice_send_tenant('')",
        "SELECT voice_hold_tenant('')",
        "SELECT voice_hold_tenant('')",
        "SELECT voice_tenant_print('')",
        "SELECT voice_receive_tenant(pg_catalog.jsonb_set(voice_tenant_print(''), '{instance}', '\"01890000-0000-7000-8000-00000000000a\"'))",
        "SELECT voice_release_tenant('', true)",
        "SELECT voice_release_tenant('')",
        "SELECT voice_receive_tenant(pg_catalog.jsonb_set(voice_tenant_print(''), '{instance}', '\"01890000-0000-7000-8000-00000000000a\"'))",
        "INSERT INTO voice._receiving (tenant_id) VALUES ('') ON CONFLICT DO NOTHING",
        "SELECT voice_tenant_arrived('', voice_tenant_print(''))",
        "SELECT voice_forget_tenant('')",
        "DELETE FROM voice.call",
    ];
    for sql in statements {
        // Refusals are as good: they run their own code.
        let refused = [
            "robot",
            "_webhook(",
            "schedule(",
            "voice_receive(",
            "voice_trial",
            "voice_create_view(",
            "voice_receive_tenant(",
            "voice_tenant_arrived(",
        ];
        if let Err(error) = voice.client.batch_execute(sql) {
            assert!(refused.iter().any(|word| sql.contains(word)), "{sql}: {error:?}");
        }
        assert_eq!(seen(&mut voice), 0, "code of the search path ran in {sql}");
    }
    // Every function that people call is among them.
    let functions = "SELECT p.proname::pg_catalog.text FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_depend d
                     ON d.objid OPERATOR(pg_catalog.=) p.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'
                     WHERE p.pronamespace OPERATOR(pg_catalog.=) 'public'::pg_catalog.regnamespace
                       AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass";
    let functions: Vec<String> =
        voice.client.query(functions, &[]).unwrap().into_iter().map(|row| row.get(0)).collect();
    assert!(functions.len() > 25, "{functions:?}");
    for function in functions {
        assert!(statements.iter().any(|sql| sql.contains(&format!("{function}("))), "{function} was not tried");
    }
    // And the lair does bite.
    voice.client.batch_execute("SELECT 'a'::text = 'b'::text").unwrap();
    assert_eq!(seen(&mut voice), 1);
}
