//! What stands between this machine and a model: gateways that answer 200 for others, headers that they want, a proxy.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use harness::stub::{Reply, StubLlm};
use serde_json::json;
use voice_core::protocol::{Kind, RequestOptions};
use voice_core::reply::Tokens;
use voice_net::{ApiKey, Class, Endpoint, Header};

use crate::{PROVIDER, SUSPECT, ask, ask_at, endpoint, failure, failure_at};

#[test]
fn a_200_that_means_502_is_a_502() {
    for (reply, words) in [
        (json!({"error": {"code": 502, "message": "Provider returned error"}}), "Provider returned error"),
        (json!({"id": null, "choices": null}), "choices is null"),
        (json!({"choices": []}), "choices is empty"),
        (json!({"choices": [{"finish_reason": "error", "message": {"content": ""}}]}), "finish_reason is error"),
    ] {
        let stub = StubLlm::start();
        stub.answer_always(Reply::json(&reply));
        let failure = failure(&stub);
        assert_eq!((failure.class, failure.kind), (SUSPECT, Kind::Status(502)), "{failure}");
        assert!(failure.message.contains(words), "{failure}");
        assert_eq!(stub.count(), 1);
    }
    for body in [&b""[..], b"<html>Sign in to the Wi-Fi</html>", b"{}", b"[]", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]] {
        let stub = StubLlm::start();
        stub.answer_always(Reply::body(body));
        assert_eq!(failure(&stub).class, SUSPECT, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn the_wait_that_a_200_asks_for_is_honoured() {
    let stub = StubLlm::start();
    let body = json!({"error": {"code": 429, "message": "slow down"}});
    stub.answer_always(Reply::json(&body).header("Retry-After", "7"));
    let retry_after = Some(std::time::Duration::from_secs(7));
    assert_eq!(failure(&stub).class, Class::Provider { retry_after, suspect: true });
}

#[test]
fn what_an_answer_cost_that_the_gateway_broke_off_is_reported() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::message(json!({"content": "{\"summ"}), "error"));
    let answer = ask(&stub);
    assert_eq!(
        (answer.http_status, answer.spent),
        (Some(200), Tokens { prompt: Some(221), completion: Some(87), cached: None })
    );
}

#[test]
fn a_request_says_that_it_wants_no_stream() {
    let stub = StubLlm::start();
    assert!(ask(&stub).outcome.is_ok());
    assert_eq!(stub.requests()[0].json()["stream"], false);
}

#[test]
fn parameters_of_the_operator_are_sent() {
    let stub = StubLlm::start();
    let options = RequestOptions::parse(r#"{"temperature": 0, "reasoning_effort": "low"}"#, 300).unwrap();
    assert!(ask_at(Endpoint { options, ..endpoint(&stub.url()) }).outcome.is_ok());
    let body = stub.requests()[0].json();
    assert_eq!((&body["temperature"], &body["reasoning_effort"]), (&json!(0), &json!("low")));
    assert_eq!(body["max_tokens"], 300);
}

#[test]
fn headers_of_the_operator_are_sent_and_their_values_never_told() {
    const SECRET: &str = "gateway-secret-0123456789";
    let header = |name: &str, value: &str| Header { name: name.to_owned(), value: ApiKey::new(value) };
    let headers = vec![header("api-key", SECRET), header("HTTP-Referer", "https://example.com/app")];
    let stub = StubLlm::start();
    let with_headers = Endpoint { headers, api_key: None, ..endpoint(&stub.url()) };
    assert!(!format!("{with_headers:?}").contains(SECRET));
    assert!(ask_at(with_headers.clone()).outcome.is_ok());
    let request = &stub.requests()[0];
    assert_eq!(request.header("api-key"), Some(SECRET));
    assert_eq!(request.header("http-referer"), Some("https://example.com/app"));
    assert_eq!(request.header("authorization"), None);
    stub.answer_always(Reply::error(500, &format!("no such key: {SECRET}, asked by https://example.com/app")));
    let failure = failure_at(with_headers.clone());
    assert!(!failure.message.contains(SECRET) && failure.message.contains("https://example.com/app"), "{failure}");
    let mut echo = Reply::good();
    echo["summary"] = json!(format!("the key is {SECRET}"));
    stub.answer_always(Reply::content(&echo.to_string()));
    assert!(failure_at(with_headers).message.ends_with("it repeats the API key"));
}

/// An HTTP proxy that knows CONNECT, and remembers what it was asked. `answer`: its status line; `200 …` connects.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start(answer: &'static str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let remembered = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let asked = Arc::clone(&remembered);
                thread::spawn(move || serve(client, answer, &asked));
            }
        });
        Proxy { address, asked }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(client: TcpStream, answer: &str, asked: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    asked.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
    let mut client = client;
    let _ = write!(client, "HTTP/1.1 {answer}\r\n\r\n");
    let target = head.split_whitespace().nth(1).unwrap_or_default();
    let Some(server) = answer.starts_with("200").then(|| TcpStream::connect(target).ok()).flatten() else { return };
    let (mut to_server, mut from_server, mut to_client) = (server.try_clone().unwrap(), server, client);
    let up = thread::spawn(move || copy(&mut reader, &mut to_server));
    copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(std::net::Shutdown::Both);
    let _ = up.join();
}

