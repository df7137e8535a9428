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
