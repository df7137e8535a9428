//! The state of the LLM server: its address, whether it accepts the configuration, whether it works, and its limits.
//! A configuration that it (or the key file) refuses costs no attempt: jobs wait until the configuration changes. A failing
//! server costs none either: a circuit breaker stops the requests, and jobs wait until the server works again.

use super::api_key;
use crate::db::claim::Claimed;
use crate::guc::Settings;
use std::sync::Arc;
use std::time::{Duration, Instant};
use voice_core::breaker::{Breaker, Change, Permit, Verdict};
use voice_core::poison::{FAILURES_MAX, PoisonDetector};
use voice_core::quota::{Quotas, TenantLimitOverride};
use voice_core::rate::Rate;
use voice_core::retry;
use voice_core::time::Timestamp;
use voice_net::{Class, Endpoint, Failure};

/// A refused configuration is tried with one request after each such pause, in case the server accepts it now.
const PROBE: Duration = Duration::from_secs(60);
/// The longest wait of a job that failed while others did not.
const LONGEST_SNOOZE: Duration = Duration::from_secs(8);

/// No requests are sent, because the configuration was refused.
struct ConfigurationPause {
    reason: String,
    /// Number of requests that were refused since it began.
    refusals: u32,
    /// The settings that were refused.
    settings: Settings,
    /// When one request is sent; `None`: none can be sent before the settings change.
    probe_at: Option<Instant>,
}

/// The LLM server of this database.
pub struct Provider {
    endpoint: Option<Arc<Endpoint>>,
    pause: Option<ConfigurationPause>,
    breaker: Breaker,
    rate: Rate,
    /// Limits of tenants. Requests in flight are counted also while another analyzer is configured.
    quotas: Quotas,
    poison: PoisonDetector,
    /// The zero of [`Timestamp`]s.
    began: Instant,
    /// Message of the server's last failure.
    failure: String,
}

/// Whether a job is retried whose request failed because of the server.
pub enum RetryDecision {
    Again(Duration),
    /// The server answers the requests of other jobs: this job is the cause.
    Discard,
}

impl Default for Provider {
    fn default() -> Provider {
        Provider {
            endpoint: None,
            pause: None,
            breaker: Breaker::default(),
            rate: Rate::default(),
            quotas: Quotas::default(),
            poison: PoisonDetector::default(),
            began: Instant::now(),
            failure: String::new(),
        }
    }
}

impl Provider {
    /// Takes the settings as they are now, the key file included. A change ends a pause.
    ///
    /// # Errors
    /// The key cannot be read; with the reason.
    pub fn configure(&mut self, settings: &Settings) -> Result<(), String> {
        let now = self.now();
        self.rate.set(settings.requests_per_minute, now);
        self.quotas.set_default(settings.tenant_limit, now);
        if self.pause.as_ref().is_some_and(|p| p.settings != *settings) {
            self.pause = None;
        }
        let api_key = match api_key::read(settings) {
            Ok(api_key) => api_key,
            Err(reason) => {
                self.endpoint = None;
                self.pause = Some(ConfigurationPause {
                    reason: reason.clone(),
                    refusals: 0,
                    settings: settings.clone(),
                    probe_at: None,
                });
                return Err(reason);
            }
        };
        let endpoint = Endpoint {
            url: settings.llm_url.clone(),
            model: settings.llm_model.clone(),
            api_key,
            timeout: settings.llm_timeout,
        };
        if self.endpoint.as_deref() != Some(&endpoint) {
            // Another key or server: what was refused may be accepted now, and what failed may work.
            self.pause = None;
            if self.endpoint.as_ref().is_some_and(|known| known.url != endpoint.url) {
                // What is still on its way to the old one must not be taken for an answer of the new one.
                self.breaker = self.breaker.next_generation();
            }
            self.probe_now();
            self.endpoint = Some(Arc::new(endpoint));
        }
        Ok(())
    }

    /// Replaces the limits of single tenants.
    pub fn set_overrides(&mut self, overrides: Vec<(String, TenantLimitOverride)>) {
        self.quotas.set_overrides(overrides, self.now());
    }

    /// Allows one probe now (called after a reload of the configuration).
    pub fn probe_now(&mut self) {
        self.breaker.probe_now(self.now());
    }

    /// Stops requests: another analyzer is configured.
    pub fn disable(&mut self) {
        let breaker = self.breaker.next_generation();
        *self =
            Provider { breaker, quotas: std::mem::take(&mut self.quotas), began: self.began, ..Provider::default() };
    }