fn copy(from: &mut impl Read, to: &mut impl Write) {
    let _ = std::io::copy(from, to);
}

#[test]
fn requests_go_through_the_proxy_that_is_named() {
    let (stub, proxy) = (StubLlm::start(), Proxy::start("200 Connection established"));
    let through = Endpoint { proxy: Some(proxy.url()), ..endpoint(&stub.url()) };
    assert!(ask_at(through).outcome.is_ok());
    assert_eq!(stub.count(), 1);
    assert_eq!(*proxy.asked.lock().unwrap(), [format!("CONNECT {} HTTP/1.1", stub.address())]);
    // The proxy looks the name up, not this machine.
    let nowhere = Endpoint { proxy: Some(proxy.url()), ..endpoint("http://llm.invalid/v1") };
    assert!(failure_at(nowhere).message.contains("closed the connection"));
    assert_eq!(proxy.asked.lock().unwrap()[1], "CONNECT llm.invalid:80 HTTP/1.1");
}

#[test]
fn a_proxy_that_does_not_connect_is_named() {
    let (stub, proxy) = (StubLlm::start(), Proxy::start("407 Proxy Authentication Required"));
    let refused = failure_at(Endpoint { proxy: Some(proxy.url()), ..endpoint(&stub.url()) });
    assert_eq!(refused.class, Class::Configuration);
    assert!(
        refused.message.starts_with("llm_proxy does not connect to the LLM server: ")
            && refused.message.contains("407"),
        "{refused}"
    );
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gone = failure_at(Endpoint { proxy: Some(format!("http://127.0.0.1:{port}")), ..endpoint(&stub.url()) });
    assert_eq!(gone.class, PROVIDER);
    assert_eq!(gone.message, "the proxy before the LLM server cannot be reached: it refuses connections");
    // One that is overloaded is no mistake of the settings, and nothing that the request has done.
    let busy = Proxy::start("503 Service Unavailable");
    let busy = failure_at(Endpoint { proxy: Some(busy.url()), ..endpoint(&stub.url()) });
    assert_eq!(busy.class, PROVIDER);
    assert_eq!(busy.message, "the proxy before the LLM server failed: it answers 503 Service Unavailable");
    let closes = StubLlm::start();
    closes.answer_always(Reply::close());
    let closed = failure_at(Endpoint { proxy: Some(closes.url().replace("/v1", "")), ..endpoint(&stub.url()) });
    assert_eq!(closed.class, PROVIDER);
    assert_eq!(closed.message, "the proxy before the LLM server failed: it closed the connection");
    assert_eq!(stub.count(), 0);
}
