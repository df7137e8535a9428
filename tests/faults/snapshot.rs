//! A report that holds its snapshot while the queue turns over: nothing can be vacuumed, and the worker goes on.

use std::time::{Duration, Instant};

use harness::voice::SOON;
use harness::{processes, wait_until};

use crate::fixture::{Fixture, short_or_long};

/// How long it took, and what it cost the worker: a machine that does something else as well makes a run slower, but
/// hardly dearer.
type Cost = (Duration, Duration);

/// Calls that end, until all are analysed.
fn run(fixture: &mut Fixture, calls: usize) -> Cost {
    let worker = fixture.voice.cluster.worker_pid("app");
    fixture.voice.client.batch_execute("SELECT voice_pause()").unwrap();
    fixture.voice.state("paused");
    fixture.calls_end(calls);
    let (start, before) = (Instant::now(), processes::cpu_time(worker));
    fixture.voice.client.batch_execute("SELECT voice_resume()").unwrap();
    fixture.drained_within(Duration::from_secs(300));
    (start.elapsed(), processes::cpu_time(worker) - before)
}

fn dead_tuples(fixture: &mut Fixture) -> i64 {
    fixture.voice.client.batch_execute("VACUUM voice.job").unwrap();
    fixture.voice.count("SELECT n_dead_tup FROM pg_stat_all_tables WHERE relid = 'voice.job'::regclass")
}

fn medians(runs: Vec<Cost>) -> (f64, f64) {
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    };
    let (times, costs) = runs.into_iter().unzip();
    (median(times), median(costs))
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
    println!("undisturbed {free:.2?}, held {held:.2?}");
    let ((free_time, free_cost), (held_time, held_cost)) = (medians(free), medians(held));
    let per_second = |seconds: f64| calls as f64 / seconds;
    let remark = format!(
        "{:.0} calls/s, {:.0} without it; the worker's CPU a call {:.2} ms, {:.2} without; at most {most_dead} dead tuples, none afterwards",
        per_second(held_time),
        per_second(free_time),
        1e3 / per_second(held_cost),
        1e3 / per_second(free_cost)
    );
    let did = format!("a snapshot held for {calls} calls, {rounds} runs with and {rounds} without");
    let tally = fixture.tally("9", &did, &remark);
    assert_eq!((tally.analytics, tally.dead), (tally.calls, 0));
    // A job is written when it is queued, claimed and settled, and once more where a lease was renewed.
    assert!(most_dead <= 4 * calls as i64, "{most_dead}");
    // Seven calls in the time of ten: by the worker's own time, for the clock's is shared with whatever else runs here.
    assert!(free_cost / held_cost >= 0.7, "{held_cost} s, {free_cost} s without the snapshot");
}
