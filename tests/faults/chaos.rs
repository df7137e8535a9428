//! Servers that do everything wrong that a server can. Each call meets the fault once; asked again, it is answered.

use std::collections::HashSet;
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use harness::stub::{Reply, StubLlm, TlsStub};
use harness::voice::SOON;
use serde_json::json;

use crate::fixture::{Fixture, Tally, short_or_long};

const CALLS: usize = 4;

/// Who is to blame, and so whether each call is asked again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blame {
    Nobody,
    Provider,
}

fn fixture() -> Fixture {
    Fixture::with(|b| b.setting("voice_analytics.llm_timeout", "1s").setting("voice_analytics.max_attempts", 2))
}

fn worker_is_as_it_was(fixture: &Fixture, pid: i32) {
    assert_eq!(fixture.voice.cluster.worker_pid("app"), pid);
    let log = fixture.voice.cluster.log();
    assert!(!log.contains("terminated by signal") && !log.contains("PANIC"), "{log}");
}

fn said(fixture: &mut Fixture) -> String {
    let sql = "SELECT error FROM voice.attempt WHERE error IS NOT NULL ORDER BY created_at LIMIT 1";
    fixture.voice.text(sql, &[]).unwrap_or_default()
}

#[track_caller]
fn counted(fixture: &mut Fixture, case: &str, did: &str, asked: usize) -> Tally {
    let said = said(fixture);
    let tally = fixture.tally(case, did, &said);
    assert_eq!((tally.analytics, tally.dead, tally.requests), (tally.calls, 0, asked), "{did}");
    // All of them meet it, so it is nobody's of them.
    assert_eq!(fixture.voice.count("SELECT max(attempt)::bigint FROM voice.attempt"), 1, "{did}");
    tally
}

/// On the wire, with this as the body of a good answer.
fn on_the_wire(head: impl Fn(usize) -> String) -> Reply {
    let body = json!({"choices": [{"message": {"content": Reply::good().to_string()}}]}).to_string();
    Reply::raw(format!("{}{body}", head(body.len())).as_bytes())
}

/// Zeros, a thousand times as many as there are bytes.
fn gzip_bomb(megabytes: usize) -> Vec<u8> {
    let mut gzip = Command::new("gzip").arg("-9c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip");
    let mut input = gzip.stdin.take().expect("a pipe");
    let writing = std::thread::spawn(move || (0..megabytes).for_each(|_| input.write_all(&[0; 1 << 20]).unwrap()));
    let output = gzip.wait_with_output().expect("gzip");
    writing.join().unwrap();
    output.stdout
}

