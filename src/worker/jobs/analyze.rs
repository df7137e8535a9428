//! Analyses of calls that have ended: by a rule, by the builtin analyzer, or by the language model. A request is sent only
//! where there are words that the stored analysis is not of.

use super::answers::{self, JobClient, Request, by_rules, judged, no_endpoint, without_request};
use super::questions::Questions;
use crate::db::claim::{self, Claimed, PreparedJobs, Waiting};
use crate::db::outcome::{ANALYZE, Fixed, JobKind, Outcome, Settled};
use crate::db::prepare::{self, PreparedCall};
use crate::db::{DbError, limits};
use crate::guc::{Analyzer, Settings};
use crate::host::shmem::Slot;
use crate::worker::health::Health;
use crate::worker::job::{Context, Intake, JobHandler, Step};
use crate::worker::model_client::{ModelResponse, Requester, SharedModel};
use pgrx::spi::SpiClient;
use pgrx::warning;
use std::sync::Arc;
use std::sync::atomic::Ordering::*;
use std::time::Instant;
use voice_core::analysis;
use voice_core::question::Question;
use voice_core::reply::Tokens;
use voice_core::transcript;

/// Jobs read ahead.
const PREFETCH: usize = 1024;
/// Calls that the builtin analyzer judges between two transactions: one commit for many, and soon enough.
pub const BUILTIN_BATCH: usize = 64;

/// Whether the limits of single tenants and the definitions that are known are those in the database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rows {
    Stale,
    Read,
}

/// Handler of analyses.
pub struct Analyze {
    analyzer: Analyzer,
    client: JobClient,
    questions: Questions,
    rows: Rows,
    /// What is wrong with definitions that cannot be asked.
    unreadable: Vec<String>,
}

impl Analyze {
    pub fn new(model: SharedModel) -> Analyze {
        Analyze {
            analyzer: Analyzer::builtin,
            client: JobClient::new(Requester::Analyze, model),
            questions: Questions::default(),
            rows: Rows::Stale,
            unreadable: Vec::new(),
        }
    }

    /// Which definitions are not asked, and why.
    fn incomplete(&self) -> Option<String> {
        match (self.questions.count(), self.unreadable.first()) {
            (_, Some(error)) => Some(error.clone()),
            (1.., None) if self.analyzer == Analyzer::builtin => {
                let count = self.questions.count();
                Some(format!(
                    "analyses that are defined ({count}) wait for a model: voice_analytics.analyzer is builtin"
                ))
            }
            _ => None,
        }
    }

    fn request(
        &mut self,
        request_id: u64,
        job: Claimed,
        call: PreparedCall,
        questions: Vec<(Option<String>, Arc<Question>)>,
        by_rule: Option<Fixed>,
        settings: &Settings,
    ) -> Step<Request> {
        if self.client.model.borrow().provider.endpoint().is_none() {
            return Step::settle(without_request(job, no_endpoint()));
        }
        let mut request = self.client.start(request_id, &job, call, questions, settings);
        request.by_rule = by_rule;
        Step::Sent(job, request)
    }
}

impl JobHandler for Analyze {
    type Key = String;
    type Prepared = PreparedCall;
    type InFlight = Request;
    type Response = ModelResponse;

    const NOUN: &'static str = "call";

    fn kind(&self) -> JobKind {
        JobKind::Plain(ANALYZE)
    }

    fn capacity(&self, _in_flight: usize, context: Context<'_>) -> usize {
        match context.settings.analyzer {
            _ if context.intake != Intake::Open => 0,
            Analyzer::builtin => BUILTIN_BATCH,
            Analyzer::openai => self.client.model.borrow().room(),
        }
    }

    fn capacity_of(&self, tenant: &String, context: Context<'_>) -> usize {
        match context.settings.analyzer {
            Analyzer::builtin => usize::MAX,
            Analyzer::openai => self.client.model.borrow().provider.may_begin_for(tenant),
        }
    }

    fn before_claim(&mut self, client: &mut SpiClient<'_>) -> Result<(), DbError> {
        // What tenants that have a budget were answered is booked by now, but for what is stored later: the next sweep sees that.
        if self.rows == Rows::Stale || self.client.model.borrow_mut().provider.take_spending() {
            let overrides = limits::read(client)?;
            self.client.model.borrow_mut().set_overrides(overrides);
        }
        if self.rows == Rows::Stale {
            self.unreadable = self.questions.read(client)?;
            self.rows = Rows::Read;
        }
        Ok(())
    }

    fn find_due(&mut self, client: &mut SpiClient<'_>) -> Result<Waiting<String>, DbError> {
        claim::poll(client, PREFETCH)
    }

    fn on_taken(&self, claimed: &[Claimed], left: bool) {
        self.client.model.borrow_mut().on_finals(claimed.iter().map(|job| job.tenant.as_str()), left);
    }

    fn prepare(
        &self,
        client: &mut SpiClient<'_>,
        claimed: Vec<Claimed>,
    ) -> Result<PreparedJobs<PreparedCall>, DbError> {
        prepare::prepare(client, claimed, |tenant| self.questions.has_definitions(tenant))
    }

