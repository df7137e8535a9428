//! What is known of the LLM's server: where it is, whether it wants us, whether it works, and how much it may be asked.
//! A configuration that it (or the key file) refuses costs no attempts: jobs wait until something changes. A server that
//! fails costs none either: a breaker leaves it alone, and jobs wait until it is back.

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
use voice_net::{AnalysisResponse, Class, Endpoint};

/// How often a refused configuration is tried with one request, in case the provider has changed its mind.
const PROBE: Duration = Duration::from_secs(60);
/// The longest wait of a job that failed while others did not.
const LONGEST_SNOOZE: Duration = Duration::from_secs(8);

struct ConfigurationPause {
    reason: String,
    /// How many requests were refused since it began.
    refusals: u32,
    settings: Settings,
    /// `None`: a request could not even be sent; only a change helps.
    probe_at: Option<Instant>,
}

/// The server that judges calls.
pub struct Provider {
    endpoint: Option<Arc<Endpoint>>,
    hold: Option<ConfigurationPause>,
    breaker: Breaker,
    rate: Rate,
    /// Of tenants. Whoever judges, what is on its way is counted.
    quotas: Quotas,
    poison: PoisonDetector,
    /// Moments are counted from here.
    began: Instant,
    /// Of the last failure of the provider's.
    failure: String,
}

/// What becomes of a job whose request failed by the provider's fault.
pub enum RetryDecision {
    Again(Duration),
    /// The provider answers others: it is this call.
    Discard,
}

impl Default for Provider {
    fn default() -> Provider {
        Provider {
            endpoint: None,
            hold: None,
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
    /// Takes the settings as they are now, the key file included. A change ends a hold. An error says what is wrong.
    pub fn configure(&mut self, settings: &Settings) -> Result<(), String> {
        let now = self.now();
        self.rate.set(settings.requests_per_minute, now);
        self.quotas.set_default(settings.tenant_limit, now);
        if self.hold.as_ref().is_some_and(|h| h.settings != *settings) {
            self.hold = None;
        }
        let api_key = match api_key::read(settings) {
            Ok(api_key) => api_key,
            Err(reason) => {
                self.endpoint = None;
                self.hold = Some(ConfigurationPause {
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
            // Another key or server: what was refused may be welcome now, and what failed may work.
            self.hold = None;
            if self.endpoint.as_ref().is_some_and(|known| known.url != endpoint.url) {
                // What is still on its way to the old one must not be taken for an answer of the new one.
                self.breaker = self.breaker.next_generation();
            }
            self.probe_now();
            self.endpoint = Some(Arc::new(endpoint));
        }
        Ok(())
    }

    /// Takes what is said of single tenants.
    pub fn set_overrides(&mut self, exceptions: Vec<(String, TenantLimitOverride)>) {
        self.quotas.set_overrides(exceptions, self.now());
    }

    /// Somebody asks to try at once (a reload).
    pub fn probe_now(&mut self) {
        self.breaker.probe_now(self.now());
    }

    /// Nobody is to be asked (another analyzer is configured).
    pub fn disable(&mut self) {
        let breaker = self.breaker.next_generation();
        *self =
            Provider { breaker, quotas: std::mem::take(&mut self.quotas), began: self.began, ..Provider::default() };
    }

    pub fn endpoint(&self) -> Option<Arc<Endpoint>> {
        self.endpoint.clone()
    }

    /// A request leaves, for a call of this tenant.
    pub fn send(&mut self, tenant: &str) -> Permit {
        let now = self.now();
        self.rate.send(now);
        self.quotas.send(tenant, now);
        self.breaker.send(now)
    }

    /// An answer says something about the provider too: whether the breaker opens or closes, and what becomes of the job
    /// where the provider is to blame.
    pub fn hear(
        &mut self,
        job: &Claimed,
        permit: Permit,
        answer: &AnalysisResponse,
        settings: &Settings,
    ) -> (Option<Change>, RetryDecision) {
        self.quotas.done(&job.tenant);
        let (job, now, jitter) = (job.id, self.now(), fastrand::f64());
        let nothing = RetryDecision::Again(Duration::ZERO);
        let Err(failure) = &answer.outcome else {
            self.hold = None;
            self.poison.answered(job);
            return (self.breaker.record(permit, Verdict::Success, now, jitter), nothing);
        };
        match failure.class {
            Class::Provider { retry_after, suspect } => {
                self.failure.clone_from(&failure.message);
                let change = self.breaker.record(permit, Verdict::Failure { retry_after }, now, jitter);
                let met = self.poison.failed(job, suspect);
                let patience = if met.failures_while_others_succeed >= FAILURES_MAX {
                    self.poison.forget(job);
                    RetryDecision::Discard
                } else if self.breaker.is_closed() {
                    RetryDecision::Again(retry::backoff_within(LONGEST_SNOOZE, met.failures, jitter))
                } else {
                    // Due at once, so that it runs as soon as the breaker closes, and behind all that wait already.
                    nothing
                };
                (change, patience)
            }
            Class::Configuration => {
                self.hold = Some(ConfigurationPause {
                    reason: failure.message.clone(),
                    refusals: self.hold.as_ref().map_or(0, |h| h.refusals).saturating_add(1),
                    settings: settings.clone(),
                    probe_at: Some(Instant::now() + PROBE),
                });
                (self.breaker.record(permit, Verdict::Success, now, jitter), nothing)
            }
            Class::Job => {
                self.poison.answered(job);
                (self.breaker.record(permit, Verdict::Success, now, jitter), nothing)
            }
        }
    }

    /// How many requests may leave now, given how many are on their way.
    pub fn room(&self, limit: usize, in_flight: usize) -> usize {
        let welcome = match &self.hold {
            Some(ConfigurationPause { probe_at: Some(at), .. }) => usize::from(*at <= Instant::now() && in_flight == 0),
            Some(ConfigurationPause { probe_at: None, .. }) => 0,
            None => limit.saturating_sub(in_flight),
        };
        self.rate.room(self.breaker.room(welcome, self.now()), self.now())
    }

    /// How many of them for this tenant.
    pub fn available_for(&self, tenant: &str) -> usize {
        self.quotas.room(tenant, self.now())
    }

    /// Why the configuration is refused.
    pub fn refusal(&self) -> Option<&str> {
        self.hold.as_ref().map(|h| h.reason.as_str())
    }

    /// Whether the configuration has been refused for the first time since it changed.
    pub fn refusal_is_new(&self) -> bool {
        self.hold.as_ref().is_some_and(|h| h.refusals == 1)
    }

    /// Why the server is left alone.
    pub fn failure(&self) -> Option<String> {
        (!self.breaker.is_closed())
            .then(|| format!("{}; one request now and then looks whether it is back", self.failure))
    }

    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// When requests may leave again where none may now.
    pub fn next(&self) -> Option<Instant> {
        let now = self.now();
        let refused = self.hold.as_ref().and_then(|h| h.probe_at);
        let moments = [self.breaker.probe_at(), self.rate.next(now)];
        let moments = moments.into_iter().flatten().filter_map(|t| self.began.checked_add(t));
        moments.chain(refused).filter(|t| *t > Instant::now()).max()
    }

    /// When the first of these tenants may ask again without waiting for an answer: now, or when its minute lets it.
    pub fn next_of<'a>(&self, tenants: impl Iterator<Item = &'a str>) -> Option<Instant> {
        let now = self.now();
        let first = tenants.filter_map(|tenant| self.quotas.next(tenant, now)).min();
        first.and_then(|t| self.began.checked_add(t))
    }

    fn now(&self) -> Timestamp {
        self.began.elapsed()
    }
}
