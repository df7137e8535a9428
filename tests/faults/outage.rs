//! The LLM server is down for the whole of a run, and then it is up.

use std::thread;
use std::time::{Duration, Instant};

use harness::stub::{Reply, StubLlm};

use crate::fixture::{Fixture, short_or_long};

/// What is in flight when it goes down, then a handful until the breaker opens, then a probe now and then.
fn most_requests(down: Duration) -> usize {
    16 + 5 + 6 + down.as_secs() as usize / 15
}

/// One attempt is all a job has: one that the outage used up would be its last.
fn fixture() -> Fixture {
    Fixture::with(|b| b.setting("voice_analytics.max_attempts", 1))
}

/// From the moment it is up.
fn drain(fixture: &mut Fixture, case: &str, did: &str, asked_while_down: Option<usize>) {
    let start = Instant::now();
    fixture.voice.drained();
    let drained = format!("all analysed {:.1} s after it was up", start.elapsed().as_secs_f64());
    let while_down = asked_while_down.map(|n| format!("{n} requests while it was down; ")).unwrap_or_default();
    let tally = fixture.tally(case, did, &(while_down + &drained));
    assert_eq!((tally.analytics, tally.dead), (tally.calls, 0));
    assert_eq!(fixture.voice.count("SELECT max(attempt)::bigint FROM voice.attempt"), 1, "no attempt is used up");
}

#[test]
fn an_llm_that_fails_throughout_costs_no_attempt_and_few_requests() {
    let down = Duration::from_secs(short_or_long(5, 60));
    let mut fixture = fixture();
    fixture.stub.answer_always(Reply::error(503, "overloaded"));
    fixture.calls_end(1000);
    fixture.voice.state("waiting for provider");
    // The time that it is down is the case itself.
    thread::sleep(down);
    let asked = fixture.requests();
    assert!(asked <= most_requests(down), "{asked}");
    assert_eq!(fixture.voice.count("SELECT max(attempt)::bigint FROM voice.job WHERE lease IS NULL"), 0);
    fixture.stub.answer_always(Reply::analysis());
    drain(&mut fixture, "3a", &format!("LLM answers 503 for {} s, then works", down.as_secs()), Some(asked));
}

#[test]
fn an_llm_that_is_not_there_costs_no_attempt() {
    let down = Duration::from_secs(short_or_long(3, 60));
    let mut fixture = fixture();
    let port = fixture.stub.address().port();
    drop(std::mem::replace(&mut fixture.stub, StubLlm::start()));
    fixture.calls_end(1000);
    fixture.voice.state("waiting for provider");
    thread::sleep(down);
    fixture.stub = StubLlm::on_port(port);
    drain(&mut fixture, "3b", &format!("LLM refuses connections for {} s, then works", down.as_secs()), None);
}
