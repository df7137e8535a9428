//! Requests to the language model: the only file of the worker that builds a request of `voice_net` for it.

use super::provider::{Effect, Provider};
use crate::db::claim::Claimed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use voice_core::protocol::OPENAI_CHAT;
use voice_core::quota::TenantLimitOverride;
use voice_core::server_state::Permit;
use voice_net::{AnalysisRequest, AnalysisResponse, Pool, SharedStyles, Waker, llm};

/// The threads that send requests, and the state of the server they are sent to.
pub struct ModelClient {
    pool: Pool<AnalysisRequest>,
    styles: SharedStyles,
    pub provider: Provider,
}

impl ModelClient {
    /// `waker` is woken for every response.
    pub fn new(waker: &Waker) -> ModelClient {
        let styles = SharedStyles::default();
        ModelClient { pool: llm::pool(waker, styles.clone()), styles, provider: Provider::default() }
    }

    /// Sets the limit of requests in flight.
    pub fn set_limit(&mut self, limit: usize) {
        self.pool.set_limit(limit);
    }

    /// Replaces the limits of single tenants.
    pub fn set_overrides(&mut self, overrides: Vec<(String, TenantLimitOverride)>) {
        self.provider.set_overrides(overrides);
    }

    /// Looks again at which form of request the server takes.
    pub fn forget_styles(&self) {
        self.styles.forget();
    }

    /// Sends a request for a call of this tenant. `None`: there is no endpoint.
    pub fn send(&mut self, request_id: u64, tenant: &str, vertical: String, transcript: String) -> Option<Permit> {
        let endpoint = self.provider.endpoint()?;
        let permit = self.provider.on_send(tenant);
        self.pool.submit(AnalysisRequest { request_id, endpoint, protocol: &OPENAI_CHAT, vertical, transcript });
        Some(permit)
    }

    /// Responses that have arrived.
    pub fn responses(&mut self) -> Vec<(u64, AnalysisResponse)> {
        self.pool.poll().into_iter().map(|response| (response.request_id, response)).collect()
    }

    /// Notes what a response says about the server; see [`Provider::on_response`].
    pub fn on_response(
        &mut self,
        job: &Claimed,
        permit: Permit,
        response: &AnalysisResponse,
        others: bool,
        attempts_max: u32,
    ) -> Effect {
        self.provider.on_response(job, permit, response.outcome.as_ref().err(), others, attempts_max)
    }

    /// When the requests in flight must be looked at, at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.pool.next_deadline()
    }

    /// When requests may be sent again, in Unix microseconds; 0: now.
    pub fn next_available_us(&self) -> u64 {
        let wait = self.provider.next_available().map(|at| at.saturating_duration_since(Instant::now()));
        let at = wait.and_then(|wait: Duration| (SystemTime::now() + wait).duration_since(UNIX_EPOCH).ok());
        at.map_or(0, |since_epoch| since_epoch.as_micros() as u64)
    }
}
