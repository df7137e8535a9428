use std::sync::Mutex;
use std::sync::mpsc::channel;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use voice_core::protocol::{OPENAI_CHAT, RequestOptions};

use super::*;
use crate::pool::GRACE;

fn request(request_id: u64, timeout: Duration) -> AnalysisRequest {
    let endpoint = Endpoint {
        url: "http://127.0.0.1:1/v1".into(),
        model: "m".into(),
        api_key: None,
        headers: Vec::new(),
        proxy: None,
        options: RequestOptions::default(),
        timeout,
    };
    let (endpoint, transcript) = (Arc::new(endpoint), "user: hi".into());
    let question = Arc::new(Question::fixed_fields());
    AnalysisRequest { request_id, endpoint, protocol: &OPENAI_CHAT, question, vertical: String::new(), transcript }
}

fn refused() -> LlmExchange {
    LlmExchange::failed(Failure::new(Class::Job, Kind::Reply, "no", &[]), Some(418))
}

/// Sleeps as the worker does: until the descriptor is readable or the next deadline has come.
fn next_answers(waker: &Waker, pool: &mut Pool<AnalysisRequest>) -> Vec<AnalysisResponse> {
    let start = Instant::now();
    loop {
        waker.clear();
        let answers = pool.poll();
        if !answers.is_empty() {
            return answers;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "no answer");
        let left = pool.next_deadline().unwrap().saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        let timeout = PollTimeout::try_from(left).unwrap();
        poll(&mut [PollFd::new(waker.fd(), PollFlags::POLLIN)], timeout).unwrap();
    }
}

#[test]
fn a_request_that_hangs_past_every_timeout_is_abandoned_at_its_hard_deadline() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let waker = Waker::new().unwrap();
    let mut pool = Pool::new(&waker, 1, move |_: AnalysisRequest, _| {
        let _ = wait.lock().unwrap().recv();
        async { refused() }
    });
    let start = Instant::now();
    let timeout = Duration::from_millis(50);
    pool.submit(request(7, timeout));
    let answers = next_answers(&waker, &mut pool);
    assert!(start.elapsed() >= timeout + GRACE);
    assert_eq!((answers.len(), answers[0].request_id, answers[0].http_status), (1, 7, None));
    let failure = answers[0].outcome.as_ref().unwrap_err();
    assert_eq!(failure.class, Class::Provider { retry_after: None, suspect: true });
    assert_eq!(failure.message, "no answer from the LLM server within 0.05 s (request abandoned)");
    assert_eq!((pool.in_flight(), pool.next_deadline()), (0, None));

    // The same request_id again: the late answer of the first request must not be taken for its own.
    pool.submit(request(7, Duration::from_secs(5)));
    go.send(()).unwrap();
    go.send(()).unwrap();
    let answers = next_answers(&waker, &mut pool);
    assert_eq!((answers.len(), answers[0].http_status), (1, Some(418)));
    assert_eq!(pool.in_flight(), 0);
}

#[test]
fn a_bug_of_ours_fails_the_job_it_met_and_no_other() {
    let waker = Waker::new().unwrap();
    let mut pool = Pool::new(&waker, 16, |request: AnalysisRequest, _| async move {
        match request.request_id {
            1 => panic!("index 9 of 3"),
            _ => refused(),
        }
    });
    pool.submit(request(1, Duration::from_secs(5)));
    let broken = next_answers(&waker, &mut pool).remove(0);
    assert_eq!(broken.outcome.as_ref().unwrap_err().class, Class::Job);
    assert_eq!(broken.outcome.unwrap_err().message, "internal error while asking the LLM server: index 9 of 3");
    pool.submit(request(2, Duration::from_secs(5)));
    assert_eq!(next_answers(&waker, &mut pool)[0].http_status, Some(418));
}
