//! Servers and ways there that fail: who is to blame, and that every request is answered in time all the same.

use std::net::TcpListener;
use std::time::{Duration, Instant, SystemTime};

use harness::stub::{Reply, StubLlm};
use voice_net::{ApiKey, Class, Endpoint, Failure, RETRY_AFTER_MAX};

use crate::{CANARY, PROVIDER, SUSPECT, endpoint, failure, failure_at};

#[track_caller]
fn of(reply: Reply) -> Failure {
    let stub = StubLlm::start();
    stub.answer_always(reply);
    failure(&stub)
}

fn impatient(stub: &StubLlm) -> Endpoint {
    Endpoint { timeout: Duration::from_millis(200), ..endpoint(&stub.url()) }
}

/// The client's own time-out: the message of a request that was abandoned is another.
#[track_caller]
fn timed_out(reply: Reply) {
    let stub = StubLlm::start();
    stub.answer_always(reply);
    let failure = failure_at(impatient(&stub));
    assert_eq!((failure.class, failure.message.as_str()), (SUSPECT, "no answer from the LLM server within 0.2 s"));
}

#[test]
fn a_rejected_key_is_the_configurations_fault_and_stays_unsaid() {
    for status in [401, 403] {
        let failure = of(Reply::error(status, &format!("Incorrect API key provided: {CANARY}, or CANARY-0**6789.")));
        assert_eq!(failure.class, Class::Configuration);
        let what = if status == 401 { "refuses the API key" } else { "forbids the request" };
        assert_eq!(
            failure.message,
            format!("the LLM server {what} (HTTP {status}): Incorrect API key provided: ***, or ***")
        );
    }
}

#[test]
fn an_unknown_model_is_the_configurations_fault() {
    assert_eq!(of(Reply::error(404, "The model `gpt-9` does not exist")).class, Class::Configuration);
    assert_eq!(of(Reply::error(400, "gpt-9 is not a valid model ID")).class, Class::Configuration);
    assert_eq!(of(Reply::error(400, "API key not valid. Please pass a valid API key.")).class, Class::Configuration);
}

#[test]
fn a_rejected_request_is_the_jobs_fault() {
    for status in [400, 413, 415, 422] {
        assert_eq!(of(Reply::error(status, "too long")).class, Class::Job, "{status}");
    }
}

#[test]
fn overload_and_outage_are_the_providers_fault() {
    for status in [402, 408, 409, 425, 429, 500, 502, 503, 504, 529] {
        assert_eq!(of(Reply::error(status, "later")).class, SUSPECT, "{status}");
    }
}

#[test]
fn retry_after_is_honoured_in_seconds_and_as_a_date_and_capped() {
    let asked = |value: &str| match of(Reply::error(429, "slow down").header("Retry-After", value)).class {
        Class::Provider { retry_after, .. } => retry_after,
        other => panic!("{other:?}"),
    };
    assert_eq!(asked("7"), Some(Duration::from_secs(7)));
    assert_eq!(asked("1000000000"), Some(RETRY_AFTER_MAX));
    assert_eq!(asked("99999999999999999999999999"), Some(RETRY_AFTER_MAX));
    assert_eq!(asked("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
    assert_eq!(asked("soon"), None);
    assert_eq!(asked("-5"), None);
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
    let wait = asked(&date).unwrap();
    assert!((90..=100).contains(&wait.as_secs()), "{wait:?}");
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = StubLlm::start();
    for (status, class) in [(301, Class::Configuration), (308, Class::Configuration), (302, SUSPECT), (307, SUSPECT)] {
        let failure = of(Reply::error(status, "").header("Location", &elsewhere.url()));
        assert_eq!(failure.class, class, "{status}");
        assert!(failure.message.starts_with(&format!("the LLM server redirects to {}", elsewhere.url())), "{failure}");
    }
    assert_eq!(elsewhere.connections() + elsewhere.count(), 0);
}

#[test]
fn a_refused_connection_is_the_providers_fault() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let failure = failure_at(endpoint(&format!("http://127.0.0.1:{port}/v1")));
    assert_eq!((failure.class, failure.message.as_str()), (PROVIDER, "the LLM server refuses connections"));
}

#[test]
fn a_closed_connection_is_the_providers_fault() {
    for reply in [Reply::close(), Reply::analysis().cut_after(40), Reply::raw(b"HTTP/1.1 200 OK\r\ncontent-le")] {
        let failure = of(reply);
        assert_eq!((failure.class, failure.message.as_str()), (SUSPECT, "the LLM server closed the connection"));
    }
}

#[test]
fn a_server_that_hangs_is_given_up_in_time() {
    timed_out(Reply::hang());
    timed_out(Reply::analysis().delay(Duration::from_secs(60)));
}

#[test]
fn a_slow_drip_does_not_stretch_the_deadline() {
    timed_out(Reply::analysis().drip(1, Duration::from_millis(20)));
}

#[test]
fn a_server_that_never_accepts_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let failure = failure_at(Endpoint { timeout: Duration::from_millis(200), ..endpoint(&url) });
    assert_eq!((failure.class, failure.message.as_str()), (SUSPECT, "no answer from the LLM server within 0.2 s"));
}

