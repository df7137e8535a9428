//! What differs between the major versions of PostgreSQL and users would meet. What a version does not have is skipped, by
//! name.

use std::process::Command;

use harness::stub::StubLlm;
use harness::{Cluster, needs_major};
use postgres::Client;

use crate::voice::Voice;

const NO_MONTH: &str = "now() - interval '3 years'";

/// A call of three years ago and its month, which was a DEFAULT partition before it was swapped in.
fn swap_a_month_in(voice: &mut Voice) {
    let insert = format!(
        "INSERT INTO voice.agent (id, name, vertical) VALUES ('a', 'Ava', 'salon') ON CONFLICT DO NOTHING;
         INSERT INTO voice.call (id, agent_id, started_at, ended_at, status)
         VALUES (voice_uuidv7({NO_MONTH}), 'a', {NO_MONTH}, {NO_MONTH}, 'completed')"
    );
    voice.client.batch_execute(&insert).unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM voice.call_default"), 1);
    voice.client.batch_execute(&format!("SELECT voice_create_partitions(0, {NO_MONTH})")).unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM voice.call_default"), 0);
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Lines of a query of one text column.
fn lines(client: &mut Client, sql: &str) -> Vec<String> {
    client.query(sql, &[]).unwrap().into_iter().map(|row| row.get(0)).collect()
}

/// Tables of the schema for which this role has MAINTAIN.
fn maintains(role: &str) -> String {
    format!(
        "SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'voice'::regnamespace AND c.relkind IN ('r', 'p', 'm')
         AND has_table_privilege('{role}', c.oid, 'MAINTAIN')"
    )
}

#[test]
fn maintain_is_nobodys_whatever_default_privileges_say_and_is_shown_where_it_was_given() {
    if !needs_major(17) {
        return;
    }
    let cluster = Cluster::builder().setting("voice_analytics.enabled", "off").start();
    cluster.create_database("app");
    let mut client = cluster.connect("app");
    let setup = "CREATE ROLE mallory; CREATE ROLE keeper; CREATE ROLE app_admin;
        ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, mallory; CREATE EXTENSION voice_analytics;
        SELECT voice_grant('app_admin', 'admin')";
    client.batch_execute(setup).unwrap();
    let mut voice = Voice { cluster, client };
    swap_a_month_in(&mut voice);
    for role in ["mallory", "keeper", "app_admin"] {
        assert_eq!(voice.count(&maintains(role)), 0, "{role}");
    }
    let granted = "SELECT string_agg(array_to_string(beyond, ','), ';') FROM voice_access() WHERE role IN ('keeper', 'mallory', 'public')";
    assert_eq!(voice.text(granted, &[]), None);
    voice.client.batch_execute("GRANT MAINTAIN ON voice.call TO keeper").unwrap();
    assert_eq!(voice.text(granted, &[]).as_deref(), Some("MAINTAIN on call"));
    voice.client.batch_execute("SELECT voice_revoke('keeper')").unwrap();
    assert_eq!(voice.count(&maintains("keeper")), 0);
    assert_eq!(voice.text(granted, &[]), None);
}

#[test]
fn who_maintains_every_table_reads_none() {
    if !needs_major(17) {
        return;
    }
    let mut voice = Voice::start();
    voice.call(&[("user", "my secret card")]);
    voice.drained();
    voice
        .client
        .batch_execute("CREATE ROLE keeper LOGIN; GRANT pg_maintain TO keeper; GRANT USAGE ON SCHEMA voice TO keeper")
        .unwrap();
    let mut keeper = voice.cluster.connect_as("keeper", "app");
    keeper.batch_execute("VACUUM (ANALYZE) voice.turn").unwrap();
    keeper.batch_execute("REINDEX TABLE voice.analytics").unwrap();
    for table in ["call", "turn", "analytics", "search_document", "_pin"] {
        let error = keeper.batch_execute(&format!("SELECT * FROM voice.{table}")).expect_err(table);
        assert_eq!(error.code().unwrap().code(), "42501", "{table}");
    }
    // What ANALYZE has learnt is no way around: voice.turn keeps no values of text.
    let values = "SELECT count(*) FROM pg_stats WHERE schemaname = 'voice' AND most_common_vals::text LIKE '%secret%'";
    assert_eq!(keeper.query_one(values, &[]).unwrap().get::<_, i64>(0), 0);
}

#[test]
fn maintenance_of_every_kind_works_whatever_search_path_the_server_gives_it() {
    let mut voice = Voice::start();
    voice.call(&[("user", "I want to book an appointment")]);
    voice.drained();
    swap_a_month_in(&mut voice);
    // From 17 on each of these runs with search_path = pg_catalog, pg_temp.
    for (name, query) in [
        ("leads", "SELECT * FROM voice_top_leads(NULL, '-infinity')"),
        ("trend", "SELECT * FROM voice_sentiment_trend('-infinity')"),
        ("tools", "SELECT * FROM voice_tool_stats('-infinity')"),
        ("found", "SELECT * FROM voice_search('appointment')"),
        ("words", "SELECT c.id, voice_transcript(c.id) FROM voice.call c"),
        ("metrics", "SELECT * FROM voice.metrics"),
        ("status", "SELECT * FROM voice_status()"),
    ] {
        voice.client.batch_execute(&format!("CREATE MATERIALIZED VIEW public.{name} AS {query}")).unwrap();
        voice
            .client
            .batch_execute(&format!("REFRESH MATERIALIZED VIEW public.{name}"))
            .unwrap_or_else(|e| panic!("{name}: {e:?}"));
    }
    assert_eq!(voice.count("SELECT count(*) FROM public.found"), 1);
    for command in [
        "VACUUM (ANALYZE)",
        "VACUUM (FULL, ANALYZE) voice.agent",
        "REINDEX SCHEMA voice",
        "REINDEX INDEX CONCURRENTLY voice.agent_pkey",
        "CLUSTER voice.agent USING agent_pkey",
    ] {
        voice.client.batch_execute(command).unwrap_or_else(|e| panic!("{command}: {e:?}"));
    }
    voice.call(&[("user", "and another one")]);
    voice.drained();
    assert_eq!(
        voice.count(
            "SELECT count(*) FROM voice.analytics WHERE agent_id = 'a' AND started_at > now() - interval '1 day'"
        ),
        2
    );
}

#[test]
fn a_membership_that_gives_only_half_keeps_a_pin_off_all_the_same() {
    if !needs_major(16) {
        return;
    }
    let mut voice = Voice::start();
    voice
        .client
        .batch_execute("CREATE ROLE above BYPASSRLS; CREATE ROLE red LOGIN; SELECT voice_grant('red', 'admin')")
        .unwrap();
    // ADMIN alone is enough to give oneself the rest.
    for options in ["INHERIT TRUE, SET FALSE", "INHERIT FALSE, SET TRUE", "ADMIN TRUE, INHERIT FALSE, SET FALSE"] {
        voice.client.batch_execute(&format!("GRANT above TO red WITH {options}")).unwrap();
        let error = voice.client.batch_execute("SELECT voice_pin_tenant('red', 'red')").expect_err(options);
        let error = error.as_db_error().unwrap();
        assert_eq!(error.message(), "no pin would hold this role", "{options}");
        assert!(error.detail().unwrap().contains("may become above"), "{error:?}");
        voice.client.batch_execute("REVOKE above FROM red").unwrap();
    }
    voice.client.batch_execute("SELECT voice_pin_tenant('red', 'red')").unwrap();
    // Given later, it is shown.
    voice.client.batch_execute("GRANT above TO red WITH INHERIT FALSE, SET TRUE").unwrap();
    let shown = "SELECT array_to_string(beyond, ',') FROM voice_access() WHERE role = 'red'";
    assert!(voice.text(shown, &[]).unwrap().contains("may become above"));
}

#[test]
fn a_pin_holds_however_the_role_came_by_what_it_may_do() {
    if !needs_major(16) {
        return;
    }
    let mut voice = Voice::start();
    for tenant in ["red", "blue"] {
        let import = format!(
            "SET voice_analytics.tenant = '{tenant}';
             SELECT voice_import_call('{{\"id\": \"x\", \"agent\": \"{tenant}-agent\", \"turns\": [{{\"role\": \"user\", \"text\": \"words\"}}]}}')"
        );
        voice.client.batch_execute(&import).unwrap();
    }
    voice
        .client
        .batch_execute(
            "RESET voice_analytics.tenant; CREATE ROLE readers; SELECT voice_grant('readers', 'reader'); CREATE ROLE red LOGIN;
             SELECT voice_pin_tenant('red', 'red')",
        )
        .unwrap();
    let agents = "SELECT coalesce(string_agg(id, ','), '') FROM voice.agent";
    for (options, become_it) in [("INHERIT TRUE, SET FALSE", ""), ("INHERIT FALSE, SET TRUE", "SET ROLE readers;")] {
        voice.client.batch_execute(&format!("GRANT readers TO red WITH {options}")).unwrap();
        let mut red = voice.cluster.connect_as("red", "app");
        red.batch_execute(&format!("{become_it} SET voice_analytics.tenant = 'blue'")).unwrap();
        assert_eq!(red.query_one(agents, &[]).unwrap().get::<_, String>(0), "red-agent", "{options}");
        voice.client.batch_execute("REVOKE readers FROM red").unwrap();
    }
    voice.client.batch_execute("GRANT readers TO red WITH INHERIT FALSE, SET FALSE").unwrap();
    let error =
        voice.cluster.connect_as("red", "app").query_one(agents, &[]).expect_err("a membership that gives nothing");
    assert_eq!(error.code().unwrap().code(), "42501");
}

/// Columns that may not be NULL, of each partition and of its table: what one has and the other has not.
const NOT_NULLS_THAT_DIFFER: &str = "SELECT format('%s %s', h.inhrelid::regclass, a.attname)
    FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhparent AND c.relnamespace = 'voice'::regnamespace AND c.relkind = 'p'
    JOIN pg_attribute a ON a.attrelid = h.inhparent AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_attribute l ON l.attrelid = h.inhrelid AND l.attname = a.attname
    WHERE a.attnotnull <> l.attnotnull ORDER BY 1";

/// All constraints of the schema, named NOT NULLs of 18 among them, and how each came to be there.
const CONSTRAINTS: &str = "SELECT format('%s %s %s %s local %s inherited %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid),
    k.convalidated, k.conislocal, k.coninhcount) FROM pg_constraint k WHERE k.connamespace = 'voice'::regnamespace ORDER BY 1";

