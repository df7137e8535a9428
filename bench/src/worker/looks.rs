//! A thousand calls in progress that are looked at, while others hang up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::stub::Reply;

use super::fixture::{DATABASE, Fixture};
use super::live;
use crate::pgbench::Outcome;
use crate::progress::step;
use crate::report::{Report, Row, Target, Unit};

const CALLS: usize = 1000;
/// Connections that write turns.
const WRITERS: usize = 4;
const BETWEEN_TURNS: Duration = Duration::from_secs(5);
const INTERVAL: Duration = Duration::from_secs(30);
const DELAY: Duration = Duration::from_secs(1);
/// Hang-ups a second.
const RATE: f64 = 20.0;
const TURN: &str = "INSERT INTO voice.turn (call_id, role, text)
    SELECT $1::text::uuid, 'user', t FROM load_text WHERE n = $2::bigint % 500";
const LOOKS: &str = "SELECT call_id::text, looks::bigint, extract(epoch FROM computed_at)::float8 FROM voice.live
    WHERE computed_at IS NOT NULL";

/// What one phase gives.
struct Phase {
    /// From the hang-up to the notification beyond the LLM's time, ms.
    beyond: Outcome,
    /// A turn, with its commit, ms.
    turns: Outcome,
    /// Seconds between two looks at one call.
    gaps: Vec<f64>,
}

pub fn run(fixture: &mut Fixture, report: &mut Report) {
    step(&format!("the worker: {CALLS} calls in progress, a turn every 5 s each, looked at every 30 s, LLM 1 s"));
    fixture.configure(DELAY, 256, "openai");
    fixture.stub.answer(|request| Reply::fitting(request).delay(DELAY));
    let ids = fixture.open_calls(CALLS);
    let off = phase(fixture, &ids, Duration::from_secs(60));
    fixture.cluster.set("voice_analytics.live_interval", "30s");
    let on = phase(fixture, &ids, Duration::from_secs(120));
    fixture.cluster.set("voice_analytics.live_interval", "0");
    assert!(on.gaps.len() > CALLS && off.gaps.is_empty(), "{} and {} looks", on.gaps.len(), off.gaps.len());
    let longest = on.gaps.iter().copied().fold(0.0, f64::max);
    report.add(
        Row::new("between two looks at a call, the longest of all", Unit::Seconds, longest)
            .target(Target::AtMost(INTERVAL.as_secs_f64() + 5.0))
            .remark(format!(
                "{CALLS} calls in progress, {} gaps, LLM 1 s; {RATE:.0} other calls hang up a second",
                on.gaps.len()
            )),
    );
    report.add(
        Row::new("hang-up → analytics beyond the LLM's time with looks, p95", Unit::Milliseconds, on.beyond.p95())
            .against(off.beyond.p95())
            .target(Target::RatioAtLeast(1.0 / 1.2))
            .remark("the second column is without looks, in the same run"),
    );
    report.add(
        Row::new("a turn of a call in progress with looks, median", Unit::Milliseconds, on.turns.median())
            .against(off.turns.median())
            .target(Target::RatioAtLeast(0.97))
            .remark("one statement a transaction; the second column is without looks, in the same run"),
    );
}

/// Turns are written and calls hang up for so long.
fn phase(fixture: &mut Fixture, ids: &[String], time: Duration) -> Phase {
    let over = AtomicBool::new(false);
    let hang_ups = (RATE * time.as_secs_f64()) as usize;
    let [writers, sampler] =
        [WRITERS, 1].map(|n| (0..n).map(|_| fixture.cluster.connect(DATABASE)).collect::<Vec<_>>());
    thread::scope(|scope| {
        let writing: Vec<_> = writers
            .into_iter()
            .enumerate()
            .map(|(nth, mut client)| {
                let (over, ids) = (&over, ids.iter().skip(nth).step_by(WRITERS).collect::<Vec<_>>());
                scope.spawn(move || {
                    let statement = client.prepare(TURN).expect("prepare");
                    let (began, pause) = (Instant::now(), BETWEEN_TURNS / ids.len() as u32);
                    let mut took = Vec::new();
                    for (turn, id) in ids.iter().cycle().enumerate() {
                        thread::sleep((began + pause * turn as u32).saturating_duration_since(Instant::now()));
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        let one = Instant::now();
                        client.execute(&statement, &[id, &(turn as i64)]).expect("a turn");
                        took.push(one.elapsed().as_secs_f64() * 1000.0);
                    }
                    took
                })
            })
            .collect();
        let sampling: Vec<_> = sampler
            .into_iter()
            .map(|mut client| {
                let over = &over;
                scope.spawn(move || {
                    let (mut last, mut gaps) = (HashMap::<String, (i64, f64)>::new(), Vec::new());
                    while !over.load(Ordering::Relaxed) {
                        for row in client.query(LOOKS, &[]).expect("looks") {
                            let (id, looks, at) = (row.get(0), row.get::<_, i64>(1), row.get::<_, f64>(2));
                            match last.insert(id, (looks, at)) {
                                Some((before, since)) if looks == before + 1 => gaps.push(at - since),
                                Some((before, _)) => assert_eq!(looks, before, "a look was missed here"),
                                None => {}
                            }
                        }
                        thread::sleep(Duration::from_secs(1));
                    }
                    gaps
                })
            })
            .collect();
        let (beyond, _) = live::hang_ups(fixture, hang_ups, RATE, DELAY);
        over.store(true, Ordering::Relaxed);
        let turns = writing.into_iter().flat_map(|writer| writer.join().expect("a writer")).collect();
        let gaps = sampling.into_iter().flat_map(|sampler| sampler.join().expect("a sampler")).collect();
        Phase { beyond, turns: Outcome::of(turns), gaps }
    })
}
