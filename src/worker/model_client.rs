//! Requests to the language model: the only file of the worker that builds a request of `voice_net` for it.
//!
//! A job may take several requests. Those for which there is no room yet wait here, in their order, and go before those of
//! other jobs.

use super::provider::{Effect, Provider};
use crate::db::claim::Claimed;
use crate::guc::Settings;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use voice_core::long_call::looks_cut;
use voice_core::protocol::{Class, Failure, Kind, OPENAI_CHAT};
use voice_core::question::Question;
use voice_core::quota::TenantLimitOverride;
use voice_core::server_state::Permit;
use voice_net::{AnalysisRequest, AnalysisResponse, Endpoint, Pool, SharedStyles, Waker, llm};

/// Shorter transcripts are not looked at for whether the server cut them.
const LOOKED_AT_BYTES: usize = 8000;
/// Requests of one job at most.
const REQUESTS_MAX: u64 = 256;

/// Whose request it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Requester {
    Analyze,
    Trial,
    Live,
}

impl Requester {
    const ALL: [Requester; 3] = [Requester::Analyze, Requester::Trial, Requester::Live];
}

/// A request that is to be sent.
pub struct ModelRequest {
    pub requester: Requester,
    /// Id that the job was started with; each requester numbers its own.
    pub request_id: u64,
    /// Which of the job's requests, below [`REQUESTS_MAX`].
    pub number: u8,
    pub tenant: String,
    /// `None`: the model of the settings.
    pub model: Option<String>,
    pub question: Arc<Question>,
    pub vertical: String,
    pub transcript: String,
}

/// What came of one request of a job.
pub struct ModelResponse {
    pub number: u8,
    /// `None`: there is no endpoint any more, and it was not sent.
    pub response: Option<AnalysisResponse>,
}

/// A request in flight.
struct Sent {
    permit: Permit,
    /// Characters of its transcript, where that is long.
    chars: usize,
    /// A failure says something of the server. That of a model which a definition names says something of the definition, and
    /// that of a look at a call in progress only makes looks pause.
    is_evidence: bool,
}

/// Analyses of calls that have ended, which go before looks at calls in progress.
#[derive(Default)]
struct Finals {
    /// By tenant: claimed, and their requests not sent yet.
    claimed: HashMap<String, usize>,
    /// Others wait that could be claimed.
    left: bool,
}

/// One client for all kinds of jobs that ask the model: they share its limits.
pub type SharedModel = Rc<RefCell<ModelClient>>;

/// What sends requests, and the state of the server they are sent to.
pub struct ModelClient {
    pool: Pool<AnalysisRequest>,
    styles: SharedStyles,
    pub provider: Provider,
    /// Requests in flight at most.
    limit: usize,
    waiting: VecDeque<ModelRequest>,
    sent: HashMap<u64, Sent>,
    /// Responses that nobody has taken yet, by requester.
    inboxes: [Vec<(u64, ModelResponse)>; Requester::ALL.len()],
    finals: Finals,
}

impl ModelClient {
    /// `waker` is woken for every response.
    pub fn new(waker: &Waker) -> ModelClient {
        let styles = SharedStyles::default();
        ModelClient {
            pool: llm::pool(waker, styles.clone()),
            styles,
            provider: Provider::default(),
            limit: 0,
            waiting: VecDeque::new(),
            sent: HashMap::new(),
            inboxes: Default::default(),
            finals: Finals::default(),
        }
    }

    /// Sets the limit of requests in flight. `Some`: what it is instead, because the process may not open more files, where
    /// that was not so before.
    pub fn set_limit(&mut self, limit: usize) -> Option<usize> {
        let before = std::mem::replace(&mut self.limit, self.pool.set_limit(limit));
        (self.limit < limit && self.limit != before).then_some(self.limit)
    }

    /// Takes the settings as they are now.
    ///
    /// # Errors
    /// No request can be sent with them; with the reason.
    pub fn configure(&mut self, settings: &Settings) -> Result<(), String> {
        self.provider.configure(settings)
    }

