//! Calls that are longer than one request may be.

use crate::voice::Voice;
use harness::stub::{Reply, Request, StubLlm};
use std::time::{Duration, Instant};

/// Turns of a call of some 40 times 100 characters.
fn long_call() -> Vec<(&'static str, String)> {
    let said = |at: usize| {
        format!(
            "This is statement {at} of a long call, and it goes on for some hundred characters so that parts are needed."
        )
    };
    (0..40).map(|at| (if at % 2 == 0 { "assistant" } else { "user" }, said(at))).collect()
}

fn end_long_call(voice: &mut Voice) -> String {
    let turns = long_call();
    let turns: Vec<(&str, &str)> = turns.iter().map(|(role, text)| (*role, text.as_str())).collect();
    voice.call(&turns)
}

fn asks_for_notes(request: &Request) -> bool {
    request.json()["response_format"]["json_schema"]["schema"]["properties"].get("notes").is_some()
}

#[test]
fn every_line_of_a_long_call_is_read_by_the_model_once() {
    let stub = StubLlm::start();
    stub.answer(Reply::fitting);
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.transcript_max_chars", 2000));
    let call = end_long_call(&mut voice);
    voice.drained();
    let requests = stub.requests();
    let (notes, judged): (Vec<&Request>, Vec<&Request>) = requests.iter().partition(|request| asks_for_notes(request));
    assert!(notes.len() > 1, "{} parts", notes.len());
    assert_eq!(judged.len(), 1);
    let all: String = requests.iter().map(|request| request.transcript() + "\n").collect();
    for at in 0..40 {
        let line = format!("[{}] ", at + 1);
        let said = format!("This is statement {at} of");
        let times = all.lines().filter(|text| text.starts_with(&line) && text.contains(&said)).count();
        assert_eq!(times, 1, "line {}", at + 1);
    }
    assert!(judged[0].transcript().contains("in notes] Lines (1) to ("), "{}", judged[0].transcript());
    let outcomes: Vec<String> = voice.attempts(&call).into_iter().map(|(outcome, _)| outcome).collect();
    assert_eq!(outcomes.len(), requests.len(), "each request is a row");
    assert_eq!(
        (outcomes.last().unwrap().as_str(), outcomes.iter().filter(|o| *o == "part").count()),
        ("ok", notes.len())
    );
    let tokens = format!("SELECT count(*) FROM voice.analytics WHERE prompt_tokens = 221 * {}", requests.len());
    assert_eq!(voice.count(&tokens), 1);
}

#[test]
fn a_failure_late_costs_one_request_and_not_all() {
    let stub = StubLlm::start();
    stub.answer(
        |request| if asks_for_notes(request) { Reply::fitting(request) } else { Reply::error(503, "overloaded") },
    );
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.transcript_max_chars", 2000));
    end_long_call(&mut voice);
    voice.until("SELECT EXISTS (SELECT FROM voice.attempt WHERE outcome IN ('failed', 'snoozed'))");
    let notes = stub.requests().iter().filter(|request| asks_for_notes(request)).count();
    stub.answer(Reply::fitting);
    voice.client.batch_execute("SELECT voice_resume()").unwrap();
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
    assert_eq!(stub.requests().iter().filter(|request| asks_for_notes(request)).count(), notes);
}

#[test]
fn with_ends_the_beginning_and_the_end_are_judged_in_one_request() {
    let stub = StubLlm::start();
    let builder = Voice::asking(&stub)
        .setting("voice_analytics.transcript_max_chars", 2000)
        .setting("voice_analytics.long_transcripts", "ends");
    let mut voice = Voice::on(builder);
    end_long_call(&mut voice);
    voice.drained();
    let request = &stub.requests()[0];
    assert_eq!(stub.count(), 1);
    let transcript = request.transcript();
    assert!(transcript.starts_with("[1] assistant: This is statement 0 of"), "{transcript}");
    assert!(transcript.contains(" turns left out …]") && transcript.contains("[40] user: This is statement 39 of"));
}

#[test]
fn parts_keep_to_the_limit_of_requests_in_flight() {
    let stub = StubLlm::start();
    const DELAY: Duration = Duration::from_millis(30);
    stub.answer(|request| Reply::fitting(request).delay(DELAY));
    let builder = Voice::asking(&stub)
        .setting("voice_analytics.transcript_max_chars", 500)
        .setting("voice_analytics.max_concurrency", 2);
    let mut voice = Voice::on(builder);
    end_long_call(&mut voice);
    voice.drained();
    let arrived: Vec<Instant> = stub.requests().iter().map(|request| request.arrived).collect();
    assert!(arrived.len() > 4, "{}", arrived.len());
    // With two in flight at most, the third arrives when the first is answered.
    for three in arrived.windows(3) {
        assert!(three[2] - three[0] >= DELAY, "three requests within {:?}", three[2] - three[0]);
    }
}

#[test]
fn a_server_that_cuts_the_prompt_is_named_in_the_status_and_judges_nothing() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    stub.answer(|request| {
        let body = Reply::fitting_content(request, &request.json()["response_format"]["json_schema"]["schema"]);
        Reply::json(&serde_json::json!({
            "object": "chat.completion", "model": "stub-1",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": body.to_string()}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 600, "completion_tokens": 90}
        }))
    });
    let words = "and so on ".repeat(2000);
    voice.call(&[("user", &words)]);
    let reason = voice.state("misconfigured");
    assert!(reason.starts_with("the LLM server cut the prompt: it was sent a transcript of 200"), "{reason}");
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 0);
}