#[test]
fn the_second_try_in_the_other_style_gets_no_time_of_its_own() {
    let stub = StubLlm::start();
    stub.answer(|request| match request.style().as_str() {
        "json_schema" => Reply::error(400, "no json_schema here").delay(Duration::from_millis(1500)),
        _ => Reply::hang(),
    });
    let start = Instant::now();
    let failure = failure_at(Endpoint { timeout: Duration::from_secs(2), ..endpoint(&stub.url()) });
    // Another two seconds would end at 3.5 s, past the hard deadline, and the request would have been abandoned.
    assert_eq!((failure.class, failure.message.as_str()), (SUSPECT, "no answer from the LLM server within 2 s"));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert_eq!(stub.count(), 2);
}

#[test]
fn nonsense_on_the_wire_is_the_providers_fault() {
    for wire in [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"HTTP/1.1 999999 ?\r\n\r\n", b"\0\0\0\0\0\0\0\0\r\n\r\n"] {
        assert_eq!(of(Reply::raw(wire)).class, SUSPECT, "{}", String::from_utf8_lossy(wire));
    }
    let header = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    assert_eq!(of(Reply::raw(header.as_bytes())).class, SUSPECT);
}

#[test]
fn http_1_0_without_a_length_is_read_to_its_end() {
    let content = serde_json::json!({"choices": [{"message": {"content": Reply::good().to_string()}}]});
    let stub = StubLlm::start();
    stub.answer_always(Reply::raw(format!("HTTP/1.0 200 OK\r\n\r\n{content}").as_bytes()));
    assert!(crate::ask(&stub).outcome.is_ok());
}

#[test]
fn early_hints_are_no_answer_and_no_fault() {
    let content = serde_json::json!({"choices": [{"message": {"content": Reply::good().to_string()}}]}).to_string();
    let stub = StubLlm::start();
    stub.answer_always(Reply::raw(
        format!(
            "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{content}",
            content.len()
        )
        .as_bytes(),
    ));
    assert!(crate::ask(&stub).outcome.is_ok());
}

#[test]
fn a_header_may_be_long_but_not_endless() {
    let padded = |bytes: usize| Reply::analysis().header("X-Padding", &"x".repeat(bytes));
    let stub = StubLlm::start();
    stub.answer_always(padded(7000));
    assert!(crate::ask(&stub).outcome.is_ok());
    let failure = of(padded(20_000));
    assert_eq!((failure.class, failure.message.as_str()), (SUSPECT, "the LLM server's response header is too large"));
}

#[test]
fn a_server_that_speaks_no_tls_is_the_providers_fault() {
    let stub = StubLlm::start();
    let failure = failure_at(endpoint(&stub.url().replace("http:", "https:")));
    // Nothing of the request was sent, so the request has no part in it.
    assert_eq!(failure.class, PROVIDER);
    assert!(failure.message.starts_with("no secure connection to the LLM server: "), "{failure}");
}

#[test]
fn an_unknown_host_is_the_providers_fault() {
    let failure = failure_at(endpoint("http://no-such-host.invalid/v1"));
    assert_eq!((failure.class, failure.message.as_str()), (PROVIDER, "the LLM server's name is not known"));
}

#[test]
fn a_url_or_a_key_that_cannot_be_sent_is_the_configurations_fault() {
    for url in ["", "localhost:8080/v1", "ftp://host/v1", "http://", "http://host name/v1", "http:///v1"] {
        assert_eq!(failure_at(endpoint(url)).class, Class::Configuration, "{url}");
    }
    let stub = StubLlm::start();
    let key = ApiKey::new(&format!("{CANARY}\nX-Evil: 1"));
    assert_eq!(failure_at(Endpoint { api_key: Some(key), ..endpoint(&stub.url()) }).class, Class::Configuration);
    assert_eq!(stub.count(), 0);
}

#[test]
fn a_servers_long_words_are_shortened_and_cleaned() {
    let failure = of(Reply::error(500, &format!("a\0b\n{}", "é".repeat(5000))));
    assert!(failure.message.starts_with("the LLM server failed (HTTP 500): a b é"), "{failure}");
    assert!(failure.message.ends_with('…') && failure.message.chars().count() < 250, "{failure}");
}
