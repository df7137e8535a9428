//! A thousand requests at once; the stub's own memory is in the figure.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::stub::{Reply, StubLlm};
use nix::poll::{PollFd, PollFlags, poll};
use voice_core::protocol::{OPENAI_CHAT, RequestOptions};
use voice_core::question::Question;
use voice_net::{AnalysisRequest, Endpoint, SharedStyles, Waker, llm};

/// An unoptimized build needs three times the stack.
const MEGABYTES_MAX: u64 = if cfg!(debug_assertions) { 200 } else { 110 };
const DELAY: Duration = Duration::from_secs(1);

fn resident_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[test]
fn a_thousand_wait_at_once_in_the_memory_of_a_small_process_and_all_are_answered() {
    let stub = StubLlm::start();
    stub.keep_requests(false);
    stub.answer_always(Reply::analysis().delay(DELAY));
    let endpoint = Arc::new(Endpoint {
        url: stub.url(),
        model: "m".into(),
        api_key: None,
        headers: Vec::new(),
        proxy: None,
        options: RequestOptions::default(),
        timeout: Duration::from_secs(30),
    });
    let waker = Waker::new().unwrap();
    let mut pool = llm::pool(&waker, SharedStyles::default());
    pool.set_limit(1000);
    let transcript = "user: and then I said\n".repeat(12_000 / 22);
    let start = Instant::now();
    let mut answered = 0;
    // Twice, so that the second thousand finds threads and connections as the first left them.
    let question = Arc::new(Question::fixed_fields());
    for round in 0..2 {
        for request_id in 0..1000 {
            let (vertical, transcript) = ("salon".into(), transcript.clone());
            let (endpoint, protocol) = (Arc::clone(&endpoint), &OPENAI_CHAT);
            let question = Arc::clone(&question);
            pool.submit(AnalysisRequest { request_id, endpoint, protocol, question, vertical, transcript });
        }
        while answered < (round + 1) * 1000 {
            assert!(start.elapsed() < Duration::from_secs(30), "{answered} answers");
            poll(&mut [PollFd::new(waker.fd(), PollFlags::POLLIN)], 1000_u16).unwrap();
            waker.clear();
            for answer in pool.poll() {
                assert!(answer.outcome.is_ok(), "{answer:?}");
                answered += 1;
            }
        }
    }
    let memory = resident_megabytes();
    println!(
        "2 x 1000 answers in {:?}, {} connections, {memory} MB with the stub",
        start.elapsed(),
        stub.connections()
    );
    assert_eq!((stub.count(), pool.in_flight()), (2000, 0));
    assert!(memory < MEGABYTES_MAX, "{memory} MB");
}
