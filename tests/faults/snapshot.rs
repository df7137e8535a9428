//! A report that holds its snapshot while the queue turns over: nothing can be vacuumed, and the worker goes on.

use std::time::{Duration, Instant};

use harness::voice::SOON;
use harness::{processes, wait_until};

use crate::fixture::{Fixture, short_or_long};

/// What it took: time, the worker's CPU, and how many pages of the queue and its indexes were looked at. The last is what
/// is asserted, for the machine has no part in it.
struct Cost {
    time: Duration,
    cpu: Duration,
    pages: i64,
}

/// Pages of the queue that sessions and the worker have looked at and reported.
fn pages(fixture: &mut Fixture) -> i64 {
    fixture.voice.count(
        "SELECT heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit FROM pg_statio_all_tables
         WHERE relid = 'voice.job'::regclass",
    )
}

const ANALYSED: &str = "SELECT count(*) FROM voice.analytics";

/// The jobs that the figures of the server say were done with: how it is known that the worker has reported.
fn removed(fixture: &mut Fixture) -> i64 {
    fixture.voice.count("SELECT n_tup_del FROM pg_stat_all_tables WHERE relid = 'voice.job'::regclass")
}

/// Calls that end, until all are analysed.
fn run(fixture: &mut Fixture, calls: usize) -> Cost {
    let worker = fixture.voice.cluster.worker_pid("app");
    fixture.voice.client.batch_execute("SELECT voice_pause()").unwrap();
    fixture.voice.state("paused");
    let removed_before = removed(fixture);
    let analysed = fixture.voice.count(ANALYSED) + calls as i64;
    fixture.calls_end(calls);
    let (start, cpu_before, pages_before) = (Instant::now(), processes::cpu_time(worker), pages(fixture));
    fixture.voice.client.batch_execute("SELECT voice_resume()").unwrap();
    // Who waits looks at no page of the queue.
    let long = Duration::from_secs(300);
    wait_until("the analyses", long, || (fixture.voice.count(ANALYSED) == analysed).then_some(()));
    let (time, cpu) = (start.elapsed(), processes::cpu_time(worker) - cpu_before);
    wait_until("the worker's figures", SOON, || (removed(fixture) == removed_before + calls as i64).then_some(()));
    Cost { time, cpu, pages: pages(fixture) - pages_before }
}

fn dead_tuples(fixture: &mut Fixture) -> i64 {
    fixture.voice.client.batch_execute("VACUUM voice.job").unwrap();
    fixture.voice.count("SELECT n_dead_tup FROM pg_stat_all_tables WHERE relid = 'voice.job'::regclass")
}

/// Of runs of `calls`: calls a second, CPU in ms and pages a call.
fn medians(runs: &[Cost], calls: usize) -> (f64, f64, f64) {
    let median = |of: &dyn Fn(&Cost) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2] / calls as f64
    };
    let time = median(&|run| run.time.as_secs_f64());
    (1.0 / time, median(&|run| 1e3 * run.cpu.as_secs_f64()), median(&|run| run.pages as f64))
}

#[test]
fn a_held_snapshot_slows_the_queue_little_and_leaves_nothing_behind() {
    let (calls, rounds) = short_or_long((1000, 3), (10_000, 3));
    let mut fixture = Fixture::start();
    fixture.stub.keep_requests(false);
    let (mut free, mut held, mut most_dead) = (Vec::new(), Vec::new(), 0);
    run(&mut fixture, calls / 4);
    // Alternating, and each of them first as often: what warms up or wears off counts for both.
    for round in 0..2 * rounds {
        if round % 4 == 0 || round % 4 == 3 {
            free.push(run(&mut fixture, calls));
            continue;
        }
        let mut report = fixture.voice.cluster.connect("app");
        report.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM voice.job").unwrap();
        held.push(run(&mut fixture, calls));
        most_dead = most_dead.max(dead_tuples(&mut fixture));
        report.batch_execute("COMMIT").unwrap();
        // A moment later, where autovacuum or the worker is just looking at something.
        wait_until("the dead tuples to be gone", SOON, || (dead_tuples(&mut fixture) == 0).then_some(()));
    }
    let (free, held) = (medians(&free, calls), medians(&held, calls));
    let remark = format!(
        "{:.0} calls/s, {:.0} without it; the worker's CPU a call {:.2} ms, {:.2} without; pages of the queue a call {:.1}, \
         {:.1} without; at most {most_dead} dead tuples, none afterwards",
        held.0, free.0, held.1, free.1, held.2, free.2
    );
    let did = format!("a snapshot held for {calls} calls, {rounds} runs with and {rounds} without");
    let tally = fixture.tally("9", &did, &remark);
    assert_eq!((tally.analytics, tally.dead), (tally.calls, 0));
    // A job is written when it is queued, claimed and settled, and once more where a lease was renewed.
    assert!(most_dead <= 4 * calls as i64, "{most_dead}");
    // A held snapshot keeps every dead entry of an index where the worker passes by.
    assert!(held.2 <= 1.5 * free.2, "{} pages a call, {} without the snapshot", held.2, free.2);
}
