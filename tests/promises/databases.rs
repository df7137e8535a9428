use crate::voice::{SOON, Voice};
use harness::stub::{Reply, StubLlm};
use harness::wait_until;

#[test]
fn drop_extension_takes_the_worker_along_and_create_extension_brings_it_back() {
    let mut voice = Voice::start();
    voice.cluster.worker_pid("app");
    voice.client.batch_execute("DROP EXTENSION voice_analytics CASCADE").unwrap();
    let gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'voice_analytics worker'";
    voice.client.batch_execute("NOTIFY voice_analytics").unwrap();
    voice.until(gone);
    voice.client.batch_execute("DROP SCHEMA IF EXISTS voice CASCADE; CREATE EXTENSION voice_analytics").unwrap();
    voice.call(&[("user", "hello")]);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
}

#[test]
fn create_extension_rolled_back_leaves_no_worker_and_no_trace() {
    let voice = Voice::start();
    voice.cluster.create_database("fresh");
    let mut fresh = voice.cluster.connect("fresh");
    fresh.batch_execute("BEGIN; CREATE EXTENSION voice_analytics; ROLLBACK").unwrap();
    let schemas: i64 =
        fresh.query_one("SELECT count(*) FROM pg_namespace WHERE nspname = 'voice'", &[]).unwrap().get(0);
    assert_eq!(schemas, 0);
    fresh.batch_execute("CREATE EXTENSION voice_analytics").unwrap();
    drop(fresh);
    voice.cluster.worker_pid("fresh");
}

#[test]
fn an_extension_that_was_created_in_a_prepared_transaction_gets_its_worker_with_the_first_call_that_ends() {
    let mut fresh = Voice::on(harness::Cluster::builder().setting("max_prepared_transactions", 1));
    fresh.cluster.worker_pid("app");
    // A worker that finds no extension leaves, and is not started again until somebody announces one.
    fresh.client.batch_execute("DROP EXTENSION voice_analytics CASCADE; DROP SCHEMA IF EXISTS voice CASCADE").unwrap();
    fresh.client.batch_execute("NOTIFY voice_analytics").unwrap();
    fresh.until("SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'voice_analytics worker'");
    fresh.client.batch_execute("BEGIN; CREATE EXTENSION voice_analytics; PREPARE TRANSACTION 'installed'").unwrap();
    fresh.client.batch_execute("COMMIT PREPARED 'installed'").unwrap();
    fresh.call(&[("user", "hello")]);
    fresh.drained();
    assert_eq!(fresh.count("SELECT count(*) FROM voice.analytics"), 1);
}

#[test]
fn a_terminated_worker_comes_back_and_loses_nothing() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::hang());
    let mut voice = Voice::with_llm(&stub);
    voice.call(&[("user", "hello")]);
    stub.wait_for(1, SOON);
    let pid = voice.cluster.worker_pid("app");
    stub.answer_always(Reply::analysis());
    voice.client.execute("SELECT pg_terminate_backend($1)", &[&pid]).unwrap();
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
    wait_until("a new worker", SOON, || (voice.cluster.worker_pid("app") != pid).then_some(()));
}

#[test]
fn too_few_worker_processes_are_said_in_the_log_and_harm_nobody() {
    let mut voice = Voice::on(harness::Cluster::builder().setting("max_worker_processes", 3));
    // The launcher and Postgres' own for logical replication leave room for one.
    for name in ["second", "third"] {
        voice.cluster.create_voice_database(name);
    }
    voice.cluster.wait_for_log("no free background worker for database", SOON);
    assert!(voice.cluster.log().contains("Raise max_worker_processes"));
    voice.call(&[("user", "hello")]);
    voice.drained();
    assert!(!voice.cluster.log().contains("terminated by signal"));
    // Room again: the next in line gets its worker.
    voice.client.batch_execute("DROP EXTENSION voice_analytics CASCADE").unwrap();
    voice.client.batch_execute("NOTIFY voice_analytics").unwrap();
    voice.client = voice.cluster.connect("postgres");
    voice.until(
        "SELECT count(*) >= 1 FROM pg_stat_activity WHERE backend_type = 'voice_analytics worker' AND datname <> 'app'",
    );
}

#[test]
fn a_database_that_is_not_utf8_is_refused_with_the_way_out() {
    let voice = Voice::start();
    let mut client = voice.cluster.connect("postgres");
    client.batch_execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").unwrap();
    let error = voice.cluster.connect("latin").batch_execute("CREATE EXTENSION voice_analytics").unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "55000");
    assert!(error.detail().unwrap().contains("LATIN1") && error.hint().unwrap().contains("ENCODING"));
}
