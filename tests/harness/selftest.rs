use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Cluster, Shutdown, processes};

fn plain_cluster() -> Cluster {
    Cluster::builder().without_preloading().start()
}

#[test]
fn committed_rows_survive_every_way_to_stop() {
    let mut cluster = plain_cluster();
    cluster.execute("postgres", "CREATE TABLE kept (how text)");
    for how in [Shutdown::Smart, Shutdown::Fast, Shutdown::Immediate] {
        cluster.execute("postgres", &format!("INSERT INTO kept VALUES ('{how:?}')"));
        cluster.restart(how);
    }
    cluster.execute("postgres", "INSERT INTO kept VALUES ('kill')");
    cluster.kill_postmaster();
    cluster.start();
    let count: i64 = cluster.connect("postgres").query_one("SELECT count(*) FROM kept", &[]).unwrap().get(0);
    assert_eq!(count, 4);
}

#[test]
fn a_panicking_test_leaves_no_process_and_no_folder() {
    let mut seen = None;
    let result = catch_unwind(AssertUnwindSafe(|| {
        let cluster = plain_cluster();
        seen = Some((cluster.postmaster_pid(), cluster.folder().to_owned()));
        panic!("as a failing test does");
    }));
    assert!(result.is_err());
    let (pid, folder) = seen.unwrap();
    assert!(!processes::alive(pid));
    assert!(!folder.exists());
}

#[test]
fn a_setting_given_twice_has_its_last_value() {
    let cluster = Cluster::builder().without_preloading().setting("work_mem", "1MB").setting("work_mem", "7MB").start();
    let value: String = cluster.connect("postgres").query_one("SHOW work_mem", &[]).unwrap().get(0);
    assert_eq!(value, "7MB");
}

#[test]
fn kept_data_outlives_its_cluster_and_its_settings() {
    let folder = std::env::temp_dir().join(format!("voice-kept-{}", std::process::id()));
    let start = |work_mem| Cluster::builder().without_preloading().setting("work_mem", work_mem).start_in(&folder);
    start("7MB").execute("postgres", "CREATE TABLE kept AS SELECT 42 AS n");
    let cluster = start("8MB");
    let row = cluster.connect("postgres").query_one("SELECT n, current_setting('work_mem') FROM kept", &[]).unwrap();
    assert_eq!((row.get(0), row.get(1)), (42, "8MB"));
    drop(cluster);
    std::fs::remove_dir_all(&folder).unwrap();
}
