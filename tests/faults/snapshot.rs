//! A report that holds its snapshot while the queue turns over: nothing can be vacuumed, and the worker goes on.

use std::time::{Duration, Instant};

use harness::voice::SOON;
use harness::{processes, wait_until};

use crate::fixture::{Fixture, short_or_long};

/// What a run took.
struct Cost {
    time: Duration,
    /// CPU time of the worker.
    cpu: Duration,
    /// Blocks of voice.job and its indexes that were looked at: what the queue costs, on any machine.
    blocks: i64,
}

/// Calls that end, until all are analysed.
fn run(fixture: &mut Fixture, calls: usize) -> Cost {
    let worker = fixture.voice.cluster.worker_pid("app");
    fixture.voice.client.batch_execute("SELECT voice_pause()").unwrap();
    fixture.voice.state("paused");
    fixture.calls_end(calls);
    let (deleted, blocks) = (deleted_jobs(fixture), blocks_looked_at(fixture));
    let (start, before) = (Instant::now(), processes::cpu_time(worker));
    fixture.voice.client.batch_execute("SELECT voice_resume()").unwrap();
    fixture.drained_within(Duration::from_secs(300));
    let (time, cpu) = (start.elapsed(), processes::cpu_time(worker) - before);
    // The worker tells its figures a moment later.
    wait_until("the worker's figures", SOON, || (deleted_jobs(fixture) >= deleted + calls as i64).then_some(()));
    Cost { time, cpu, blocks: blocks_looked_at(fixture) - blocks }
}

fn deleted_jobs(fixture: &mut Fixture) -> i64 {
    fixture.voice.count("SELECT n_tup_del FROM pg_stat_all_tables WHERE relid = 'voice.job'::regclass")
}

fn blocks_looked_at(fixture: &mut Fixture) -> i64 {
    fixture.voice.count(
        "SELECT heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit
         FROM pg_statio_all_tables WHERE relid = 'voice.job'::regclass",
    )
}

fn dead_tuples(fixture: &mut Fixture) -> i64 {
    fixture.voice.client.batch_execute("VACUUM voice.job").unwrap();
    fixture.voice.count("SELECT n_dead_tup FROM pg_stat_all_tables WHERE relid = 'voice.job'::regclass")
}

/// The median of what each run took.
fn median<T: Ord + Copy>(runs: &[Cost], of: impl Fn(&Cost) -> T) -> T {
    let mut all: Vec<T> = runs.iter().map(of).collect();
    all.sort();
    all[all.len() / 2]
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
    let per_second = |runs: &[Cost]| calls as f64 / median(runs, |run| run.time).as_secs_f64();
    let cpu = |runs: &[Cost]| 1e3 * median(runs, |run| run.cpu).as_secs_f64() / calls as f64;
    let blocks = |runs: &[Cost]| median(runs, |run| run.blocks) as f64 / calls as f64;
    let remark = format!(
        "{:.0} calls/s, {:.0} without it; the worker's CPU a call {:.2} ms, {:.2} without; blocks of the queue a call {:.0}, {:.0} without; at most {most_dead} dead tuples, none afterwards",
        per_second(&held),
        per_second(&free),
        cpu(&held),
        cpu(&free),
        blocks(&held),
        blocks(&free),
    );
    let did = format!("a snapshot held for {calls} calls, {rounds} runs with and {rounds} without");
    let tally = fixture.tally("9", &did, &remark);
    assert_eq!((tally.analytics, tally.dead), (tally.calls, 0));
    // A job is written when it is queued, claimed and settled, and once more where a lease was renewed.
    assert!(most_dead <= 4 * calls as i64, "{most_dead}");
    // What cannot be removed is looked at now and then, not once more for each call.
    assert!(blocks(&held) <= 2.0 * blocks(&free), "{} blocks a call, {} without the snapshot", blocks(&held), blocks(&free));
}