    pub fn endpoint(&self) -> Option<Arc<Endpoint>> {
        self.endpoint.clone()
    }

    /// Notes that a request for this tenant is sent.
    pub fn on_send(&mut self, tenant: &str) -> Permit {
        let now = self.now();
        self.rate.send(now);
        self.quotas.send(tenant, now);
        self.breaker.send(now)
    }

    /// Notes how a request for this job ended. Gives whether the breaker has opened or closed, and whether the job is
    /// retried where the server is to blame.
    pub fn on_response(
        &mut self,
        job: &Claimed,
        permit: Permit,
        failure: Option<&Failure>,
        settings: &Settings,
    ) -> (Option<Change>, RetryDecision) {
        self.quotas.done(&job.tenant);
        let (job, now, jitter) = (job.id, self.now(), fastrand::f64());
        let at_once = RetryDecision::Again(Duration::ZERO);
        let Some(failure) = failure else {
            self.pause = None;
            self.poison.answered(job);
            return (self.breaker.record(permit, Verdict::Success, now, jitter), at_once);
        };
        match failure.class {
            Class::Provider { retry_after, suspect } => {
                self.failure.clone_from(&failure.message);
                let change = self.breaker.record(permit, Verdict::Failure { retry_after }, now, jitter);
                let job_failures = self.poison.failed(job, suspect);
                let decision = if job_failures.failures_while_others_succeed >= FAILURES_MAX {
                    self.poison.forget(job);
                    RetryDecision::Discard
                } else if self.breaker.is_closed() {
                    RetryDecision::Again(retry::backoff_within(LONGEST_SNOOZE, job_failures.failures, jitter))
                } else {
                    // Due at once: it runs as soon as the breaker closes, after the jobs that wait already.
                    at_once
                };
                (change, decision)
            }
            Class::Configuration => {
                self.pause = Some(ConfigurationPause {
                    reason: failure.message.clone(),
                    refusals: self.pause.as_ref().map_or(0, |p| p.refusals).saturating_add(1),
                    settings: settings.clone(),
                    probe_at: Some(Instant::now() + PROBE),
                });
                (self.breaker.record(permit, Verdict::Success, now, jitter), at_once)
            }
            Class::Job => {
                self.poison.answered(job);
                (self.breaker.record(permit, Verdict::Success, now, jitter), at_once)
            }
        }
    }

    /// Number of requests that may be sent now, with so many in flight and a limit on those in flight.
    pub fn available(&self, limit: usize, in_flight: usize) -> usize {
        let accepted = match &self.pause {
            Some(ConfigurationPause { probe_at: Some(at), .. }) => usize::from(*at <= Instant::now() && in_flight == 0),
            Some(ConfigurationPause { probe_at: None, .. }) => 0,
            None => limit.saturating_sub(in_flight),
        };
        self.rate.room(self.breaker.room(accepted, self.now()), self.now())
    }

    /// The same for one tenant.
    pub fn available_for(&self, tenant: &str) -> usize {
        self.quotas.room(tenant, self.now())
    }

    /// Why the configuration is refused.
    pub fn refusal(&self) -> Option<&str> {
        self.pause.as_ref().map(|p| p.reason.as_str())
    }

    /// Whether the configuration has been refused once since it changed.
    pub fn refusal_is_new(&self) -> bool {
        self.pause.as_ref().is_some_and(|p| p.refusals == 1)
    }

    /// Why the breaker is open, or `None`.
    pub fn failure(&self) -> Option<String> {
        (!self.breaker.is_closed())
            .then(|| format!("{}; one request now and then looks whether it is back", self.failure))
    }

    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// When requests may be sent again; `None`: they may be now, or no time is known.
    pub fn next_available(&self) -> Option<Instant> {
        let now = self.now();
        let refused = self.pause.as_ref().and_then(|p| p.probe_at);
        let moments = [self.breaker.probe_at(), self.rate.next(now)];
        let moments = moments.into_iter().flatten().filter_map(|t| self.began.checked_add(t));
        moments.chain(refused).filter(|t| *t > Instant::now()).max()
    }

    /// When a request may be sent for the first of these tenants without waiting for a response; that may be now.
    pub fn next_available_for<'a>(&self, tenants: impl Iterator<Item = &'a str>) -> Option<Instant> {
        let now = self.now();
        let first = tenants.filter_map(|tenant| self.quotas.next(tenant, now)).min();
        first.and_then(|t| self.began.checked_add(t))
    }

    fn now(&self) -> Timestamp {
        self.began.elapsed()
    }
}
