//! Webhooks: delivered over threads of their own, to where they may go and no further.

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::stub::{Reply, StubLlm};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use voice_net::{DeliveryError, DeliveryResult, Waker, WebhookRequest, llm, webhook};

fn request(url: &str) -> WebhookRequest {
    WebhookRequest {
        request_id: 7,
        url: url.to_owned(),
        headers: vec![("webhook-id", "msg_1".into()), ("webhook-signature", "v1,abc=".into())],
        body: b"{\"type\":\"lead.hot\"}".to_vec(),
        private_addresses: false,
        secrets: Arc::from(["whsec_canary".to_owned()]),
    }
}

/// Sleeps on the descriptor that deliveries share with analyses, as the worker does.
fn delivered(request: WebhookRequest) -> DeliveryResult {
    let waker = Waker::new().unwrap();
    let mut analyses = llm::pool(&waker, voice_net::SharedStyles::default());
    let mut deliveries = webhook::pool(&waker, 2);
    deliveries.submit(request);
    let start = Instant::now();
    loop {
        waker.clear();
        assert!(analyses.poll().is_empty());
        if let Some(result) = deliveries.poll().pop() {
            return result;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "no result");
        let wait = PollTimeout::try_from(Duration::from_secs(25)).unwrap();
        poll(&mut [PollFd::new(waker.fd(), PollFlags::POLLIN)], wait).unwrap();
    }
}

fn error_of(reply: Reply) -> DeliveryError {
    let stub = StubLlm::start();
    stub.answer_always(reply);
    delivered(request(&stub.url())).outcome.unwrap_err()
}

#[test]
fn a_delivery_wakes_whoever_waits_for_answers_and_arrives_as_it_was_signed() {
    let stub = StubLlm::start();
    let result = delivered(request(&stub.url()));
    assert_eq!((result.request_id, result.outcome, result.http_status), (7, Ok(()), Some(200)));
    let received = stub.requests().remove(0);
    assert_eq!(&*received.body, b"{\"type\":\"lead.hot\"}");
    assert_eq!(received.header("webhook-id"), Some("msg_1"));
    assert_eq!(received.header("content-type"), Some("application/json"));
    assert_eq!((received.method.as_str(), received.header("authorization")), ("POST", None));
}

#[test]
fn a_receiver_is_believed_its_status_and_no_secret_is_repeated() {
    let transient = |message: &str| DeliveryError::Transient { message: message.into(), retry_after: None };
    assert_eq!(
        error_of(Reply::body(b"I know whsec_canary").status(500)),
        transient("the receiver failed (HTTP 500): I know ***")
    );
    assert_eq!(
        error_of(Reply::body(b"").status(429).header("Retry-After", "7")),
        DeliveryError::Transient {
            message: "the receiver asks for fewer requests (HTTP 429)".into(),
            retry_after: Some(Duration::from_secs(7))
        }
    );
    let gone = DeliveryError::Gone { message: "the receiver wants nothing any more (HTTP 410)".into() };
    assert_eq!(error_of(Reply::body(b"").status(410)), gone);
    assert_eq!(error_of(Reply::body(b"no").status(404)), transient("the receiver refused it (HTTP 404): no"));
    assert_eq!(
        error_of(Reply::body(b"no").status(422)),
        DeliveryError::Refused { message: "the receiver refused it (HTTP 422): no".into() }
    );
    assert_eq!(error_of(Reply::close()), transient("the receiver closed the connection"));
    // What it says at length is not listened to, good news or bad.
    let long = vec![b'x'; 4 * 1024 * 1024];
    assert!(
        matches!(error_of(Reply::body(&long).status(500)), DeliveryError::Transient { message, .. } if message.len() < 600)
    );
    let stub = StubLlm::start();
    stub.answer_always(Reply::body(&long));
    assert_eq!(delivered(request(&stub.url())).outcome, Ok(()));
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = StubLlm::start();
    let redirect = Reply::body(b"").status(307).header("Location", &elsewhere.url());
    assert!(matches!(error_of(redirect), DeliveryError::Transient { message, .. } if message.contains("not followed")));
    assert_eq!(elsewhere.connections() + elsewhere.count(), 0);
}

#[test]
fn the_address_is_judged_at_the_connect() {
    let stub = StubLlm::start();
    let port = stub.address().port();
    // Names to everybody but the C library, which reads both as 127.0.0.1.
    for host in ["2130706433", "0x7f.1", "127.1"] {
        let outcome = delivered(request(&format!("http://{host}:{port}/"))).outcome;
        let off = "which is loopback, not public, and voice_analytics.webhook_private_addresses is off";
        let message = format!("{host} resolves to 127.0.0.1, {off}");
        assert_eq!(outcome, Err(DeliveryError::Permanent { message }), "{host}");
        let allowed = WebhookRequest { private_addresses: true, ..request(&format!("http://{host}:{port}/")) };
        assert_eq!(delivered(allowed).outcome, Ok(()), "{host}");
    }
    for url in ["http://169.254.169.254/", "https://[fd00::1]/", "https://10.1/", "https://[::ffff:10.0.0.1]/"] {
        assert!(matches!(delivered(request(url)).outcome, Err(DeliveryError::Permanent { .. })), "{url}");
    }
    for url in ["http://localhost", "http://127.0.0.1", "http://[::ffff:127.0.0.1]"] {
        assert_eq!(delivered(request(&format!("{url}:{port}/"))).outcome, Ok(()), "{url}");
    }
    let nobody = WebhookRequest { private_addresses: true, ..request("https://0.0.0.0/") };
    assert!(matches!(delivered(nobody).outcome, Err(DeliveryError::Permanent { .. })));
}
