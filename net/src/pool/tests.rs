use std::os::fd::AsFd;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::*;

fn question(request_id: u64, timeout: Duration) -> AnalysisRequest {
    let endpoint = Endpoint { url: "http://127.0.0.1:1/v1".into(), model: "m".into(), api_key: None, timeout };
    AnalysisRequest { request_id, endpoint: Arc::new(endpoint), vertical: String::new(), transcript: "user: hi".into() }
}

fn refused() -> LlmExchange {
    let failure = Failure::new(Class::Job, "no", &[]);
    LlmExchange { outcome: Err(failure), http_status: Some(418), spent: Tokens::default() }
}

/// Sleeps as the worker does: until the descriptor is readable or the next deadline has come.
fn next_answers(pool: &mut Pool) -> Vec<AnalysisResponse> {
    let start = Instant::now();
    loop {
        let answers = pool.poll();
        if !answers.is_empty() {
            return answers;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "no answer");
        let left = pool.next_deadline().unwrap().saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        let timeout = PollTimeout::try_from(left).unwrap();
        poll(&mut [PollFd::new(pool.wake_fd().as_fd(), PollFlags::POLLIN)], timeout).unwrap();
    }
}

#[test]
fn a_request_that_hangs_past_every_timeout_is_abandoned_at_its_hard_deadline() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let mut pool = Pool::asking(move |_, _| {
        let _ = wait.lock().unwrap().recv();
        refused()
    })
    .unwrap();
    pool.set_limit(1);
    let start = Instant::now();
    let timeout = Duration::from_millis(50);
    pool.submit(question(7, timeout));
    let answers = next_answers(&mut pool);
    assert!(start.elapsed() >= timeout + GRACE);
    assert_eq!((answers.len(), answers[0].request_id, answers[0].http_status), (1, 7, None));
    let failure = answers[0].outcome.as_ref().unwrap_err();
    assert_eq!(failure.class, Class::Provider { retry_after: None, suspect: true });
    assert_eq!(failure.message, "no answer from the LLM server within 0.05 s (request abandoned)");
    assert_eq!((pool.in_flight(), pool.next_deadline()), (0, None));

    // The same request_id again: the late answer of the first request must not be taken for its own.
    pool.submit(question(7, Duration::from_secs(5)));
    go.send(()).unwrap();
    go.send(()).unwrap();
    let answers = next_answers(&mut pool);
    assert_eq!((answers.len(), answers[0].http_status), (1, Some(418)));
    assert_eq!(pool.in_flight(), 0);
}

#[test]
fn a_bug_of_ours_fails_the_job_it_met_and_no_other() {
    let mut pool =
        Pool::asking(|question, _| if question.request_id == 1 { panic!("index 9 of 3") } else { refused() });
    let pool = pool.as_mut().unwrap();
    pool.submit(question(1, Duration::from_secs(5)));
    let broken = next_answers(pool).remove(0);
    assert_eq!(broken.outcome.as_ref().unwrap_err().class, Class::Job);
    assert_eq!(broken.outcome.unwrap_err().message, "internal error while asking the LLM server: index 9 of 3");
    pool.submit(question(2, Duration::from_secs(5)));
    assert_eq!(next_answers(pool)[0].http_status, Some(418));
}

#[test]
fn a_pool_without_questions_has_no_deadline_and_no_answers() {
    let mut pool = Pool::new().unwrap();
    assert_eq!((pool.in_flight(), pool.next_deadline(), pool.poll().len()), (0, None, 0));
}

#[test]
fn a_thousand_connections_are_not_stopped_by_a_soft_limit_of_open_files() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 256.min(hard), hard).unwrap();
    Pool::new().unwrap().set_limit(1000);
    assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (2024.min(hard), hard));
}
