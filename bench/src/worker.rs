//! How fast the worker is beside an LLM of known slowness. It has a server of its own, with fsync and with autovacuum.
//!
//! "Theirs" are the figures that the issue states for the design we replace; they were not measured here.

mod definitions;
mod fixture;
mod live;
mod long_call;
mod looks;
mod webhooks;

use std::time::{Duration, Instant};

use serde_json::json;

use crate::progress::step;
use crate::report::{self, Report, Row, Target, Unit};
use fixture::{Cpu, Fixture, Memory, sleeps};

const DEADLINE: Duration = Duration::from_secs(900);
const HISTORY: &str = include_str!("../sql/worker/history.sql");
/// What voice_backfill() does, by hand, where the extension has no such function.
const ENQUEUE: &str = "WITH made AS (
        INSERT INTO voice.job (tenant_id, kind, call_id, priority)
        SELECT c.tenant_id, 'analyze', c.id, 10 FROM voice.call c
        WHERE c.status <> 'in_progress' AND NOT EXISTS (SELECT FROM voice.analytics a WHERE a.call_id = c.id) RETURNING 1)
    SELECT count(*) FROM made";
/// So many calls of history are inserted by one statement.
const HISTORY_BATCH: i64 = 20_000;
const IDLE: Duration = Duration::from_secs(30);
const IN_FLIGHT: [usize; 4] = [4, 16, 64, 256];

/// How much of it.
pub struct Size {
    /// Calls of the backfill.
    pub calls: i64,
    /// The backfill is drained for so long, and what is left is reckoned.
    pub drain: Duration,
    /// Of each measurement.
    pub seconds: u32,
}

pub fn run(size: &Size, report: &mut Report) {
    step("the worker: a server of its own");
    let mut fixture = Fixture::start();
    let seconds = (size.seconds as usize).max(4);
    at_once(&mut fixture, seconds, report);
    let mut curve = Vec::new();
    for in_flight in IN_FLIGHT {
        curve.push((in_flight, in_flight_at_200ms(&mut fixture, in_flight, seconds, report)));
    }
    report.raw(report::IN_FLIGHT, json!(curve));
    thousand(&mut fixture, seconds, report);
    live::run(&mut fixture, seconds, report);
    builtin(&mut fixture, seconds, report);
    webhooks::run(&mut fixture, seconds, report);
    idle(&mut fixture, report);
    backfill(&mut fixture, size, report);
}

/// What analyses that users define cost, and calls that are longer than one request may be.
pub fn defined(seconds: u32, rounds: usize, report: &mut Report) {
    step("analyses: a server of their own");
    let mut fixture = Fixture::start();
    definitions::run(&mut fixture, seconds as usize, rounds, report);
    long_call::run(&mut fixture, rounds, report);
}

/// Calls in progress.
pub fn in_progress(rounds: usize, report: &mut Report) {
    step("calls in progress: a server of their own");
    looks::run(&mut Fixture::start(), rounds, report);
}

/// Drains a backlog. The rate is that of the steady state where rounds are given: from the first request of the third
/// round to the first of the last, so that neither filling nor emptying counts.
struct Drain {
    steady: f64,
    whole: f64,
    cpu: Cpu,
    memory: Memory,
}

fn drain(fixture: &mut Fixture, calls: usize, in_flight: usize) -> Drain {
    fixture.backlog(calls);
    let base = fixture.stub.count();
    let (from, to) = (base + 2 * in_flight + 1, base + (calls / in_flight - 1) * in_flight + 1);
    let before = fixture.cpu();
    let pid = fixture.worker();
    let began = fixture.resume();
    let (mut first, mut last, mut memory, mut sampled) = (None, None, Memory::default(), Instant::now());
    while last.is_none() {
        std::thread::sleep(Duration::from_millis(1));
        let (count, now) = (fixture.stub.count(), Instant::now());
        first = first.or_else(|| (count >= from).then_some((count, now)));
        last = last.or_else(|| (count >= to).then_some((count, now)));
        if sampled.elapsed() >= Duration::from_millis(250) {
            memory = memory.max(Memory::of(pid));
            sampled = now;
        }
        assert!(began.elapsed() < DEADLINE, "not drained");
    }
    fixture.drained(DEADLINE);
    let whole = calls as f64 / began.elapsed().as_secs_f64();
    let (first, last) = (first.expect("a beginning"), last.expect("an end"));
    let steady = (last.0 - first.0) as f64 / (last.1 - first.1).as_secs_f64();
    Drain { steady, whole, cpu: fixture.cpu().since(before), memory: memory.max(Memory::of(pid)) }
}

