//! The LLM server of a database: its address, whether it is asked, and its limits. Whose fault a failure is decides
//! [`ServerState`] by what happens to other jobs. What cannot be sent at all, for want of a key, waits for the settings.

use super::credentials;
use super::health::Health;
use crate::db::claim::Claimed;
use crate::guc::Settings;
use std::sync::Arc;
use std::time::{Duration, Instant};
use voice_core::breaker::{Breaker, Change};
use voice_core::protocol::{Class, RequestOptions, names_an_endpoint};
use voice_core::quota::{Quotas, TenantLimitOverride};
use voice_core::rate::Rate;
use voice_core::server_state::{Decision, Failed, Hold, Permit, ServerState};
use voice_core::time::Timestamp;
use voice_core::url::Url;
use voice_net::{Endpoint, Failure};

/// The LLM server of this database.
pub struct Provider {
    endpoint: Option<Arc<Endpoint>>,
    /// Why there is no endpoint although the settings name one.
    unusable: Option<String>,
    server: ServerState,
    rate: Rate,
    /// Limits of tenants. Requests in flight are counted also while another analyzer is configured.
    quotas: Quotas,
    /// The zero of [`Timestamp`]s.
    began: Instant,
    /// Message of the last failure.
    failure: String,
}

/// What a response does.
pub struct Effect {
    /// Requests stop, or go on.
    pub change: Option<Change>,
    /// Of a failure: what becomes of its job.
    pub decision: Option<Decision>,
}

impl Default for Provider {
    fn default() -> Provider {
        Provider {
            endpoint: None,
            unusable: None,
            server: ServerState::default(),
            rate: Rate::default(),
            quotas: Quotas::default(),
            began: Instant::now(),
            failure: String::new(),
        }
    }
}

impl Provider {
    /// Takes the settings as they are now, the files that they name included.
    ///
    /// # Errors
    /// No request can be sent with them; with the reason.
    pub fn configure(&mut self, settings: &Settings) -> Result<(), String> {
        let now = self.now();
        self.rate.set(settings.requests_per_minute, now);
        self.quotas.set_default(settings.tenant_limit, now);
        let endpoint = match endpoint(settings) {
            Ok(endpoint) => endpoint,
            Err(reason) => {
                self.endpoint = None;
                self.unusable = Some(reason.clone());
                return Err(reason);
            }
        };
        self.unusable = None;
        let same = self.endpoint.as_ref().is_some_and(|known| **known == endpoint);
        if !same {
            let same_server =
                |known: &Arc<Endpoint>| Endpoint { timeout: endpoint.timeout, ..(**known).clone() } == endpoint;
            if self.endpoint.as_ref().is_some_and(same_server) {
                self.probe_now();
            } else {
                // What was refused may be accepted now, and what failed may work. What is still on its way to the old one
                // must not be taken for an answer of the new one.
                self.server.reset();
            }
            self.endpoint = Some(Arc::new(endpoint));
        }
        Ok(())
    }

    /// Replaces the limits of single tenants.
    pub fn set_overrides(&mut self, overrides: Vec<(String, TenantLimitOverride)>) {
        self.quotas.set_overrides(overrides, self.now());
    }

    /// Allows one probe now: somebody asks.
    pub fn probe_now(&mut self) {
        self.server.probe_now(self.now());
    }

    /// A job may have come that nobody has tried.
    pub fn on_arrival(&mut self) {
        self.server.on_arrival(self.now());
    }

    /// Stops requests: another analyzer is configured.
    pub fn disable(&mut self) {
        self.server.reset();
        (self.endpoint, self.unusable) = (None, None);
        self.failure.clear();
    }

    pub fn endpoint(&self) -> Option<Arc<Endpoint>> {
        self.endpoint.clone()
    }

    /// Notes that a request for this tenant is sent.
    pub fn on_send(&mut self, tenant: &str) -> Permit {
        let now = self.now();
        self.rate.send(now);
        self.quotas.send(tenant, now);
        self.server.send(now)
    }

    /// Notes how a request for this job ended. `others`: requests of other jobs are in flight, or wait.
    pub fn on_response(
        &mut self,
        job: &Claimed,
        permit: Permit,
        failure: Option<&Failure>,
        others: bool,
        attempts_max: u32,
    ) -> Effect {
        self.quotas.done(&job.tenant);
        let (now, jitter) = (self.now(), fastrand::f64());
        let Some(failure) = failure else {
            return Effect { change: self.server.answered(job.id, permit, now, jitter), decision: None };
        };
        self.failure.clone_from(&failure.message);
        let failed = Failed { job: job.id, permit, failure, attempts_max, others };
        let (change, decision) = self.server.failed(failed, now, jitter);
        Effect { change, decision: Some(decision) }
    }

