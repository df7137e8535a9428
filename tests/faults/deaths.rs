//! Death at every step of a job: of the worker, of the whole server, with and without time to say goodbye.

use std::thread;
use std::time::{Duration, Instant};

use harness::stub::Reply;
use harness::voice::SOON;
use harness::{Shutdown, processes, wait_until};
use nix::sys::signal::Signal;

use crate::fixture::{Fixture, short_or_long};
use crate::standby;

const CALLS: usize = 10;
const ANSWERS_DIED: &str = "the answers died with it, so each is asked again";

#[derive(Clone, Copy)]
enum Death {
    Worker,
    Postmaster,
    Immediate,
}

impl Death {
    fn name(self) -> &'static str {
        match self {
            Death::Worker => "`kill -9` of the worker",
            Death::Postmaster => "`kill -9` of the postmaster",
            Death::Immediate => "`immediate` shutdown",
        }
    }

    fn strike(self, fixture: &mut Fixture) {
        let cluster = &mut fixture.voice.cluster;
        match self {
            Death::Worker => cluster.signal(cluster.worker_pid("app"), Signal::SIGKILL),
            Death::Postmaster => {
                cluster.kill_postmaster();
                cluster.start();
            }
            Death::Immediate => cluster.restart(Shutdown::Immediate),
        }
        fixture.reconnect();
    }
}

/// One case: ten calls, one death at the boundary, and the rest of their lives.
fn at_boundary(
    fixture: &mut Fixture,
    case: &str,
    (boundary, remark): (&str, &str),
    death: Death,
    reach: impl FnOnce(&mut Fixture),
) -> usize {
    fixture.clear();
    reach(fixture);
    // Before the successor asks.
    fixture.stub.answer_always(Reply::analysis());
    death.strike(fixture);
    standby::nobody_is_waited_for(&fixture.voice);
    fixture.voice.drained();
    let tally = fixture.tally(case, &format!("{} {boundary}", death.name()), remark);
    assert_eq!((tally.analytics, tally.dead), (CALLS as i64, 0));
    tally.requests
}

fn at_every_boundary(number: &str, death: Death) {
    // Without a sweep nothing but what the case does moves the worker.
    let mut fixture = Fixture::with(|b| b.setting("voice_analytics.sweep_interval", 0));
    let fixture = &mut fixture;
    let case = |letter: &str| format!("{number}{letter}");

    // The claim is on disk, its commit waits for a standby that never comes: no request has left yet.
    let requests = at_boundary(fixture, &case("a"), ("after the claim, before any request", ""), death, |fixture| {
        standby::everybody_waits_in_vain(&mut fixture.voice);
        fixture.calls_end(CALLS);
        fixture.worker_waits_for("SyncRep");
        assert_eq!(fixture.requests(), 0);
    });
    assert_eq!(requests, CALLS, "nothing is asked twice that was never asked");

    let requests = at_boundary(fixture, &case("b"), ("when the requests are sent", ANSWERS_DIED), death, |fixture| {
        fixture.stub.answer_always(Reply::analysis().held());
        fixture.calls_end(CALLS);
        fixture.asked(CALLS);
    });
    assert_eq!(requests, 2 * CALLS);

    let requests = at_boundary(fixture, &case("c"), ("when it holds the answers", ANSWERS_DIED), death, |fixture| {
        fixture.stub.answer_always(Reply::analysis().held());
        fixture.calls_end(CALLS);
        fixture.asked(CALLS);
        let mut holder = fixture.voice.cluster.connect("app");
        holder.batch_execute("BEGIN; LOCK TABLE voice._state").unwrap();
        fixture.stub.release();
        fixture.worker_waits_for("Lock");
        std::mem::forget(holder);
    });
    assert_eq!(requests, 2 * CALLS);

    let requests = at_boundary(fixture, &case("d"), ("in the middle of storing", ANSWERS_DIED), death, |fixture| {
        fixture.stub.answer_always(Reply::analysis().held());
        fixture.calls_end(CALLS);
        fixture.asked(CALLS);
        let mut holder = fixture.voice.cluster.connect("app");
        // The analytics are written by then, the search documents are not.
        holder.batch_execute("BEGIN; LOCK TABLE voice.search_document IN SHARE MODE").unwrap();
        fixture.stub.release();
        fixture.voice.until(
            "SELECT EXISTS (SELECT FROM pg_locks w JOIN pg_stat_activity a USING (pid)
             JOIN pg_locks h ON h.pid = w.pid AND h.granted AND h.mode = 'RowExclusiveLock' AND h.relation = 'voice.analytics'::regclass
             WHERE a.backend_type = 'voice_analytics worker' AND NOT w.granted)",
        );
        std::mem::forget(holder);
    });
    assert_eq!(requests, 2 * CALLS);

    let requests = at_boundary(
        fixture,
        &case("e"),
        ("after storing, before the commit returns", "what is stored is not asked again"),
        death,
        |fixture| {
            fixture.stub.answer_always(Reply::analysis().held());
            fixture.calls_end(CALLS);
            fixture.asked(CALLS);
            standby::everybody_waits_in_vain(&mut fixture.voice);
            fixture.stub.release();
            fixture.worker_waits_for("SyncRep");
        },
    );
    // What came in the first batch is stored; the others' answers died with the worker.
    assert!((CALLS..2 * CALLS).contains(&requests), "{requests}");
}

