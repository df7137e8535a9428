//! A call of an hour and a half, longer than one request may be: how many round trips to the model until it is judged.

use std::time::{Duration, Instant};

use harness::stub::Reply;

use super::DEADLINE;
use super::fixture::Fixture;
use crate::progress::step;
use crate::report::{Report, Row, Target, Unit};

const DELAY: Duration = Duration::from_millis(200);
/// Over 90 minutes, one every 7.5 seconds.
const TURNS: i64 = 720;
const CALL: &str = include_str!("../../sql/worker/long_call.sql");

pub fn run(fixture: &mut Fixture, rounds: usize, report: &mut Report) {
    step(&format!("the worker: a call of {TURNS} turns, LLM 0.2 s, {rounds} rounds"));
    fixture.configure(DELAY, 64, "openai");
    fixture.stub.answer(|request| Reply::fitting(request).delay(DELAY));
    let (mut times, mut chars, before) = (Vec::new(), 0_i64, fixture.stub.count());
    for _ in 0..rounds {
        let row = fixture.client.query_one(CALL, &[&TURNS]).unwrap_or_else(|e| panic!("a long call: {e:?}"));
        let id: String = row.get(0);
        chars = row.get(1);
        let began = Instant::now();
        let end = "UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp() WHERE id = $1::text::uuid";
        fixture.client.execute(end, &[&id]).expect("hang up");
        let judged = "SELECT EXISTS (SELECT FROM voice.analytics WHERE call_id = $1::text::uuid)";
        while !fixture.client.query_one(judged, &[&id]).expect("a look").get::<_, bool>(0) {
            assert!(began.elapsed() < DEADLINE, "a long call that is not judged");
            std::thread::sleep(Duration::from_millis(2));
        }
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    report.add(
        Row::new("hang-up → analytics of a call of 90 minutes, LLM 0.2 s", Unit::Milliseconds, times[times.len() / 2])
            .target(Target::AtMost(3.0 * DELAY.as_secs_f64() * 1000.0))
            .remark(format!(
                "{TURNS} turns, {chars} characters, {:.0} requests; median of {rounds}; target: three round trips",
                (fixture.stub.count() - before) as f64 / rounds as f64
            )),
    );
}