fn ms_a_call(seconds: f64, calls: usize) -> f64 {
    1000.0 * seconds / calls as f64
}

fn at_once(fixture: &mut Fixture, seconds: usize, report: &mut Report) {
    let calls = 2000 * seconds;
    step(&format!("the worker: {calls} calls, LLM at 0 s"));
    fixture.configure(Duration::ZERO, 64, "openai");
    let done = drain(fixture, calls, 64);
    report.add(
        Row::new("calls analysed, LLM at 0 s, 64 in flight", Unit::PerSecond, done.whole)
            .against(137.0)
            .target(Target::AtLeast(1500.0))
            .remark(format!(
                "one worker; theirs: four, as stated; bound by two cores: worker {:.2}, all of PostgreSQL {:.2}, the stub LLM {:.2} ms CPU a call",
                ms_a_call(done.cpu.worker, calls),
                ms_a_call(done.cpu.server, calls),
                ms_a_call(done.cpu.stub, calls)
            )),
    );
    report.add(
        Row::new("CPU a call, worker and PostgreSQL", Unit::Milliseconds, ms_a_call(done.cpu.server, calls))
            .against(14.0)
            .target(Target::AtMost(1.0))
            .remark(format!(
                "every process of the server; worker {:.2} ms, WAL writer, autovacuum and the rest {:.2} ms",
                ms_a_call(done.cpu.worker, calls),
                ms_a_call(done.cpu.server - done.cpu.worker, calls)
            )),
    );
}

fn in_flight_at_200ms(fixture: &mut Fixture, in_flight: usize, seconds: usize, report: &mut Report) -> f64 {
    // At least so many rounds that one more or less does not matter.
    let calls = in_flight * (seconds * 5).clamp(20, 40).min(20_000 / in_flight).max(12);
    step(&format!("the worker: {calls} calls, LLM 0.2 s, {in_flight} in flight"));
    fixture.configure(Duration::from_millis(200), in_flight, "openai");
    let done = drain(fixture, calls, in_flight);
    let ideal = in_flight as f64 / 0.2;
    let row = Row::new(format!("calls analysed, LLM 0.2 s, {in_flight} in flight"), Unit::PerSecond, done.steady);
    let remark = format!(
        "{:.1} % of {ideal:.0} = in flight / delay; {:.0}/s with the first and the last round; {:.2} ms CPU a call",
        100.0 * done.steady / ideal,
        done.whole,
        ms_a_call(done.cpu.server, calls)
    );
    report.add(match in_flight {
        64 => row.against(17.4).target(Target::AtLeast(0.95 * ideal)).remark(remark),
        _ => row.remark(remark),
    });
    done.steady
}

fn thousand(fixture: &mut Fixture, seconds: usize, report: &mut Report) {
    let calls = 1000 * seconds.clamp(6, 12);
    step(&format!("the worker: {calls} calls, LLM 1 s, 1000 in flight"));
    fixture.configure(Duration::from_secs(1), 1000, "openai");
    let done = drain(fixture, calls, 1000);
    report.add(
        Row::new("calls analysed, LLM 1 s, 1000 in flight", Unit::PerSecond, done.steady)
            .against(3.6)
            .target(Target::AtLeast(950.0))
            .remark(format!(
                "{:.1} % of 1000; {:.0}/s with the first and the last round; {:.2} ms CPU a call",
                done.steady / 10.0,
                done.whole,
                ms_a_call(done.cpu.server, calls)
            )),
    );
    report.add(
        Row::new("memory of the worker, 1000 in flight", Unit::Megabytes, done.memory.own)
            .against(4.0 * 74.0)
            .target(Target::AtMost(150.0))
            .remark(format!(
                "RssAnon + RssFile at its highest; VmHWM, with the shared buffers that it touched, {:.0} MB",
                done.memory.peak
            )),
    );
}

fn builtin(fixture: &mut Fixture, seconds: usize, report: &mut Report) {
    let calls = 3000 * seconds;
    step(&format!("the worker: {calls} calls, builtin"));
    fixture.configure(Duration::ZERO, 64, "builtin");
    fixture.backlog(calls);
    let before = fixture.cpu();
    let began = fixture.resume();
    fixture.drained(DEADLINE);
    let rate = calls as f64 / began.elapsed().as_secs_f64();
    let cpu = fixture.cpu().since(before);
    report.add(
        Row::new("calls analysed, `builtin`", Unit::PerSecond, rate)
            .target(Target::AtLeast(2000.0))
            .remark(format!("one thread does all of it: {:.2} ms CPU a call", ms_a_call(cpu.worker, calls))),
    );
}

