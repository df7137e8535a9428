//! What users and databases bring beside ours never stops a month, a retention or the worker; what cannot be borne is named.

use harness::Cluster;

use crate::voice::Voice;

const LONG_AGO: &str = "now() - interval '3 years'";

/// A call of three years ago, in the DEFAULT partitions.
fn call_of_long_ago(voice: &mut Voice) {
    let sql = format!(
        "INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon') ON CONFLICT DO NOTHING;
         INSERT INTO voice.call (id, agent_id, started_at, ended_at, status)
         VALUES (voice_uuidv7({LONG_AGO}), 'a', {LONG_AGO}, {LONG_AGO}, 'completed')"
    );
    voice.client.batch_execute(&sql).unwrap();
}

#[test]
fn generated_columns_of_a_users_own_do_not_keep_months_from_being_made() {
    let mut voice = Voice::start();
    let columns =
        "ALTER TABLE voice.call ADD COLUMN day date GENERATED ALWAYS AS ((started_at AT TIME ZONE 'UTC')::date) STORED;
        ALTER TABLE voice.analytics ADD COLUMN grade int GENERATED ALWAYS AS (lead_score / 10) STORED,
            ADD COLUMN note text DEFAULT 'x';
        ALTER TABLE voice.call ADD COLUMN recording text COMPRESSION pglz, ALTER recording SET STORAGE EXTERNAL";
    voice.client.batch_execute(columns).unwrap();
    call_of_long_ago(&mut voice);
    // Another month's beside it: it is copied when the DEFAULT becomes a month.
    let stray = "INSERT INTO voice.call (id, agent_id, started_at, ended_at, status)
        SELECT voice_uuidv7(t), 'a', t, t, 'completed' FROM (VALUES (now() + interval '2 years')) v(t)";
    voice.client.batch_execute(stray).unwrap();
    voice.drained();
    voice.client.batch_execute(&format!("SELECT voice_create_partitions(6, {LONG_AGO})")).unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM voice.call_default"), 1);
    let days = "SELECT count(*) FROM voice.call WHERE day = (started_at AT TIME ZONE 'UTC')::date";
    assert_eq!(voice.count(days), 2);
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics WHERE grade = lead_score / 10 AND note = 'x'"), 2);
    // How a column is stored and compressed is the same in the months that were made after it.
    let stored = "SELECT string_agg(DISTINCT attstorage::text || attcompression::text, ' ')
        FROM pg_partition_tree('voice.call') p JOIN pg_attribute a ON a.attrelid = p.relid WHERE attname = 'recording'";
    assert_eq!(voice.text(stored, &[]).as_deref(), Some("ep"));
    voice.client.batch_execute("SELECT voice_drop_partitions(interval '2 years')").unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM voice.call"), 1);
}

#[test]
fn a_foreign_key_of_a_users_own_is_named_where_it_keeps_a_month() {
    let mut voice = Voice::start();
    call_of_long_ago(&mut voice);
    voice.client.batch_execute(&format!("SELECT voice_create_partitions(1, {LONG_AGO})")).unwrap();
    let deal = "CREATE SCHEMA crm; CREATE TABLE crm.deal (id serial PRIMARY KEY, call_id uuid CONSTRAINT of_a_call REFERENCES voice.call)";
    voice.client.batch_execute(deal).unwrap();
    // New months come all the same.
    voice.client.batch_execute("SELECT voice_create_partitions(8)").unwrap();
    voice
        .client
        .batch_execute(&format!("SELECT voice_create_partitions(1, {LONG_AGO} - interval '2 months')"))
        .unwrap();
    let swap = format!("SELECT voice_create_partitions(1, {LONG_AGO} - interval '1 year')");
    let stranded = format!(
        "INSERT INTO voice.call (id, agent_id, started_at, ended_at, status)
         SELECT voice_uuidv7(t), 'a', t, t, 'completed' FROM (VALUES ({LONG_AGO} - interval '1 year')) v(t)"
    );
    voice.client.batch_execute(&stranded).unwrap();
    for statement in ["SELECT voice_drop_partitions(interval '2 years')", &swap] {
        let error = voice.client.batch_execute(statement).expect_err(statement);
        let error = error.as_db_error().unwrap();
        // Many months are made in the background: what it met is the detail.
        let says = format!("{} {}", error.message(), error.detail().unwrap());
        assert!(
            says.contains("no month can leave while other tables refer to calls: of_a_call of crm.deal"),
            "{error:?}"
        );
    }
    voice
        .client
        .batch_execute("ALTER DATABASE app SET voice_analytics.retention = '2 years'; SELECT pg_reload_conf()")
        .unwrap();
    voice.until("SELECT coalesce(last_error LIKE '%of_a_call of crm.deal%', false) FROM voice_status()");
    voice.client.batch_execute("ALTER TABLE crm.deal DROP CONSTRAINT of_a_call").unwrap();
    voice.client.batch_execute(&swap).unwrap();
    voice.client.batch_execute("SELECT voice_drop_partitions(interval '2 years')").unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM voice.call"), 0);
}