#[test]
fn months_have_the_not_nulls_of_their_table_made_swapped_in_and_restored() {
    let mut voice = Voice::start();
    swap_a_month_in(&mut voice);
    voice.client.batch_execute("SELECT voice_create_partitions(2)").unwrap();
    assert_eq!(lines(&mut voice.client, NOT_NULLS_THAT_DIFFER), [] as [&str; 0]);
    let before = lines(&mut voice.client, CONSTRAINTS);
    if harness::server_major() >= 18 {
        let named = before.iter().filter(|line| line.contains(" NOT NULL ")).count();
        assert!(named > 100, "{named} named NOT NULLs");
    }
    let dump = voice.cluster.folder().join("app.dump");
    run(voice.cluster.client("pg_dump").args(["-Fc", "-f"]).arg(&dump).arg("app"));
    voice.cluster.create_database("restored");
    run(voice.cluster.client("pg_restore").args(["--exit-on-error", "-d", "restored"]).arg(&dump));
    let client = voice.cluster.connect("restored");
    let mut restored = Voice { client, cluster: voice.cluster };
    assert_eq!(lines(&mut restored.client, CONSTRAINTS), before);
    restored.client.batch_execute("SELECT voice_resume(); SELECT voice_create_partitions(6)").unwrap();
    restored.client.batch_execute("SELECT voice_drop_partitions(interval '2 years')").unwrap();
    assert_eq!(restored.count("SELECT count(*) FROM voice.call"), 0);
    assert_eq!(lines(&mut restored.client, NOT_NULLS_THAT_DIFFER), [] as [&str; 0]);
}

