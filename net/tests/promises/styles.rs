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
fn a_400_about_anything_else_is_not_asked_again() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::error(400, "This model's maximum context length is 8192 tokens."));
    assert_eq!(failure(&stub).class, Class::Job);
    assert_eq!(stub.count(), 1);
}

#[test]
fn a_server_that_rejects_both_styles_is_asked_twice_and_no_more() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::error(400, "response_format is not supported"));
    let failure = failure(&stub);
    assert_eq!(failure.class, Class::Job);
    assert!(failure.message.contains("response_format is not supported"), "{failure}");
    assert_eq!(styles(&stub), ["json_schema", "json_object"]);
}