#[test]
fn the_reason_names_a_trigger_of_somebody_elses_that_keeps_results_from_being_stored() {
    let mut voice = Voice::start();
    let trigger = "CREATE FUNCTION public.to_crm() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN CREATE TEMP TABLE seen (id uuid); RETURN NULL; END $$;
        CREATE TRIGGER tell_crm AFTER INSERT ON voice.analytics FOR EACH ROW EXECUTE FUNCTION public.to_crm()";
    voice.client.batch_execute(trigger).unwrap();
    let call = voice.call(&[("user", "hello")]);
    let names_it = "LIKE '%security-restricted operation (these triggers are not of voice_analytics: tell_crm on voice.analytics)'";
    voice.until(&format!("SELECT coalesce(last_error {names_it} OR reason {names_it}, false) FROM voice_status()"));
    voice.until(&format!("SELECT count(*) > 0 FROM voice.attempt WHERE error {names_it}"));
    voice
        .client
        .batch_execute(
            "DROP TRIGGER tell_crm ON voice.analytics; UPDATE voice.job SET run_at = now(); NOTIFY voice_analytics",
        )
        .unwrap();
    voice.until("SELECT count(*) = 1 FROM voice.analytics");
    assert!(voice.attempts(&call).len() > 1);
}

#[test]
fn settings_that_a_database_may_have_change_nothing() {
    let mut voice = Voice::on(Cluster::builder());
    let mut settings =
        vec!["standard_conforming_strings = off", "escape_string_warning = on", "quote_all_identifiers = on"];
    // What no transaction of a busy machine keeps to is the worker's to ignore; the session here has its own.
    let mut session = voice.cluster.config("app");
    if voice.count("SELECT current_setting('server_version_num')::bigint") >= 170_000 {
        settings.push("transaction_timeout = '1ms'");
        session.options("-c transaction_timeout=0");
    }
    for setting in &settings {
        voice.client.batch_execute(&format!("ALTER DATABASE app SET {setting}")).unwrap();
    }
    // The worker begins anew with them, as at a restart; it may not have begun at all yet.
    voice.until(
        "SELECT count(pg_terminate_backend(pid)) = 1 FROM pg_stat_activity WHERE backend_type = 'voice_analytics worker'",
    );
    voice.client = voice.cluster.try_connect(&session).unwrap();
    call_of_long_ago(&mut voice);
    voice.call(&[("user", "it's a \\ backslash and 100% of it, 212-555-0142")]);
    voice.drained();
    voice.client.batch_execute(&format!("SELECT voice_create_partitions(6, {LONG_AGO})")).unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM voice.call_default"), 0);
    assert_eq!(voice.count("SELECT count(*) FROM voice_search('backslash')"), 1);
    voice
        .client
        .batch_execute("CREATE ROLE r; SELECT voice_grant('r', 'admin'); SELECT * FROM voice_access()")
        .unwrap();
    let dropped = voice.count("SELECT count(*) FROM voice_drop_partitions(interval '2 years')");
    assert!(dropped > 0 && dropped % 8 == 0, "{dropped} partitions, eight a month");
    voice
        .client
        .batch_execute("ALTER DATABASE app SET voice_analytics.partition_months_ahead = 9; SELECT pg_reload_conf()")
        .unwrap();
    voice.until("SELECT months_ahead = 9 FROM voice_status()");
    assert_eq!(voice.text("SELECT last_error FROM voice_status()", &[]), None);
}

#[test]
fn beside_citus_in_the_same_database_calls_are_analysed_as_ever() {
    if !harness::has_library("citus") {
        harness::skipped("there is no Citus");
        return;
    }
    let cluster = Cluster::builder().setting("shared_preload_libraries", "citus,voice_analytics").start();
    cluster.create_database("app");
    let mut client = cluster.connect("app");
    client.batch_execute("CREATE EXTENSION citus").unwrap();
    client.batch_execute("CREATE EXTENSION voice_analytics").unwrap();
    let mut voice = Voice { cluster, client };
    voice.call(&[("user", "hello"), ("assistant", "goodbye")]);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
    assert!(voice.count("SELECT count(*) FROM voice_create_partitions(6)") > 0);
}