#[test]
fn a_not_null_of_a_dbas_own_name_does_not_keep_months_from_being_made() {
    if !needs_major(18) {
        return;
    }
    let mut voice = Voice::start();
    voice
        .client
        .batch_execute("ALTER TABLE voice.call RENAME CONSTRAINT call_agent_id_not_null TO everybody_has_an_agent")
        .unwrap();
    swap_a_month_in(&mut voice);
    voice.client.batch_execute("SELECT voice_create_partitions(6)").unwrap();
    assert_eq!(lines(&mut voice.client, NOT_NULLS_THAT_DIFFER), [] as [&str; 0]);
    voice.client.batch_execute("SELECT voice_drop_partitions(interval '2 years')").unwrap();
    voice.call(&[("user", "hello")]);
    voice.drained();
    // That maintenance met one of the statements above, and waits for its next round, is no fault.
    let faults = "SELECT last_error FROM voice_status() WHERE last_error <> 'maintenance: canceling statement due to lock timeout'";
    assert_eq!(lines(&mut voice.client, faults), [] as [&str; 0]);
}

#[test]
fn a_call_and_a_late_turn_are_queued_for_their_tenant_whoever_the_session_is_by_then() {
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.enabled", "off"));
    voice.state("disabled");
    voice
        .client
        .batch_execute(
            "CREATE ROLE red LOGIN; CREATE ROLE other; GRANT other TO red; SELECT voice_grant('red', 'writer');
             SELECT voice_pin_tenant('red', 'red')",
        )
        .unwrap();
    let mut red = voice.cluster.connect_as("red", "app");
    let jobs = "SELECT coalesce(string_agg(tenant_id || ' ' || kind, ','), '') FROM voice.job";
    // The triggers fire as whoever wrote; what is done at the commit is done while the session is somebody who may nothing.
    red.batch_execute(
        "INSERT INTO voice.agent (id) VALUES ('red-agent');
         BEGIN; INSERT INTO voice.call (agent_id) VALUES ('red-agent');
         UPDATE voice.call SET status = 'completed'; SET ROLE other; COMMIT; RESET ROLE",
    )
    .unwrap();
    assert_eq!(voice.text(jobs, &[]).unwrap(), "red analyze");
    voice.client.batch_execute("DELETE FROM voice.job").unwrap();
    red.batch_execute(
        "BEGIN; INSERT INTO voice.turn (call_id, role, text) SELECT id, 'user', 'late words' FROM voice.call;
         SET ROLE other; COMMIT; RESET ROLE",
    )
    .unwrap();
    assert_eq!(voice.text(jobs, &[]).unwrap(), "red analyze");
}

