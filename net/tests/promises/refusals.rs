//! Bad answers of a model: each is one failed attempt of the job, and its message says what was bad.

use harness::stub::{Reply, StubLlm};
use serde_json::{Value, json};
use voice_core::reply::Tokens;
use voice_net::Class;

use crate::{ask, failure};

#[track_caller]
fn refused(reply: Reply) -> String {
    let stub = StubLlm::start();
    stub.answer_always(reply);
    let failure = failure(&stub);
    assert_eq!(failure.class, Class::Job);
    assert_eq!(stub.count(), 1, "a bad answer is not asked for again here");
    let words = failure.message.strip_prefix("the model's reply was refused: ");
    words.unwrap_or_else(|| panic!("{failure}")).to_owned()
}

fn spoilt(field: &str, value: Value) -> Reply {
    let mut content = Reply::good();
    content[field] = value;
    Reply::content(&content.to_string())
}

#[test]
fn prose_is_refused() {
    assert!(refused(Reply::content("She was happy.")).starts_with("not JSON"));
}

#[test]
fn json_with_text_around_it_is_refused() {
    let content = Reply::good();
    assert_eq!(refused(Reply::content(&format!("Sure! {content}"))), "there is text before the JSON object");
    assert_eq!(refused(Reply::content(&format!("{content} Bye!"))), "there is text after the JSON object");
}

#[test]
fn truncated_json_is_refused() {
    let content = Reply::good().to_string();
    assert_eq!(refused(Reply::content(&content[..content.len() / 2])), "the JSON is cut off");
    let message = json!({"role": "assistant", "content": content});
    assert_eq!(refused(Reply::message(message, "length")), "the answer is not whole: finish_reason is length");
}

#[test]
fn wrong_types_are_refused() {
    assert_eq!(refused(spoilt("sentiment", json!("good"))), "sentiment must be a number, not a string");
    assert_eq!(refused(spoilt("entities", json!([]))), "entities must be an object, not an array");
}

#[test]
fn nan_is_refused() {
    assert!(refused(Reply::content(&Reply::good().to_string().replace("0.6", "NaN"))).starts_with("not JSON"));
}

#[test]
fn a_score_of_250_is_refused() {
    assert_eq!(refused(spoilt("lead_score", json!(250))), "lead_score must be from 0 to 100, not 250");
}

#[test]
fn an_intent_of_banana_is_refused() {
    assert!(refused(spoilt("intent", json!("banana"))).ends_with("not another word of 6 characters"));
}

#[test]
fn nul_characters_are_refused() {
    assert_eq!(refused(spoilt("summary", json!("a\0b"))), "summary contains a NUL character");
    assert!(!refused(spoilt("intent", json!("a\0b"))).contains('\0'));
}

#[test]
fn five_megabytes_are_refused_without_being_read() {
    assert_eq!(refused(Reply::content(&"x".repeat(5_000_000))), "it is larger than 1 MB");
}

#[test]
fn that_the_model_refuses_is_passed_on_and_its_words_are_not() {
    assert_eq!(refused(Reply::refusal("I can't assist with that.")), "the model refused, in 25 characters");
}

#[test]
fn what_a_refused_answer_cost_is_reported() {
    let stub = StubLlm::start();
    stub.answer_always(spoilt("lead_score", json!(250)));
    let answer = ask(&stub);
    assert_eq!(
        (answer.http_status, answer.spent),
        (Some(200), Tokens { prompt: Some(221), completion: Some(87), cached: None })
    );
}
