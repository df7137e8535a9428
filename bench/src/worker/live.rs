//! Calls that end one by one, as they do in life: how long after the hang-up their analytics are there.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use postgres::fallible_iterator::FallibleIterator;
use serde_json::{Value, json};

use super::fixture::{DATABASE, Fixture};
use crate::pgbench::Outcome;
use crate::progress::step;
use crate::report::{self, Report, Row, Target, Unit};

const RATE: f64 = 160.0;
const DELAY: Duration = Duration::from_millis(200);
/// Connections that hang up, so that one commit does not hold up the next hang-up.
const LINES: usize = 4;
const HANG_UP: &str =
    "UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp() WHERE id = $1::text::uuid";

pub fn run(fixture: &mut Fixture, seconds: usize, report: &mut Report) {
    let calls = (RATE * seconds as f64 * 2.0) as usize;
    step(&format!("the worker: {calls} calls hang up at random, {RATE}/s, LLM 0.2 s, 64 in flight"));
    fixture.configure(DELAY, 64, "openai");
    let (outcome, commits) = hang_ups(fixture, calls, RATE, DELAY);
    let histogram: Vec<f64> = (0..=100).map(|p| outcome.latencies[(outcome.latencies.len() - 1) * p / 100]).collect();
    report.raw(report::LIVE, json!(histogram));
    for (name, figure, theirs, target) in [("p50", outcome.median(), 30.0, 5.0), ("p95", outcome.p95(), 470.0, 20.0)] {
        report.add(
            Row::new(format!("hang-up → analytics beyond the LLM's time, {name}"), Unit::Milliseconds, figure)
                .against(theirs)
                .target(Target::AtMost(target))
                .remark(format!(
                    "{calls} calls at random, 160/s, LLM 0.2 s, 64 in flight; from the UPDATE sent to the notification received, the client's own commit ({:.1} ms) included; theirs at 9 calls/s",
                    commits.median()
                )),
        );
    }
}

/// So many calls hang up at random, `rate` a second. Gives the milliseconds from the UPDATE sent to the notification received
/// beyond the LLM's `delay`, and those of the UPDATEs.
pub fn hang_ups(fixture: &mut Fixture, calls: usize, rate: f64, delay: Duration) -> (Outcome, Outcome) {
    let ids = fixture.open_calls(calls);
    fixture.client.batch_execute("VACUUM ANALYZE").expect("vacuum");
    fixture.client.batch_execute("CHECKPOINT").expect("checkpoint");

    let mut listener = fixture.cluster.connect(DATABASE);
    listener.batch_execute("LISTEN voice_call_analyzed").expect("listen");
    let start = Instant::now() + Duration::from_millis(200);
    let mut at = start;
    // The same gaps in every run: exponential, by a generator that everybody knows (Knuth's MMIX).
    let mut state: u64 = 42;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 1.0) / (1u64 << 53) as f64
    };
    let plan: Vec<(String, Instant)> = ids
        .into_iter()
        .map(|id| {
            at += Duration::from_secs_f64(-random().ln() / rate);
            (id, at)
        })
        .collect();
    let (mut said, mut commits) = (HashMap::new(), Vec::new());
    let mut heard: HashMap<String, Instant> = HashMap::new();
    thread::scope(|scope| {
        let lines: Vec<_> = (0..LINES)
            .map(|line| {
                let mut client = fixture.cluster.connect(DATABASE);
                let plan = &plan;
                scope.spawn(move || {
                    let statement = client.prepare(HANG_UP).expect("prepare");
                    let hang_up = |(id, at): &(String, Instant)| {
                        thread::sleep(at.saturating_duration_since(Instant::now()));
                        let began = Instant::now();
                        client.execute(&statement, &[id]).expect("hang up");
                        (id.clone(), began, began.elapsed())
                    };
                    plan.iter().skip(line).step_by(LINES).map(hang_up).collect::<Vec<_>>()
                })
            })
            .collect();
        let mut notifications = listener.notifications();
        let mut coming = notifications.timeout_iter(Duration::from_secs(20));
        while heard.len() < calls {
            let Some(said) = coming.next().expect("notifications") else { panic!("{} of {calls} came", heard.len()) };
            let now = Instant::now();
            let headlines: Vec<Value> = serde_json::from_str(said.payload()).expect("a list");
            for headline in headlines {
                heard.insert(headline["call_id"].as_str().expect("a call").to_owned(), now);
            }
        }
        for line in lines {
            for (id, began, commit) in line.join().expect("a line") {
                said.insert(id, began);
                commits.push(commit.as_secs_f64() * 1000.0);
            }
        }
    });
    let beyond = |(id, began): (&String, &Instant)| {
        (heard[id].saturating_duration_since(*began).as_secs_f64() - delay.as_secs_f64()) * 1000.0
    };
    (Outcome::of(said.iter().map(beyond).collect()), Outcome::of(commits))
}

/// One live call beside whatever else goes on: milliseconds from the hang-up to the row.
pub fn one(fixture: &mut Fixture) -> f64 {
    let id = fixture.open_calls(1).remove(0);
    let began = Instant::now();
    fixture.client.execute(HANG_UP, &[&id]).expect("hang up");
    let sql = "SELECT EXISTS (SELECT FROM voice.analytics WHERE call_id = $1::text::uuid)";
    while !fixture.client.query_one(sql, &[&id]).expect("a look").get::<_, bool>(0) {
        assert!(began.elapsed() < Duration::from_secs(60), "no analytics of a live call");
        thread::sleep(Duration::from_millis(2));
    }
    began.elapsed().as_secs_f64() * 1000.0
}