#[test]
fn a_deferred_trigger_of_a_roles_own_never_runs_at_the_workers_commit() {
    let mut voice = Voice::start();
    voice
        .client
        .batch_execute(
            "CREATE ROLE mallory LOGIN; CREATE SCHEMA lair AUTHORIZATION mallory; GRANT USAGE ON SCHEMA lair TO PUBLIC;
             GRANT USAGE ON SCHEMA voice TO mallory; GRANT TRIGGER ON ALL TABLES IN SCHEMA voice TO mallory;
             SET SESSION AUTHORIZATION mallory;
             CREATE TABLE lair.seen (who text, what text); GRANT INSERT ON lair.seen TO PUBLIC;
             CREATE FUNCTION lair.climb() RETURNS trigger LANGUAGE plpgsql AS $$
             DECLARE attempt text;
             BEGIN
               FOREACH attempt IN ARRAY ARRAY['SET ROLE postgres', 'RESET SESSION AUTHORIZATION', 'RESET ROLE'] LOOP
                 BEGIN
                   EXECUTE attempt;
                   EXECUTE 'ALTER ROLE mallory SUPERUSER';
                   INSERT INTO lair.seen VALUES (current_user, attempt || ' worked');
                 EXCEPTION WHEN OTHERS THEN
                   INSERT INTO lair.seen VALUES (current_user, attempt || ': ' || SQLERRM);
                 END;
               END LOOP;
               RETURN NULL;
             END $$;
             CREATE CONSTRAINT TRIGGER climb AFTER INSERT ON voice.analytics DEFERRABLE INITIALLY DEFERRED
               FOR EACH ROW EXECUTE FUNCTION lair.climb();
             RESET SESSION AUTHORIZATION",
        )
        .unwrap();
    voice.call(&[("user", "hello")]);
    // It would run at the commit, when nobody is restricted any more: PostgreSQL refuses it, and the attempt says so.
    voice.until("SELECT count(*) > 0 FROM voice.attempt WHERE error LIKE '%cannot fire deferred trigger within security-restricted operation%'");
    assert_eq!(voice.count("SELECT count(*) FROM lair.seen"), 0);
    assert_eq!(voice.count("SELECT count(*) FROM pg_roles WHERE rolname = 'mallory' AND rolsuper"), 0);
}

#[test]
fn the_worker_works_where_no_superuser_of_old_may_log_in() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    voice.client.batch_execute("CREATE ROLE dba SUPERUSER LOGIN").unwrap();
    voice.client = voice.cluster.connect_as("dba", "app");
    voice.client.batch_execute("ALTER ROLE postgres NOLOGIN").unwrap();
    // Launcher and worker are started anew, and connect. A maintenance process may be among them.
    voice.until(
        "SELECT count(pg_terminate_backend(pid)) >= 2 FROM pg_stat_activity WHERE backend_type LIKE 'voice_analytics%'",
    );
    let call = voice.call(&[("user", "hello")]);
    voice.drained();
    assert_eq!(voice.attempts(&call).len(), 1);
    assert_eq!(voice.count("SELECT count(*) FROM pg_roles WHERE rolname = 'voice_worker' AND NOT rolcanlogin"), 1);
    voice.client.batch_execute("SELECT voice_create_partitions(8)").unwrap();
}