fn idle(fixture: &mut Fixture, report: &mut Report) {
    step("the worker: idle");
    fixture.configure(Duration::ZERO, 64, "openai");
    let pid = fixture.worker();
    // Threads that asked leave after 30 s.
    std::thread::sleep(Duration::from_secs(32));
    let (before, cpu) = (sleeps(pid), fixture.cpu());
    std::thread::sleep(IDLE);
    let (woken, cpu) = (sleeps(pid) - before, fixture.cpu().since(cpu));
    report.add(
        Row::new("idle worker: wake-ups in 30 s", Unit::Count, woken as f64)
            .target(Target::AtMost(4.0))
            .remark(format!("three sweeps; {:.0} ms CPU in that time", 1000.0 * cpu.worker)),
    );
}

fn backfill(fixture: &mut Fixture, size: &Size, report: &mut Report) {
    step(&format!("the worker: a history of {} calls", size.calls));
    fixture.configure(Duration::ZERO, 64, "openai");
    let since = format!("{} seconds", 2 * size.calls + 86_400);
    let sql = "SELECT voice_create_partitions(since => now() - $1::text::interval)";
    fixture.client.query(sql, &[&since]).expect("months");
    let progress = crate::progress::Progress::new("history", size.calls);
    fixture
        .client
        .batch_execute("SET session_replication_role = replica; SET synchronous_commit = off")
        .expect("replica");
    for first in (0..size.calls).step_by(HISTORY_BATCH as usize) {
        let last = (first + HISTORY_BATCH).min(size.calls) - 1;
        fixture.client.execute(HISTORY, &[&first, &last]).unwrap_or_else(|e| panic!("history: {e:?}"));
        progress.add(last - first + 1);
    }
    progress.end();
    fixture.client.batch_execute("RESET session_replication_role; RESET synchronous_commit").expect("reset");
    fixture.client.batch_execute("VACUUM ANALYZE").expect("vacuum");
    fixture.client.batch_execute("CHECKPOINT").expect("checkpoint");
    fixture.client.execute("SELECT voice_pause('bench')", &[]).expect("pause");
    let known = "SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'voice_backfill')";
    let (by, sql) = match fixture.client.query_one(known, &[]).expect("pg_proc").get(0) {
        true => ("by voice_backfill()", "SELECT voice_backfill()"),
        false => ("by one INSERT, for want of voice_backfill()", ENQUEUE),
    };
    let began = Instant::now();
    let enqueued: i64 = fixture.client.query_one(sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e:?}")).get(0);
    let enqueueing = began.elapsed().as_secs_f64();
    assert_eq!(enqueued, size.calls, "calls enqueued");
    report.add(
        Row::new("backfill: enqueue", Unit::Seconds, enqueueing)
            .target(Target::AtMost(30.0 * size.calls as f64 / 1e6))
            .remark(format!("{enqueued} calls {by}; target: 30 s a million")),
    );
    let began = fixture.resume();
    let mut waits = Vec::new();
    let mut left = enqueued;
    while left > 0 && began.elapsed() < size.drain {
        waits.push(live::one(fixture));
        std::thread::sleep(Duration::from_millis(500));
        left = fixture.jobs();
        step(&format!("  backfill: {left} calls left"));
    }
    let (done, took) = ((enqueued - left) as f64, began.elapsed().as_secs_f64());
    let minutes = 1e6 / (done / took) / 60.0;
    report.add(
        Row::new("backfill: drained, LLM at 0 s, a million calls", Unit::Minutes, minutes)
            .against(120.0)
            .target(Target::AtMost(12.0))
            .remark(format!(
                "{done:.0} calls drained in {took:.0} s ({:.0}/s), the rest reckoned; live calls meanwhile",
                done / took
            )),
    );
    waits.sort_by(f64::total_cmp);
    let slowest = waits.last().copied().unwrap_or(f64::NAN);
    report.raw("backfill: live calls meanwhile, ms", json!(waits));
    report.add(
        Row::new("backfill: a live call meanwhile", Unit::Milliseconds, slowest)
            .target(Target::AtMost(1000.0))
            .remark(format!("the slowest of {}, hang-up to row visible, LLM at 0 s", waits.len())),
    );
}