    /// Replaces the limits of single tenants.
    pub fn set_overrides(&mut self, overrides: Vec<(String, TenantLimitOverride)>) {
        self.provider.set_overrides(overrides);
    }

    /// Looks again at which form of request the server takes.
    pub fn forget_styles(&self) {
        self.styles.forget();
    }

    /// Number of jobs whose first request may be sent now.
    pub fn room(&self) -> usize {
        self.provider.available(self.limit, self.pool.in_flight()).saturating_sub(self.waiting.len())
    }

    /// Analyses of calls that have ended were claimed, of these tenants; `left`: others wait that could be claimed.
    pub fn on_finals<'a>(&mut self, tenants: impl Iterator<Item = &'a str>, left: bool) {
        self.finals = Finals { claimed: HashMap::new(), left };
        tenants.for_each(|tenant| *self.finals.claimed.entry(tenant.to_owned()).or_default() += 1);
    }

    /// One of them is about to be sent, or needs no request.
    pub fn on_final_begun(&mut self, tenant: &str) {
        if let Some(count) = self.finals.claimed.get_mut(tenant) {
            *count = count.saturating_sub(1);
        }
    }

    /// Number of looks at calls in progress whose requests may be sent now, with so many of them in flight: none while an
    /// analysis waits or the server is left alone, and never more than half of all requests.
    pub fn room_for_looks(&self, in_flight: usize) -> usize {
        if self.finals.left || !self.waiting.is_empty() || !self.provider.breaker().is_closed() {
            return 0;
        }
        let share = (self.limit / 2).max(1).saturating_sub(in_flight);
        let finals: usize = self.finals.claimed.values().sum();
        share.min(self.provider.available(self.limit, self.pool.in_flight()).saturating_sub(finals))
    }

    /// The same for one tenant.
    pub fn room_for_looks_of(&self, tenant: &str) -> usize {
        let finals = self.finals.claimed.get(tenant).copied().unwrap_or_default();
        self.provider.may_begin_for(tenant).saturating_sub(finals)
    }

    /// Whether an analysis of a call that has ended waits, for whichever analyzer.
    pub fn finals_wait(&self) -> bool {
        self.finals.left
    }

    /// Sends a request, now or when there is room.
    pub fn send(&mut self, request: ModelRequest) {
        self.waiting.push_back(request);
        self.send_waiting();
    }

    /// Drops the requests of this job that have not been sent. Gives how many.
    pub fn drop_waiting(&mut self, requester: Requester, request_id: u64) -> usize {
        let before = self.waiting.len();
        self.waiting.retain(|request| (request.requester, request.request_id) != (requester, request_id));
        before - self.waiting.len()
    }

    /// Sends waiting requests for which there is room now. What follows one of a tenant without room may go before it.
    pub fn send_waiting(&mut self) {
        let Some(endpoint) = self.provider.endpoint() else { return };
        let mut room = self.provider.available(self.limit, self.pool.in_flight());
        let mut at = 0;
        while room > 0 && at < self.waiting.len() {
            if self.provider.available_for(&self.waiting[at].tenant) == 0 {
                at += 1;
                continue;
            }
            let Some(request) = self.waiting.remove(at) else { break };
            // What a look meets holds up no analysis: looks pause by themselves.
            let is_evidence = (request.requester != Requester::Live
                && request.model.as_ref().is_none_or(|model| *model == endpoint.model))
                || !self.provider.breaker().is_closed();
            let endpoint = match request.model {
                Some(model) if model != endpoint.model => Arc::new(Endpoint { model, ..(*endpoint).clone() }),
                _ => endpoint.clone(),
            };
            let request_id = (request.request_id * Requester::ALL.len() as u64 + request.requester as u64)
                * REQUESTS_MAX
                + u64::from(request.number);
            let permit = self.provider.on_send(&request.tenant);
            let ModelRequest { question, vertical, transcript, .. } = request;
            let chars = if transcript.len() > LOOKED_AT_BYTES { transcript.chars().count() } else { 0 };
            self.sent.insert(request_id, Sent { permit, chars, is_evidence });
            let protocol = &OPENAI_CHAT;
            self.pool.submit(AnalysisRequest { request_id, endpoint, protocol, question, vertical, transcript });
            room = room.saturating_sub(1);
        }
    }

    /// Responses to this requester that have arrived, each with the id that its job was started with. Sends what waits, too.
    pub fn responses(&mut self, requester: Requester) -> Vec<(u64, ModelResponse)> {
        let arrived = self.pool.poll();
        if self.provider.endpoint().is_none() {
            for request in self.waiting.drain(..) {
                let arrival = ModelResponse { number: request.number, response: None };
                self.inboxes[request.requester as usize].push((request.request_id, arrival));
            }
        }
        for mut response in arrived {
            let (job, number) = (response.request_id / REQUESTS_MAX, (response.request_id % REQUESTS_MAX) as u8);
            let (request_id, of) = (job / Requester::ALL.len() as u64, (job % Requester::ALL.len() as u64) as usize);
            let chars = self.sent.get(&response.request_id).map_or(0, |sent| sent.chars);
            refuse_a_cut_prompt(&mut response, chars);
            self.inboxes[of].push((request_id, ModelResponse { number, response: Some(response) }));
        }
        if !self.waiting.is_empty() {
            self.send_waiting();
        }
        std::mem::take(&mut self.inboxes[requester as usize])
    }

    /// Notes what a response says about the server; see [`Provider::on_response`].
    pub fn on_response(
        &mut self,
        job: &Claimed,
        response: &AnalysisResponse,
        others: bool,
        attempts_max: u32,
    ) -> Effect {
        match (self.sent.remove(&response.request_id), &response.outcome) {
            (Some(Sent { is_evidence: false, .. }), Err(failure)) => {
                self.provider.on_failure_without_evidence(job, failure)
            }
            (Some(Sent { permit, .. }), _) => {
                self.provider.on_response(job, permit, response.outcome.as_ref().err(), others, attempts_max)
            }
            (None, _) => Effect { change: None, decision: None },
        }
    }

    /// When the requests in flight or those that wait must be looked at, at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.inboxes.iter().any(|inbox| !inbox.is_empty()) {
            return Some(Instant::now());
        }
        let waiting = match self.waiting.is_empty() {
            true => None,
            false => {
                let of_tenants =
                    self.provider.next_available_for(self.waiting.iter().map(|request| request.tenant.as_str()));
                of_tenants.filter(|at| *at > Instant::now()).or(self.provider.next_available())
            }
        };
        [self.pool.next_deadline(), waiting].into_iter().flatten().min()
    }

    /// When requests may be sent again, in Unix microseconds; 0: now.
    pub fn next_available_us(&self) -> u64 {
        let wait = self.provider.next_available().map(|at| at.saturating_duration_since(Instant::now()));
        let at = wait.and_then(|wait: Duration| (SystemTime::now() + wait).duration_since(UNIX_EPOCH).ok());
        at.map_or(0, |since_epoch| since_epoch.as_micros() as u64)
    }
}

/// An answer to a prompt that the server has cut silently is an answer to another question. `chars`: of the transcript.
fn refuse_a_cut_prompt(response: &mut AnalysisResponse, chars: usize) {
    let read = response.spent.prompt.filter(|tokens| response.outcome.is_ok() && looks_cut(chars, *tokens));
    if let Some(tokens) = read {
        let message = format!(
            "the LLM server cut the prompt: it was sent a transcript of {chars} characters and counted {tokens} tokens; \
             give the model a larger context there, or lower transcript_max_chars"
        );
        response.outcome = Err(Failure::new(Class::Configuration, Kind::Reply, message, &[]));
    }
}