    fn start(&mut self, request_id: u64, job: Claimed, call: PreparedCall, context: Context<'_>) -> Step<Request> {
        let settings = context.settings;
        self.client.model.borrow_mut().on_final_begun(&job.tenant);
        if call.in_progress || call.deleted {
            return Step::settle(without_request(job, Outcome::Cancelled));
        }
        if job.attempt > settings.max_attempts {
            // A failed attempt would have ended the job before: these attempts never came to an end.
            let error =
                format!("given up after {} attempts during which the worker or the server went down", job.attempt - 1);
            return Step::settle(without_request(job, Outcome::Failed { error, again: None }));
        }
        let version = voice_core::analyzer::Analyzer::from(settings.analyzer).version();
        let spoke = transcript::user_spoke(&call.lines);
        let version = if spoke { version } else { voice_core::analyzer::RULE_VERSION };
        let current = call.known.as_ref().is_some_and(|k| k.hash == call.hash && k.prompt_version == version);
        let questions = match settings.analyzer {
            Analyzer::builtin => Vec::new(),
            Analyzer::openai => self.questions.questions(&job.tenant, &call, spoke && !current, &settings.llm_model),
        };
        if current && questions.is_empty() {
            let model = call.known.map(|k| k.model);
            return Step::settle(Settled { model, ..without_request(job, Outcome::Current { hash: call.hash }) });
        }
        let by_rule = (!spoke && !current).then(|| Fixed {
            analysis: analysis::no_conversation(),
            evidence: Vec::new(),
            model: analysis::NO_CONVERSATION_MODEL.to_owned(),
            prompt_version: version.to_owned(),
            tokens: Tokens::default(),
        });
        match (settings.analyzer, by_rule) {
            (_, Some(fixed)) if questions.is_empty() => Step::settle(judged(job, &call, fixed)),
            (Analyzer::builtin, _) => Step::settle(by_rules(job, &call, settings)),
            (Analyzer::openai, by_rule) => self.request(request_id, job, call, questions, by_rule, settings),
        }
    }

    fn responses(&mut self) -> Vec<(u64, ModelResponse)> {
        self.client.responses()
    }

    fn on_response(
        &mut self,
        job: Claimed,
        mut request: Request,
        response: ModelResponse,
        others: bool,
        context: Context<'_>,
    ) -> Step<Request> {
        match self.client.on_response(&mut request, &job, response, others, context) {
            None => Step::Sent(job, request),
            Some((outcome, requests)) => Step::settle(answers::settled(job, outcome, requests, context.settings)),
        }
    }

    fn failed(&self, job: &Claimed, error: String, settings: &Settings) -> Outcome {
        answers::failed(job, error, settings)
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.client.model.borrow().next_deadline()
    }

    fn next_capacity(&self) -> Option<Instant> {
        self.client.model.borrow().provider.next_available()
    }

    fn next_capacity_of<'a>(&self, tenants: impl Iterator<Item = &'a String>) -> Option<Instant> {
        self.client.model.borrow().provider.next_begin_for(tenants.map(String::as_str))
    }

    fn throttled<'a>(&self, tenants: impl Iterator<Item = &'a String>) -> Health {
        self.client.model.borrow().provider.throttled(tenants.map(String::as_str))
    }

    fn configure(&mut self, settings: &Settings) -> Result<(), String> {
        let limit = self.client.model.borrow_mut().set_limit(settings.max_concurrency);
        if let Some(limit) = limit.filter(|_| settings.analyzer == Analyzer::openai) {
            warning!(
                "voice_analytics: {limit} requests at once, not the {} of voice_analytics.max_concurrency: raise the limit of open \
                 files (ulimit -n, LimitNOFILE of systemd)",
                settings.max_concurrency
            );
        }
        self.analyzer = settings.analyzer;
        self.client.on_configure();
        match settings.analyzer {
            Analyzer::builtin => {
                self.client.model.borrow_mut().provider.disable();
                Ok(())
            }
            Analyzer::openai => self.client.model.borrow_mut().configure(settings),
        }
    }

    fn refresh(&mut self) {
        self.rows = Rows::Stale;
        self.client.model.borrow_mut().on_finals(std::iter::empty(), false);
    }

    fn goes_last(&self, job: i64) -> bool {
        self.client.model.borrow().provider.goes_last(job)
    }

    fn on_arrival(&mut self) {
        self.client.model.borrow_mut().provider.on_arrival();
    }

    fn probe_now(&mut self) {
        self.client.model.borrow_mut().provider.probe_now();
    }

    fn on_reload(&mut self) {
        self.client.model.borrow().forget_styles();
    }

    fn health(&self) -> Health {
        let model = self.client.model.borrow();
        let provider = &model.provider;
        match (provider.refusal(), provider.outage()) {
            (Some(reason), _) => Health::Misconfigured(reason),
            (None, Some(reason)) => Health::ServerDown(reason),
            (None, None) => self.incomplete().map_or(Health::Healthy, Health::Incomplete),
        }
    }

    fn publish(&self, slot: &Slot, settings: &Settings) {
        let model = self.client.model.borrow();
        let breaker = model.provider.breaker();
        slot.set_breaker(match settings.analyzer {
            Analyzer::builtin => "",
            Analyzer::openai => breaker.name(),
        });
        slot.provider_failures.store(breaker.failures(), Release);
        slot.next_request_at.store(model.next_available_us(), Release);
    }
}