    /// Notes that a request has failed, which says nothing of the server: the attempt counts, and nobody else is held up.
    pub fn on_failure_without_evidence(&mut self, job: &Claimed, failure: &Failure) -> Effect {
        self.quotas.done(&job.tenant);
        let asked = match failure.class {
            Class::Provider { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        Effect { change: None, decision: Some(Decision::Count(asked)) }
    }

    /// The job is given up.
    pub fn forget(&mut self, job: i64) {
        self.server.forget(job);
    }

    /// Whether a job goes after others: while requests are held, those go as probes that were not tried yet.
    pub fn goes_last(&self, job: i64) -> bool {
        self.server.hold().is_some() && self.server.is_failing(job)
    }

    /// Number of requests that may be sent now, with so many in flight and a limit on those in flight.
    pub fn available(&self, limit: usize, in_flight: usize) -> usize {
        let now = self.now();
        let wanted = if self.endpoint.is_some() { limit.saturating_sub(in_flight) } else { 0 };
        self.rate.room(self.server.room(wanted, now), now)
    }

    /// The same for one tenant.
    pub fn available_for(&self, tenant: &str) -> usize {
        self.quotas.room(tenant, self.now())
    }

    /// The same for requests of a job that is not begun. What is begun ends, whatever it costs.
    pub fn may_begin_for(&self, tenant: &str) -> usize {
        self.quotas.begin_room(tenant, self.now())
    }

    /// Whether a tenant with a budget was answered since the last call.
    pub fn take_spending(&mut self) -> bool {
        self.quotas.take_spending()
    }

    /// Why jobs of these tenants wait.
    pub fn throttled<'a>(&self, mut tenants: impl Iterator<Item = &'a str>) -> Health {
        let now = self.now();
        match tenants.any(|tenant| self.quotas.is_over_budget(tenant, now)) {
            true => Health::OverBudget,
            false => Health::Throttled,
        }
    }

    /// Why requests are held because the configuration is refused, or answers cannot be used.
    pub fn refusal(&self) -> Option<String> {
        self.unusable.clone().or_else(|| self.held(Hold::Refusing))
    }

    /// Why requests are held because the server fails.
    pub fn outage(&self) -> Option<String> {
        self.held(Hold::Failing)
    }

    fn held(&self, hold: Hold) -> Option<String> {
        let probes = "one request now and then looks whether it is back";
        (self.server.hold() == Some(hold)).then(|| format!("{}; {probes}", self.failure))
    }

    pub fn breaker(&self) -> &Breaker {
        self.server.breaker()
    }

    /// When requests may be sent again; `None`: they may be now, or no time is known.
    pub fn next_available(&self) -> Option<Instant> {
        let now = self.now();
        let moments = [self.server.breaker().probe_at(), self.rate.next(now)];
        let moments = moments.into_iter().flatten().filter_map(|t| self.began.checked_add(t));
        moments.filter(|t| *t > Instant::now()).max()
    }

    /// When a request may be sent for the first of these tenants without waiting for a response; that may be now.
    pub fn next_available_for<'a>(&self, tenants: impl Iterator<Item = &'a str>) -> Option<Instant> {
        let now = self.now();
        let first = tenants.filter_map(|tenant| self.quotas.next(tenant, now)).min();
        first.and_then(|t| self.began.checked_add(t))
    }

    /// The same of jobs that are not begun.
    pub fn next_begin_for<'a>(&self, tenants: impl Iterator<Item = &'a str>) -> Option<Instant> {
        let now = self.now();
        let first = tenants.filter_map(|tenant| self.quotas.next_begin(tenant, now)).min();
        first.and_then(|t| self.began.checked_add(t))
    }

    fn now(&self) -> Timestamp {
        self.began.elapsed()
    }
}

/// Where requests go by these settings, and with what.
fn endpoint(settings: &Settings) -> Result<Endpoint, String> {
    if Url::parse_base(&settings.llm_url).is_ok_and(|base| names_an_endpoint(base.path)) {
        return Err("llm_url is the URL of an endpoint: leave out what follows /v1".to_owned());
    }
    let api_key = credentials::api_key(settings)?;
    let headers = credentials::headers(settings)?;
    if api_key.is_some() && headers.iter().any(|header| header.name.eq_ignore_ascii_case("authorization")) {
        return Err(
            "llm_headers_file has an Authorization header, and there is a key as well: give one of them".to_owned()
        );
    }
    let options = RequestOptions::parse(&settings.llm_params, settings.llm_max_tokens)
        .map_err(|error| format!("llm_params: {error}"))?;
    Ok(Endpoint {
        url: settings.llm_url.clone(),
        model: settings.llm_model.clone(),
        api_key,
        headers,
        proxy: Some(settings.llm_proxy.clone()).filter(|proxy| !proxy.is_empty()),
        options,
        timeout: settings.llm_timeout,
    })
}