#[test]
fn a_worker_killed_at_any_step_loses_nothing_and_does_nothing_twice() {
    at_every_boundary("1", Death::Worker);
}

#[test]
fn a_postmaster_killed_at_any_step_loses_nothing_and_does_nothing_twice() {
    at_every_boundary("2k", Death::Postmaster);
}

#[test]
fn an_immediate_shutdown_at_any_step_loses_nothing_and_does_nothing_twice() {
    at_every_boundary("2i", Death::Immediate);
}

#[test]
fn a_server_that_is_down_with_a_backlog_loses_nothing() {
    let down = Duration::from_secs(short_or_long(3, 10));
    let mut fixture = Fixture::start();
    fixture.stub.answer_always(Reply::analysis().delay(Duration::from_millis(100)));
    fixture.calls_end(1000);
    fixture.asked(200);
    fixture.voice.cluster.kill_postmaster();
    // The time that the server is down is the case itself.
    thread::sleep(down);
    fixture.voice.cluster.start();
    fixture.voice.client = fixture.voice.cluster.connect("app");
    fixture.voice.drained();
    let did = format!("server killed with a backlog, down for {} s", down.as_secs());
    let tally = fixture.tally("2z", &did, "");
    assert_eq!((tally.analytics, tally.dead), (1000, 0));
    assert!(tally.requests <= 1000 + 16, "only what was in flight is asked again: {}", tally.requests);
}

#[test]
fn calls_that_end_while_no_worker_runs_wait_for_one() {
    let mut fixture = Fixture::start();
    let worker = fixture.voice.cluster.worker_pid("app");
    fixture.voice.cluster.set("voice_analytics.databases", "none");
    wait_until("the worker to leave", SOON, || (!processes::alive(worker)).then_some(()));
    fixture.calls_end(200);
    assert_eq!((fixture.voice.count("SELECT count(*) FROM voice.job"), fixture.requests()), (200, 0));
    fixture.voice.cluster.set("voice_analytics.databases", "*");
    fixture.voice.drained();
    let tally = fixture.tally("1w", "no worker runs while the calls end", "");
    assert_eq!((tally.analytics, tally.dead, tally.requests), (200, 0, 200));
}

#[test]
fn a_killed_worker_has_a_successor_at_work_within_two_seconds() {
    let kills = short_or_long(5, 20);
    let mut fixture = Fixture::with(|b| b.setting("voice_analytics.max_attempts", 100));
    fixture.stub.answer_always(Reply::analysis().held());
    fixture.calls_end(5);
    let mut times = Vec::new();
    for kill in 0..kills {
        fixture.asked(5 * (kill + 1));
        let pid = fixture.voice.cluster.worker_pid("app");
        let before = fixture.requests();
        let start = Instant::now();
        fixture.voice.cluster.signal(pid, Signal::SIGKILL);
        let requests = fixture.stub.wait_for(before + 1, SOON);
        times.push(requests[before].arrived.duration_since(start));
        fixture.reconnect();
    }
    fixture.asked(5 * (kills + 1));
    fixture.stub.answer_always(Reply::analysis());
    fixture.stub.release();
    fixture.voice.drained();
    times.sort();
    let (median, longest) = (times[kills / 2], times[kills - 1]);
    let remark = format!(
        "successor's first request after {:.2} s (median of {kills}), {:.2} s at most",
        median.as_secs_f64(),
        longest.as_secs_f64()
    );
    let tally = fixture.tally("1r", &format!("`kill -9` of the worker {kills} times, requests in flight"), &remark);
    assert_eq!(tally.analytics, 5);
    // The promise is about a machine that has nothing else to do; the median is robust, the longest is printed.
    assert!(median < Duration::from_secs(2), "{times:?}");
}

#[test]
fn ten_thousand_short_jobs_survive_a_kill_every_second() {
    let calls = short_or_long(1500, 10_000);
    let mut fixture = Fixture::start();
    fixture.stub.keep_requests(false);
    fixture.stub.answer_always(Reply::analysis().delay(Duration::from_millis(50)));
    fixture.calls_end(calls);
    let mut kills = 0;
    while fixture.voice.count("SELECT count(*) FROM voice.job") > 0 {
        let pid = fixture.voice.cluster.worker_pid("app");
        let start = Instant::now();
        thread::sleep(Duration::from_secs(1).saturating_sub(start.elapsed()));
        fixture.voice.cluster.signal(pid, Signal::SIGKILL);
        kills += 1;
        fixture.reconnect();
    }
    let remark = format!("killed {kills} times");
    let tally = fixture.tally("1z", "short jobs, `kill -9` of the worker every second", &remark);
    assert_eq!((tally.analytics, tally.dead), (calls as i64, 0));
}
