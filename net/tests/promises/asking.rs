//! Requests that are answered.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use harness::stub::{Reply, StubLlm};
use voice_core::analysis::Intent;
use voice_core::reply::Tokens;
use voice_net::{ApiKey, Endpoint};

use crate::{CANARY, analysis_request, answers, ask, ask_at, endpoint, model};

#[test]
fn an_answer_carries_analysis_model_tokens_status_and_latency() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::analysis().delay(Duration::from_millis(50)));
    let answer = ask(&stub);
    let reply = answer.outcome.unwrap();
    let analysis = reply.answer.analysis.unwrap();
    assert_eq!((analysis.intent, analysis.lead_score, reply.model.as_str()), (Intent::Booking, 85, "stub-1"));
    assert_eq!((answer.request_id, answer.http_status), (1, Some(200)));
    assert_eq!(answer.spent, Tokens { prompt: Some(221), completion: Some(87), cached: None });
    assert!(answer.latency >= Duration::from_millis(50) && answer.latency < Duration::from_secs(5));
}

#[test]
fn the_request_is_what_openai_documents() {
    let stub = StubLlm::start();
    ask(&stub);
    let requests = stub.requests();
    let request = &requests[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("authorization"), Some(format!("Bearer {CANARY}").as_str()));
    assert_eq!(request.header("user-agent"), Some(concat!("voice_analytics/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    assert_eq!(request.header("content-length"), Some(request.body.len().to_string().as_str()));
    assert_eq!(request.header("transfer-encoding"), None);
    assert_eq!(request.json()["model"], "gpt-4o-mini");
    assert_eq!(request.style(), "json_schema");
    assert_eq!(request.transcript(), "user: Hi, how much is a cut?\nassistant: 40 euros.");
}

#[test]
fn without_a_key_there_is_no_authorization_header() {
    let stub = StubLlm::start();
    ask_at(Endpoint { api_key: None, ..endpoint(&stub.url()) });
    assert_eq!(stub.requests()[0].header("authorization"), None);
}

#[test]
fn a_slash_at_the_end_of_the_url_is_the_same_url() {
    let stub = StubLlm::start();
    ask_at(endpoint(&format!("{}/", stub.url())));
    assert_eq!(stub.requests()[0].path, "/v1/chat/completions");
}

#[test]
fn the_model_asked_for_is_named_where_the_server_names_none() {
    let stub = StubLlm::start();
    let content = Reply::good().to_string();
    stub.answer_always(Reply::json(&serde_json::json!({"choices": [{"message": {"content": content}}]})));
    assert_eq!(ask(&stub).outcome.unwrap().model, "gpt-4o-mini");
}

#[test]
fn a_key_is_never_printed() {
    let printed = format!("{:?}", endpoint("http://127.0.0.1/v1"));
    assert!(printed.contains("***") && !printed.contains(CANARY), "{printed}");
    assert_eq!(ApiKey::new(" key\n").expose(), "key");
}

#[test]
fn connections_are_kept_alive_and_shared() {
    let stub = StubLlm::start();
    let endpoint = Arc::new(endpoint(&stub.url()));
    let mut model = model();
    for request_id in 0..20 {
        model.pool.submit(analysis_request(request_id, &endpoint));
        answers(&mut model, 1);
    }
    let connections: HashSet<u64> = stub.requests().iter().map(|request| request.connection).collect();
    assert_eq!((stub.count(), connections.len()), (20, 1));
}

#[test]
fn a_connection_that_the_server_closed_while_idle_costs_no_attempt() {
    let stub = StubLlm::start();
    let port = stub.address().port();
    let endpoint = Arc::new(endpoint(&stub.url()));
    let mut model = model();
    model.pool.submit(analysis_request(1, &endpoint));
    assert!(answers(&mut model, 1)[0].outcome.is_ok());
    drop(stub);
    let _again = StubLlm::on_port(port);
    model.pool.submit(analysis_request(2, &endpoint));
    assert!(answers(&mut model, 1)[0].outcome.is_ok());
}

#[test]
fn as_many_run_at_once_as_the_limit_says() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::hang());
    let endpoint = Arc::new(Endpoint { timeout: Duration::from_millis(300), ..endpoint(&stub.url()) });
    let mut model = model();
    model.pool.set_limit(5);
    (0..5).for_each(|request_id| model.pool.submit(analysis_request(request_id, &endpoint)));
    assert_eq!(model.pool.in_flight(), 5);
    stub.wait_for(5, Duration::from_secs(5));
    model.pool.submit(analysis_request(
        5,
        &Arc::new(Endpoint { timeout: Duration::from_millis(100), ..(*endpoint).clone() }),
    ));
    assert_eq!(model.pool.in_flight(), 6);
    let answers = answers(&mut model, 6);
    assert!(answers.iter().all(|answer| answer.outcome.is_err()));
    assert_eq!(stub.count(), 5, "the sixth ran out of time behind the others and was never asked");
}

#[test]
fn request_ids_come_back_with_their_own_answers() {
    let stub = StubLlm::start();
    stub.answer(|request| {
        let mut content = Reply::good();
        content["summary"] = request.transcript().into();
        Reply::content(&content.to_string())
    });
    let endpoint = Arc::new(endpoint(&stub.url()));
    let mut model = model();
    for request_id in 0..200 {
        let mut request = analysis_request(request_id, &endpoint);
        request.transcript = format!("user: call {request_id}");
        model.pool.submit(request);
    }
    for answer in answers(&mut model, 200) {
        assert_eq!(
            answer.outcome.unwrap().answer.analysis.unwrap().summary,
            format!("user: call {}", answer.request_id)
        );
    }
    assert_eq!((model.pool.in_flight(), stub.count()), (0, 200));
}
