//! Servers with and without strict JSON schemas.

use std::sync::Arc;

use harness::stub::{Reply, StubLlm};
use voice_net::{Class, Endpoint};

use crate::{analysis_request, answers, ask, endpoint, failure, model};

fn styles(stub: &StubLlm) -> Vec<String> {
    stub.requests().iter().map(|request| request.style()).collect()
}

#[test]
fn a_server_that_rejects_json_schema_is_asked_for_json_object_and_remembered() {
    let stub = StubLlm::start();
    stub.answer(Reply::rejects_json_schema);
    let first = Arc::new(endpoint(&stub.url()));
    let mut model = model();
    model.pool.submit(analysis_request(1, &first));
    assert!(answers(&mut model, 1)[0].outcome.is_ok());
    assert_eq!(styles(&stub), ["json_schema", "json_object"]);

    // Settings are read anew: the same place is the same server.
    model.pool.submit(analysis_request(2, &Arc::new(endpoint(&stub.url()))));
    assert!(answers(&mut model, 1)[0].outcome.is_ok());
    assert_eq!(styles(&stub)[2..], ["json_object"]);

    model.pool.submit(analysis_request(3, &Arc::new(Endpoint { model: "other".into(), ..endpoint(&stub.url()) })));
    assert!(answers(&mut model, 1)[0].outcome.is_ok());
    assert_eq!(styles(&stub)[3..], ["json_schema", "json_object"], "another model is another matter");
}

#[test]
fn both_styles_ask_the_same_of_the_same_transcript() {
    let stub = StubLlm::start();
    stub.answer(Reply::rejects_json_schema);
    ask(&stub);
    let (schema, object) = (stub.requests()[0].json(), stub.requests()[1].json());
    assert_eq!((&schema["messages"], &schema["model"]), (&object["messages"], &object["model"]));
    assert_eq!(object["response_format"], serde_json::json!({"type": "json_object"}));
}

#[test]
fn a_422_about_the_format_is_understood_as_well() {
    let stub = StubLlm::start();
    stub.answer(|request| match request.style().as_str() {
        "json_schema" => {
            Reply::json(&serde_json::json!({"detail": [{"loc": ["body", "response_format", "type"]}]})).status(422)
        }
        _ => Reply::analysis(),
    });
    assert!(ask(&stub).outcome.is_ok());
}

#[test]
fn whatever_is_rejected_with_a_400_is_asked_once_in_each_form_before_the_call_is_blamed() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::error(400, "System role not supported"));
    let failure = failure(&stub);
    assert_eq!(failure.class, Class::Job);
    assert!(failure.message.contains("System role not supported"), "{failure}");
    assert_eq!(styles(&stub), ["json_schema", "json_object", ""]);
}

#[test]
fn a_server_that_takes_no_form_at_all_is_asked_without_one() {
    let stub = StubLlm::start();
    stub.answer(|request| match request.style().as_str() {
        "" => Reply::analysis(),
        _ => Reply::error(400, "model m does not support parameters: ['response_format']"),
    });
    assert!(ask(&stub).outcome.is_ok());
    assert_eq!(styles(&stub), ["json_schema", "json_object", ""]);
}

#[test]
fn one_odd_rejection_changes_nothing_for_the_others() {
    let stub = StubLlm::start();
    stub.answer(|request| match request.transcript().contains("odd") {
        true => Reply::error(400, "maximum context length is 8192 tokens, of which 310 are for response_format"),
        false => Reply::analysis(),
    });
    let mut model = model();
    let endpoint = Arc::new(endpoint(&stub.url()));
    for (id, words) in ["hello", "odd", "hello", "odd", "hello"].into_iter().enumerate() {
        let request = analysis_request(id as u64, &endpoint);
        model.pool.submit(voice_net::AnalysisRequest { transcript: format!("user: {words}"), ..request });
        assert_eq!(answers(&mut model, 1)[0].outcome.is_ok(), words == "hello");
    }
    let asked: Vec<String> =
        stub.requests().iter().filter(|r| r.transcript().contains("hello")).map(|r| r.style()).collect();
    assert_eq!(asked, ["json_schema"; 3]);
}

#[test]
fn nothing_is_learnt_from_a_rejection_that_no_answer_followed() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::error(400, "no"));
    let mut model = model();
    let endpoint = Arc::new(endpoint(&stub.url()));
    model.pool.submit(analysis_request(1, &endpoint));
    assert!(answers(&mut model, 1)[0].outcome.is_err());
    stub.answer_always(Reply::analysis());
    model.pool.submit(analysis_request(2, &endpoint));
    assert!(answers(&mut model, 1)[0].outcome.is_ok());
    assert_eq!(styles(&stub), ["json_schema", "json_object", "", "json_schema"]);
}

#[test]
fn what_was_learnt_is_forgotten_when_somebody_asks() {
    let stub = StubLlm::start();
    stub.answer(Reply::rejects_json_schema);
    let mut model = model();
    let endpoint = Arc::new(endpoint(&stub.url()));
    model.pool.submit(analysis_request(1, &endpoint));
    assert!(answers(&mut model, 1)[0].outcome.is_ok());
    model.styles.forget();
    model.pool.submit(analysis_request(2, &endpoint));
    assert!(answers(&mut model, 1)[0].outcome.is_ok());
    assert_eq!(styles(&stub), ["json_schema", "json_object", "json_schema", "json_object"]);
}
