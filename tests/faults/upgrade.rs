//! pg_upgrade, and a base backup that must not speak: the data directory moves, and the installation with it.

use harness::Shutdown;
use harness::stub::StubLlm;
use harness::voice::Voice;

use crate::copies::{checksums, lived_in};
use crate::fixture::{Tally, row};

#[test]
fn pg_upgrade_keeps_every_row_asks_nobody_meanwhile_and_goes_on_by_itself() {
    let stub = StubLlm::start();
    let mut voice = lived_in(&stub);
    let rows = checksums(&voice.cluster, "app");
    // Jobs wait and nothing is paused: whoever let a worker run meanwhile would ask.
    voice.cluster.set("voice_analytics.enabled", "off");
    // A worker that had not heard of the setting yet would ask as soon as the pause ends.
    voice.cluster.restart(Shutdown::Fast);
    voice.client = voice.cluster.connect("app");
    voice.client.batch_execute("SELECT voice_resume()").unwrap();
    voice.state("disabled");
    let before = stub.count();
    voice.cluster.stop(Shutdown::Fast);
    let conf = voice.cluster.data().join("postgresql.auto.conf");
    std::fs::write(&conf, "").unwrap();
    voice.cluster.upgrade();
    assert_eq!(stub.count(), before, "requests during pg_upgrade");
    voice.cluster.start();
    voice.client = voice.cluster.connect("app");
    voice.drained();
    let after = checksums(&voice.cluster, "app");
    let missing: Vec<_> = rows.iter().filter(|(name, ..)| !after.iter().any(|(n, ..)| n == name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let turns = |sums: &[(String, i64, String)]| {
        let of_turns = |(name, ..): &&(String, i64, String)| name.starts_with("turn") || name.starts_with("call");
        sums.iter().filter(of_turns).cloned().collect::<Vec<_>>()
    };
    assert_eq!(turns(&rows), turns(&after));
    let tally = Tally::of_copy(&mut voice, stub.count() - before);
    row("11k", "pg_upgrade with a job waiting (15 to 15)", Some(&tally), "no request during it, continues by itself");
    assert_eq!(tally.requests, 1);
}

#[test]
fn a_base_backup_started_with_enabled_off_asks_nobody() {
    let stub = StubLlm::start();
    let mut voice = lived_in(&stub);
    voice.client.batch_execute("SELECT voice_resume()").unwrap();
    voice.drained();
    voice.cluster.set("voice_analytics.enabled", "off");
    voice.state("disabled");
    voice.call(&[("user", "waiting when the backup was taken")]);
    let base = voice.cluster.folder().join("base");
    let backup = voice.cluster.client("pg_basebackup").args(["-c", "fast", "-D"]).arg(&base).output().unwrap();
    assert!(backup.status.success(), "{}", String::from_utf8_lossy(&backup.stderr));
    let rows = checksums(&voice.cluster, "app");
    let before = stub.count();
    // postgresql.auto.conf came along, and with it the setting; the docs say to set it where it did not.
    let copy = Voice::asking(&stub).start_on(&base);
    assert_eq!(rows, checksums(&copy, "app"));
    let client = copy.connect("app");
    let mut copy = Voice { cluster: copy, client };
    copy.state("disabled");
    copy.client.batch_execute("NOTIFY voice_analytics").unwrap();
    copy.call(&[("user", "hello")]);
    assert_eq!(stub.count(), before, "a request of the copy's");
    copy.cluster.set("voice_analytics.enabled", "on");
    copy.drained();
    let tally = Tally::of_copy(&mut copy, stub.count() - before);
    row("11l", "a base backup started with enabled = off", Some(&tally), "no request before it is on");
    assert_eq!(tally.requests, 2);
}
