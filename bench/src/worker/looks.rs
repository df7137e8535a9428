//! A thousand calls in progress that are looked at, while others hang up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::stub::Reply;

use super::fixture::{DATABASE, END, Fixture};
use super::{DEADLINE, live};
use crate::pgbench::{Outcome, median};
use crate::progress::step;
use crate::report::{Report, Row, Target, Unit};

const CALLS: usize = 1000;
/// Connections that write turns.
const WRITERS: usize = 4;
const BETWEEN_TURNS: Duration = Duration::from_secs(5);
const INTERVAL: Duration = Duration::from_secs(30);
const DELAY: Duration = Duration::from_secs(1);
/// How long each round lasts without looks, and with them.
const OFF: Duration = Duration::from_secs(40);
const ON: Duration = Duration::from_secs(80);
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

pub fn run(fixture: &mut Fixture, rounds: usize, report: &mut Report) {
    step(&format!(
        "the worker: {CALLS} calls in progress, a turn every 5 s each, looked at every 30 s, LLM 1 s, {rounds} rounds"
    ));
    fixture.configure(DELAY, 256, "openai");
    fixture.stub.answer(|request| Reply::fitting(request).delay(DELAY));
    let (mut gaps, mut off, mut on) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let ids = fixture.open_calls(CALLS);
        off.push(phase(fixture, &ids, OFF));
        fixture.cluster.set("voice_analytics.live_interval", "30s");
        let mut looked_at = phase(fixture, &ids, ON);
        fixture.cluster.set("voice_analytics.live_interval", "0");
        gaps.append(&mut looked_at.gaps);
        on.push(looked_at);
        fixture.client.batch_execute(END).expect("the end of the calls");
        fixture.drained(DEADLINE);
    }
    assert!(gaps.len() > rounds * CALLS / 2, "{} gaps between looks", gaps.len());
    report.add(
        Row::new(
            "between two looks at a call, the longest of all",
            Unit::Seconds,
            gaps.iter().copied().fold(0.0, f64::max),
        )
        .target(Target::AtMost(INTERVAL.as_secs_f64() + 5.0))
        .remark(format!(
            "{CALLS} calls in progress, {} gaps, LLM 1 s; {RATE:.0} other calls hang up a second",
            gaps.len()
        )),
    );
    type Figure = fn(&Phase) -> f64;
    let rows: [(&str, Figure, f64, &str); 2] = [
        ("hang-up → analytics beyond the LLM's time with looks, p95", |phase| phase.beyond.p95(), 1.0 / 1.2, ""),
        (
            "a turn of a call in progress with looks, median",
            |phase| phase.turns.median(),
            0.97,
            "one turn a transaction; ",
        ),
    ];
    for (work, figure, least, remark) in rows {
        let of = |phases: &[Phase]| phases.iter().map(figure).collect::<Vec<_>>();
        let (with, without) = (of(&on), of(&off));
        let ratios: Vec<f64> = without.iter().zip(&with).map(|(without, with)| without / with).collect();
        report.add(
            Row::new(work, Unit::Milliseconds, median(with))
                .against(median(without))
                .ratio(median(ratios))
                .target(Target::RatioAtLeast(least))
                .remark(format!("{remark}the second column is without looks; medians of {rounds} rounds in turns")),
        );
    }
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
