//! Standbys: one that takes over with jobs in flight, and one that is waited for in vain.

use std::time::{Duration, Instant};

use harness::Shutdown;
use harness::stub::Reply;
use harness::voice::{SOON, Voice};

use crate::fixture::Fixture;
use crate::standby;

const CALLS: usize = 20;

#[test]
fn a_promoted_standby_finishes_what_its_primary_had_begun() {
    let mut primary = Fixture::start();
    let base = primary.voice.cluster.folder().join("base");
    let backup = primary.voice.cluster.client("pg_basebackup").args(["-R", "-c", "fast", "-D"]).arg(&base).output();
    let backup = backup.unwrap();
    assert!(backup.status.success(), "{}", String::from_utf8_lossy(&backup.stderr));
    let standby = Voice::asking(&primary.stub).start_on(&base);
    let client = standby.connect("app");
    let mut standby = Voice { cluster: standby, client };

    primary.stub.answer_always(Reply::analysis().held());
    primary.calls_end(CALLS);
    primary.asked(16);
    let behind = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn IS DISTINCT FROM pg_current_wal_lsn()";
    primary.voice.until(&format!("SELECT ({behind}) = 0 AND EXISTS (SELECT FROM pg_stat_replication)"));
    // All of it is there, the claims included, and the standby asks nobody.
    assert_eq!(standby.count("SELECT count(*) FROM voice.job WHERE lease IS NOT NULL"), 16);
    let worker = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'voice_analytics worker'";
    assert_eq!(standby.count(worker), 0);
    assert_eq!(primary.requests(), 16);

    primary.voice.cluster.kill_postmaster();
    primary.stub.answer_always(Reply::analysis());
    let start = Instant::now();
    standby.client.batch_execute("SELECT pg_promote()").unwrap();
    let requests = primary.stub.wait_for(17, SOON);
    let took = requests[16].arrived.duration_since(start);
    standby.drained();
    // The primary lies dead; what counts is what the standby has.
    let dead = std::mem::replace(&mut primary.voice, standby);
    let remark = format!("first request {:.1} s after pg_promote()", took.as_secs_f64());
    let tally = primary.tally("8a", "primary killed with 16 requests in flight, standby promoted", &remark);
    assert_eq!((tally.analytics, tally.dead, tally.requests), (CALLS as i64, 0, CALLS + 16));
    drop(dead);
}

#[test]
fn a_worker_that_waits_for_a_standby_does_not_hold_up_shutdown() {
    let mut fixture = Fixture::start();
    let mut took = Vec::new();
    for how in [Shutdown::Fast, Shutdown::Smart] {
        standby::everybody_waits_in_vain(&mut fixture.voice);
        fixture.calls_end(CALLS);
        fixture.worker_waits_for("SyncRep");
        // A smart shutdown waits for clients, ours included.
        fixture.voice.client.batch_execute("SELECT pg_terminate_backend(pg_backend_pid())").unwrap_err();
        let start = Instant::now();
        fixture.voice.cluster.stop(how);
        took.push(format!("{how:?} {} ms", start.elapsed().as_millis()));
        assert!(start.elapsed() < Duration::from_secs(20), "{took:?}");
        fixture.voice.cluster.start();
        fixture.voice.client = fixture.voice.cluster.connect("app");
        standby::nobody_is_waited_for(&fixture.voice);
        fixture.voice.drained();
    }
    let tally = fixture.tally("8b", "shutdown while commits wait for a standby that never comes", &took.join(", "));
    assert_eq!((tally.analytics, tally.dead), (2 * CALLS as i64, 0));
}