/// The most memory that a process ever had, in kilobytes.
fn peak_memory(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn no_answer_however_wrong_loses_a_call_or_hurts_the_worker() {
    let mut fixture = fixture();
    let elsewhere = StubLlm::start();
    let worker = fixture.voice.cluster.worker_pid("app");
    let redirect = |url: String| Reply::error(302, "").header("Location", &url);
    let faults = [
        ("slow drip", Blame::Provider, Reply::analysis().drip(1, Duration::from_millis(20))),
        ("hangs", Blame::Provider, Reply::hang()),
        ("closes without a word", Blame::Provider, Reply::close()),
        ("truncated answer", Blame::Provider, Reply::analysis().cut_after(40)),
        ("answer of 2 MB", Blame::Provider, Reply::body(&vec![b' '; 2 << 20])),
        ("redirect", Blame::Provider, redirect(elsewhere.url())),
        ("redirect to a private address", Blame::Provider, redirect("http://169.254.169.254/latest/meta-data".into())),
        (
            "103 Early Hints before the answer",
            Blame::Nobody,
            on_the_wire(|length| {
                format!(
                    "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n"
                )
            }),
        ),
        (
            "a thousand times 100 Continue, no answer",
            Blame::Provider,
            Reply::raw(&b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000)),
        ),
        (
            "Content-Length too long",
            Blame::Provider,
            on_the_wire(|length| format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", length + 100)),
        ),
        (
            "Content-Length too short",
            Blame::Provider,
            on_the_wire(|_| "HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n".into()),
        ),
        (
            "Content-Length is nonsense",
            Blame::Provider,
            on_the_wire(|_| "HTTP/1.1 200 OK\r\ncontent-length: -7\r\n\r\n".into()),
        ),
        ("HTTP/1.0, ended by closing", Blame::Nobody, on_the_wire(|_| "HTTP/1.0 200 OK\r\n\r\n".into())),
        ("gzip bomb of 64 MB", Blame::Provider, Reply::body(&gzip_bomb(64)).header("content-encoding", "gzip")),
    ];
    let before = peak_memory(worker);
    for (index, (name, blame, fault)) in faults.into_iter().enumerate() {
        fixture.clear();
        let met = Mutex::new(HashSet::new());
        fixture.stub.answer(move |request| match met.lock().unwrap().insert(request.transcript()) {
            true => fault.clone(),
            false => Reply::analysis(),
        });
        fixture.calls_end(CALLS);
        fixture.voice.drained();
        let asked = if blame == Blame::Nobody { CALLS } else { 2 * CALLS };
        counted(&mut fixture, &format!("5{}", char::from(b'a' + index as u8)), name, asked);
        worker_is_as_it_was(&fixture, worker);
    }
    assert_eq!(elsewhere.connections() + elsewhere.count(), 0, "no redirect is followed");
    let grown = peak_memory(worker).saturating_sub(before);
    assert!(grown < 32 * 1024, "the worker has grown by {grown} kB");
}

/// Points the worker elsewhere, where the calls end up; then at the stub again.
fn by_way_of(case: &str, did: &str, url: &str, arrived: impl Fn() -> bool) {
    let mut fixture = fixture();
    let worker = fixture.voice.cluster.worker_pid("app");
    fixture.voice.cluster.set("voice_analytics.llm_url", url);
    fixture.voice.until(&format!("SELECT setting = '{url}' FROM pg_settings WHERE name = 'voice_analytics.llm_url'"));
    fixture.calls_end(CALLS);
    harness::wait_until("the calls to arrive elsewhere", SOON, || arrived().then_some(()));
    fixture.voice.until("SELECT EXISTS (SELECT FROM voice.attempt WHERE error IS NOT NULL)");
    fixture.voice.cluster.set("voice_analytics.llm_url", &fixture.stub.url());
    fixture.voice.drained();
    counted(&mut fixture, case, did, CALLS);
    worker_is_as_it_was(&fixture, worker);
}

#[test]
fn a_connection_that_nobody_answers_is_given_up() {
    // Accepted by the kernel, and nobody is there: what a peer leaves behind that lost its power.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    by_way_of("5p", "half-open connections", &url, || true);
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_told_nothing() {
    let folder = harness::Cluster::builder().without_preloading().start();
    let tls = Arc::new(TlsStub::self_signed(folder.folder()));
    by_way_of("5q", "invalid TLS certificate", &tls.url(), || tls.connections() > 0);
    assert_eq!(tls.bytes(), 0, "neither a key nor a transcript");
}

#[test]
fn a_provider_that_wants_to_be_left_alone_for_thirty_years_is_asked_again_at_a_reload() {
    let mut fixture = fixture();
    fixture.stub.answer_always(Reply::error(429, "slow down").header("Retry-After", "1000000000"));
    fixture.calls_end(CALLS);
    fixture.asked(1);
    fixture.voice.until("SELECT in_flight = 0 AND next_request_at IS NOT NULL FROM voice_status()");
    let asked = fixture.requests();
    assert!((1..=CALLS).contains(&asked), "{asked}");
    let wait = "SELECT extract(epoch FROM next_request_at - now())::bigint FROM voice_status()";
    let wait = fixture.voice.count(wait);
    assert!((3000..=3600).contains(&wait), "capped at an hour: {wait} s");
    fixture.stub.answer_always(Reply::analysis());
    fixture.voice.client.batch_execute("SELECT pg_reload_conf()").unwrap();
    fixture.voice.drained();
    counted(&mut fixture, "5r", "429, Retry-After: 1000000000; then a reload", asked + CALLS);
}

#[test]
fn a_provider_that_flaps_every_second_loses_no_call() {
    let calls = short_or_long(300, 3000);
    let mut fixture = fixture();
    let start = Instant::now();
    fixture.stub.answer(move |_| match start.elapsed().as_secs() % 2 {
        0 => Reply::error(503, "overloaded"),
        _ => Reply::analysis().delay(Duration::from_millis(50)),
    });
    fixture.calls_end(calls);
    // The breaker's pauses grow while its probes meet the bad seconds.
    fixture.drained_within(Duration::from_secs(short_or_long(180, 600)));
    let remark = format!("all analysed after {:.0} s", start.elapsed().as_secs_f64());
    let tally = fixture.tally("5s", "503 and good answers, changing every second", &remark);
    assert_eq!((tally.analytics, tally.dead), (tally.calls, 0));
    assert_eq!(fixture.voice.count("SELECT max(attempt)::bigint FROM voice.attempt"), 1, "no attempt is used up");
}
