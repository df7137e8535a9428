//! What the pool promises, against a stub LLM.

mod asking;
mod delivering;
mod faults;
mod gateways;
mod questions;
mod refusals;
mod styles;

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::stub::StubLlm;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use voice_core::protocol::{OPENAI_CHAT, RequestOptions};
use voice_core::question::Question;
use voice_net::{AnalysisRequest, AnalysisResponse, ApiKey, Class, Endpoint, Failure, Pool, SharedStyles, Waker, llm};

pub const SOON: Duration = Duration::from_secs(20);
pub const CANARY: &str = "CANARY-0123456789";

pub fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        url: url.into(),
        model: "gpt-4o-mini".into(),
        api_key: Some(ApiKey::new(CANARY)),
        headers: Vec::new(),
        proxy: None,
        options: RequestOptions::default(),
        timeout: Duration::from_secs(10),
    }
}

pub fn analysis_request(request_id: u64, endpoint: &Arc<Endpoint>) -> AnalysisRequest {
    AnalysisRequest {
        request_id,
        endpoint: Arc::clone(endpoint),
        protocol: &OPENAI_CHAT,
        question: Arc::new(Question::fixed_fields()),
        vertical: "salon".into(),
        transcript: "user: Hi, how much is a cut?\nassistant: 40 euros.".into(),
    }
}

/// A pool, and what it wakes.
pub struct Model {
    pub waker: Waker,
    pub pool: Pool<AnalysisRequest>,
    pub styles: SharedStyles,
}

pub fn model() -> Model {
    let waker = Waker::new().unwrap();
    let styles = SharedStyles::default();
    let pool = llm::pool(&waker, styles.clone());
    Model { waker, pool, styles }
}

/// Waits for `count` answers the way the worker does: on the descriptor, and on the next deadline.
#[track_caller]
pub fn answers(Model { waker, pool, .. }: &mut Model, count: usize) -> Vec<AnalysisResponse> {
    let start = Instant::now();
    let mut all = Vec::new();
    loop {
        waker.clear();
        all.extend(pool.poll());
        if all.len() >= count {
            return all;
        }
        assert!(start.elapsed() < SOON, "only {} of {count} answers came", all.len());
        let left = pool.next_deadline().expect("a deadline while requests are in flight");
        let left = left.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        let timeout = PollTimeout::try_from(left).unwrap();
        poll(&mut [PollFd::new(waker.fd(), PollFlags::POLLIN)], timeout).unwrap();
    }
}

/// One request to an endpoint, with a pool of its own.
#[track_caller]
pub fn ask_at(endpoint: Endpoint) -> AnalysisResponse {
    let mut model = model();
    model.pool.submit(analysis_request(1, &Arc::new(endpoint)));
    answers(&mut model, 1).remove(0)
}

#[track_caller]
pub fn ask(stub: &StubLlm) -> AnalysisResponse {
    ask_at(endpoint(&stub.url()))
}

/// One request that must fail; every failure is held to what all of them promise.
#[track_caller]
pub fn failure_at(endpoint: Endpoint) -> Failure {
    let failure = ask_at(endpoint).outcome.expect_err("an answer that had to fail");
    assert!(failure.message.chars().count() <= 500, "{}", failure.message);
    assert!(!failure.message.contains(CANARY) && !failure.message.contains('\0'), "{}", failure.message);
    failure
}

#[track_caller]
pub fn failure(stub: &StubLlm) -> Failure {
    failure_at(endpoint(&stub.url()))
}

pub const PROVIDER: Class = Class::Provider { retry_after: None, suspect: false };
/// The provider's, but it may fail because of this request.
pub const SUSPECT: Class = Class::Provider { retry_after: None, suspect: true };
