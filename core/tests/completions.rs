//! A 200 that is no answer is classified as if its status had said what its body says.

use std::time::Duration;

use serde_json::{Value, json};
use voice_core::protocol::{Class, Failure, Kind, OPENAI_CHAT, Protocol, Rejection, ReplyError};
use voice_core::question::Question;

fn rejected(body: &[u8]) -> Rejection {
    match OPENAI_CHAT.parse(&Question::fixed_fields(), body) {
        Err(ReplyError::Rejected(rejection)) => rejection,
        other => panic!("{other:?}"),
    }
}

fn of(body: &Value) -> Rejection {
    rejected(body.to_string().as_bytes())
}

fn class(rejection: &Rejection) -> Class {
    OPENAI_CHAT.classify(rejection, &rejection.words)
}

#[test]
fn an_error_in_the_body_has_its_own_status_and_words() {
    for (body, status, words) in [
        (json!({"error": {"code": 502, "message": "Provider returned error"}}), 502, "Provider returned error"),
        (json!({"error": {"code": 429, "message": "slow down"}}), 429, "slow down"),
        (json!({"error": {"code": "429", "message": "slow down"}}), 429, "slow down"),
        (json!({"error": {"status": 503, "message": "busy"}}), 503, "busy"),
        (json!([{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "no"}}]), 400, "no"),
        (json!({"error": {"type": "rate_limit_exceeded", "message": "slow down"}}), 429, "slow down"),
        (json!({"error": {"type": "authentication_error", "message": "bad key"}}), 401, "bad key"),
        (json!({"error": {"type": "overloaded_error", "message": "busy"}}), 503, "busy"),
        (json!({"error": "upstream is down"}), 502, "upstream is down"),
        (json!({"error": {"message": "upstream is down"}, "choices": []}), 502, "upstream is down"),
        (json!({"detail": "Model is loading"}), 502, "Model is loading"),
        (
            json!({"object": "error", "message": "System role not supported", "type": "BadRequestError", "code": 400}),
            400,
            "System role not supported",
        ),
        (json!({"choices": [{"error": {"code": 502, "message": "cut"}, "message": {"content": ""}}]}), 502, "cut"),
    ] {
        let rejection = of(&body);
        assert_eq!((rejection.status, rejection.words.as_str()), (status, words), "{body}");
        assert!(rejection.body.is_some());
    }
    assert!(matches!(class(&of(&json!({"error": {"code": 502}}))), Class::Provider { suspect: true, .. }));
    assert_eq!(class(&of(&json!({"error": {"code": 401}}))), Class::Configuration);
}

#[test]
fn no_answer_at_all_is_the_gateways_fault() {
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    for (body, why) in [
        (&b""[..], "the body is empty"),
        (b" \n", "the body is empty"),
        (b"{}", "choices is missing"),
        (br#"{"id": null, "choices": null}"#, "choices is null"),
        (br#"{"choices": []}"#, "choices is empty"),
        (br#"{"choices": [{}]}"#, "message is missing"),
        (br#"{"choices": [{"finish_reason": "error", "message": {"content": ""}}]}"#, "finish_reason is error"),
        (br#"{"choices": ["#, "the body is cut off"),
        (&gzip, "the body is compressed, which nobody asked for"),
        (b"<html><title>Maintenance</title></html>", "the body is a page of HTML or XML"),
        (b"data: {\"choices\": []}\n\n", "the body is a stream of events, although the request asks for none"),
        (b"{\"done\": false}\n{\"done\": true}\n", "the body is of Ollama's own API, llm_url must end in /v1"),
        (br#"{"message": {"content": "x"}, "done": true}"#, "the body is of Ollama's own API, llm_url must end in /v1"),
        (b"{\"a\": 1}\n{\"b\": 1}\n", "the body is more than one JSON object"),
        (b"\x01\x02", "the body is not JSON at line 1 column 1"),
        (br#"{"choices": "x"}"#, "a field is of another type at line 1 column 15"),
    ] {
        let rejection = rejected(body);
        assert_eq!(
            (rejection.status, rejection.body.as_deref()),
            (502, Some(why)),
            "{}",
            String::from_utf8_lossy(body)
        );
        assert!(matches!(class(&rejection), Class::Provider { .. }));
    }
}

#[test]
fn the_operator_is_told_the_providers_words_and_that_the_status_was_200() {
    let rejection = of(&json!({"error": {"code": 502, "message": "Provider returned error of sk-canary-0123456789"}}));
    let failure = Failure::of_rejection(&OPENAI_CHAT, &rejection, b"", &[]);
    assert_eq!(failure.kind, Kind::Status(502));
    assert_eq!(
        failure.message,
        "the LLM server failed (HTTP 200 that means 502; the body is an error): Provider returned error of ***"
    );
    let page = rejected(b"<html><style>x{}</style><h1>Maintenance</h1>\nback at <b>ten</b></html>");
    let failure = Failure::of_rejection(&OPENAI_CHAT, &page, b"", &[]);
    assert!(failure.message.ends_with("the body is a page of HTML or XML): Maintenance back at ten"), "{failure}");
}

#[test]
fn what_a_gateway_quotes_of_the_request_is_not_repeated() {
    let said = "My husband must not hear of this, I am leaving him";
    let rejection = of(&json!({"error": {"code": 400, "message": format!("cannot judge \"{said}\"")}}));
    let request = json!({"messages": [{"content": said}]}).to_string();
    let failure = Failure::of_rejection(&OPENAI_CHAT, &rejection, request.as_bytes(), &[]);
    assert!(failure.message.contains("cannot judge") && !failure.message.contains("husband"), "{failure}");
}

#[test]
fn the_wait_that_a_response_asks_for_is_kept() {
    let retry_after = Some(Duration::from_secs(7));
    let rejection = Rejection { retry_after, ..of(&json!({"error": {"code": 429, "message": "slow down"}})) };
    assert_eq!(class(&rejection), Class::Provider { retry_after, suspect: true });
}
