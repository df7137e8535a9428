//! What analyses that users define cost: two of them beside none, in turns.

use std::time::Duration;

use harness::stub::Reply;

use super::fixture::Fixture;
use super::{DEADLINE, drain, ms_a_call};
use crate::pgbench::median;
use crate::progress::step;
use crate::report::{Report, Row, Target, Unit};

/// 12 properties and 6 criteria.
const DEFINE: &str = include_str!("../../sql/worker/define.sql");
const RETIRE: &str = "SELECT voice_retire_analysis(name) FROM voice_analyses()";

pub fn run(fixture: &mut Fixture, seconds: usize, rounds: usize, report: &mut Report) {
    let calls = 1000 * seconds;
    step(&format!("the worker: {calls} calls, LLM at 0 s, without and with two analyses, {rounds} rounds"));
    fixture.configure(Duration::ZERO, 64, "openai");
    // One answer to one call; what comes is the same for all, with the evidence that a model gives.
    fixture.client.batch_execute(DEFINE).expect("define");
    fixture.stub.keep_requests(true);
    fixture.stub.answer(Reply::fitting);
    fixture.backlog(1);
    fixture.resume();
    fixture.drained(DEADLINE);
    let request = fixture.stub.requests().pop().expect("a request");
    fixture.stub.keep_requests(false);
    let (mut without, mut with, mut requests) = (Vec::new(), Vec::new(), 0);
    for _ in 0..rounds {
        fixture.client.batch_execute(RETIRE).expect("retire");
        fixture.stub.answer_always(Reply::analysis());
        without.push(ms_a_call(drain(fixture, calls, 64).cpu.server, calls));
        fixture.client.batch_execute(DEFINE).expect("define");
        fixture.stub.answer_always(Reply::fitting(&request));
        let before = fixture.stub.count();
        with.push(ms_a_call(drain(fixture, calls, 64).cpu.server, calls));
        requests += fixture.stub.count() - before;
    }
    fixture.client.batch_execute(RETIRE).expect("retire");
    let results = "SELECT count(*) FROM voice.result";
    let stored: i64 = fixture.client.query_one(results, &[]).expect("results").get(0);
    assert_eq!(stored as usize, 2 * (rounds * calls + 1), "results");
    let ratios: Vec<f64> = with.iter().zip(&without).map(|(with, without)| without / with).collect();
    report.add(
        Row::new("CPU a call with two analyses, beside none", Unit::Milliseconds, median(with))
            .against(median(without))
            .ratio(median(ratios))
            .target(Target::RatioAtLeast(1.0 / 1.6))
            .remark(format!(
                "every process of the server; 12 properties, 6 criteria, evidence for each; the second column is without; median of {rounds} rounds in turns; {:.2} requests a call",
                requests as f64 / (rounds * calls) as f64
            )),
    );
}
