use crate::voice::Voice;
use harness::Cluster;

#[test]
fn create_extension_without_preloading_works_and_warns_once() {
    let cluster = Cluster::builder().without_preloading().start();
    cluster.create_database("app");
    let (mut client, notices) = cluster.connect_with_notices("app");
    client.batch_execute("CREATE EXTENSION voice_analytics").unwrap();
    let notices = notices.lock().unwrap();
    let warnings: Vec<_> = notices.iter().filter(|notice| notice.severity() == "WARNING").collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].hint().unwrap().contains("shared_preload_libraries"), "{warnings:?}");
}

#[test]
fn a_database_with_the_extension_gets_a_worker() {
    let cluster = Cluster::start_new();
    cluster.create_voice_database("app");
    cluster.worker_pid("app");
}

#[test]
fn errors_of_other_peoples_commands_come_as_without_us() {
    let mut voice = Voice::on(Cluster::builder().environment("RUST_BACKTRACE", "1"));
    voice
        .client
        .batch_execute("CREATE TABLE t (x int CONSTRAINT only_once PRIMARY KEY); INSERT INTO t VALUES (1)")
        .unwrap();
    let setup = "PREPARE p AS INSERT INTO t VALUES (1)";
    voice.client.batch_execute(setup).unwrap();
    let error = voice.client.batch_execute("EXECUTE p").unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.constraint(), Some("only_once"));
    assert_eq!(error.detail(), Some("Key (x)=(1) already exists."));
    let error =
        voice.client.batch_execute("DO $$ BEGIN RAISE 'no' USING HINT = 'try', DETAIL = 'that'; END $$").unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!((error.hint(), error.detail()), (Some("try"), Some("that")));
    assert!(error.where_().unwrap_or_default().contains("inline_code_block"), "{error:?}");
}
