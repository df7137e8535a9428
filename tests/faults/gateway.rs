//! A gateway that answers 200 and means 502 for the whole of a run, and then works.

use std::thread;
use std::time::{Duration, Instant};

use harness::stub::Reply;
use serde_json::json;

use crate::fixture::{Fixture, short_or_long};

/// What gateways say in place of a model's answer.
fn replies() -> [(&'static str, Reply); 5] {
    [
        ("an error of code 502", Reply::json(&json!({"error": {"code": 502, "message": "Provider returned error"}}))),
        ("choices: null", Reply::json(&json!({"id": null, "choices": null}))),
        ("finish_reason: error", Reply::message(json!({"role": "assistant", "content": ""}), "error")),
        ("a page of HTML", Reply::body(b"<html>maintenance</html>")),
        ("an empty body", Reply::body(b"")),
    ]
}

#[test]
fn a_gateway_that_says_200_and_means_502_costs_no_attempt_and_few_requests() {
    let down = Duration::from_secs(short_or_long(3, 60));
    let mut fixture = Fixture::with(|b| b.setting("voice_analytics.max_attempts", 1));
    for ((what, reply), case) in replies().into_iter().zip(["3c", "3d", "3e", "3f", "3g"]) {
        fixture.stub.answer_always(reply);
        fixture.calls_end(1000);
        let reason = fixture.voice.state("waiting for provider");
        assert!(reason.contains("HTTP 200 that means 502"), "{reason}");
        // The time that it is down is the case itself.
        thread::sleep(down);
        let asked = fixture.requests();
        // What is in flight when it goes down, a handful until requests stop, then a probe now and then.
        assert!(asked <= 16 + 5 + 6 + down.as_secs() as usize / 15, "{asked}");
        assert_eq!(fixture.voice.count("SELECT max(attempt)::bigint FROM voice.job WHERE lease IS NULL"), 0);
        fixture.stub.answer_always(Reply::analysis());
        let start = Instant::now();
        fixture.voice.drained();
        let remark = format!(
            "{asked} requests while it was down; all analysed {:.1} s after it was up",
            start.elapsed().as_secs_f64()
        );
        let did = format!("LLM answers 200 with {what} for {} s, then works", down.as_secs());
        let tally = fixture.tally(case, &did, &remark);
        assert_eq!((tally.analytics, tally.dead), (tally.calls, 0));
        assert_eq!(fixture.voice.count("SELECT max(attempt)::bigint FROM voice.attempt"), 1, "no attempt is used up");
        fixture.clear();
    }
}
