//! Analyses of calls that have ended: by a rule, by the builtin analyzer, or by the language model. A request is sent only
//! where there are words that the stored analysis is not of.

use crate::db::claim::{self, Claimed, PreparedJobs, Waiting};
use crate::db::outcome::{ANALYZE, Analyzed, JobKind, Outcome, Settled};
use crate::db::prepare::{self, PreparedCall};
use crate::db::{DbError, limits};
use crate::guc::{Analyzer, Settings};
use crate::host::shmem::Slot;
use crate::worker::health::Health;
use crate::worker::job::{Context, Intake, JobHandler, Step};
use crate::worker::model_client::ModelClient;
use pgrx::spi::SpiClient;
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};
use voice_core::redact::{self, PlaceholderMap};
use voice_core::server_state::{Decision, Permit};
use voice_core::{analysis, builtin, prompt, retry, transcript};
use voice_net::{AnalysisResponse, Class, Failure, Waker};

/// Jobs read ahead.
const PREFETCH: usize = 1024;
/// Calls that the builtin analyzer judges between two transactions: one commit for many, and soon enough.
pub const BUILTIN_BATCH: usize = 64;

/// Whether the limits of single tenants that are known are those in the database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Limits {
    Stale,
    Read,
}

/// Handler of analyses.
pub struct Analyze {
    model: ModelClient,
    limits: Limits,
}

/// What an answer of the model is read with.
pub struct Request {
    vertical: String,
    /// Hash of the words that were sent.
    hash: Vec<u8>,
    /// Unix milliseconds of the hang-up.
    ended_ms: Option<i64>,
    /// As configured when the request was sent. The answer may name a more exact one.
    model: String,
    /// What the placeholders in the transcript that was sent stand for.
    placeholders: PlaceholderMap,
    /// What the request was let go by.
    permit: Permit,
}

impl Analyze {
    /// `waker` is woken for every response.
    pub fn new(waker: &Waker) -> Analyze {
        Analyze { model: ModelClient::new(waker), limits: Limits::Stale }
    }

    fn request(&mut self, request_id: u64, job: Claimed, call: PreparedCall, settings: &Settings) -> Step<Request> {
        let (turns, placeholders) =
            if settings.redact { redact::redact(&call.turns) } else { (call.turns, PlaceholderMap::default()) };
        let transcript = transcript::render(&turns, settings.transcript_max_chars);
        let Some(permit) = self.model.send(request_id, &job.tenant, call.vertical.clone(), transcript) else {
            let outcome = Outcome::Snoozed { error: "no endpoint".to_owned(), again: Duration::ZERO };
            return Step::Settle(without_request(job, outcome));
        };
        let (vertical, hash, ended_ms) = (call.vertical, call.hash, call.ended_ms);
        let model = settings.llm_model.clone();
        Step::Sent(job, Request { vertical, hash, ended_ms, model, placeholders, permit })
    }
}

impl JobHandler for Analyze {
    type Key = String;
    type Prepared = PreparedCall;
    type InFlight = Request;
    type Response = AnalysisResponse;

    const NOUN: &'static str = "call";

    fn kind(&self) -> JobKind {
        JobKind::Plain(ANALYZE)
    }

    fn capacity(&self, in_flight: usize, context: Context<'_>) -> usize {
        match context.settings.analyzer {
            _ if context.intake != Intake::Open => 0,
            Analyzer::builtin => BUILTIN_BATCH,
            Analyzer::openai => self.model.provider.available(context.settings.max_concurrency, in_flight),
        }
    }

    fn capacity_of(&self, tenant: &String, context: Context<'_>) -> usize {
        match context.settings.analyzer {
            Analyzer::builtin => usize::MAX,
            Analyzer::openai => self.model.provider.available_for(tenant),
        }
    }

    fn before_claim(&mut self, client: &mut SpiClient<'_>) -> Result<(), DbError> {
        if self.limits == Limits::Stale {
            self.model.set_overrides(limits::read(client)?);
            self.limits = Limits::Read;
        }
        Ok(())
    }

    fn find_due(&mut self, client: &mut SpiClient<'_>) -> Result<Waiting<String>, DbError> {
        claim::poll(client, PREFETCH)
    }

    fn prepare(
        &self,
        client: &mut SpiClient<'_>,
        claimed: Vec<Claimed>,
    ) -> Result<PreparedJobs<PreparedCall>, DbError> {
        prepare::prepare(client, claimed)
    }

    fn start(&mut self, request_id: u64, job: Claimed, call: PreparedCall, context: Context<'_>) -> Step<Request> {
        let settings = context.settings;
        if call.in_progress || call.deleted {
            return Step::Settle(without_request(job, Outcome::Cancelled));
        }
        if job.attempt > settings.max_attempts {
            // A failed attempt would have ended the job before: these attempts never came to an end.
            let error =
                format!("given up after {} attempts during which the worker or the server went down", job.attempt - 1);
            return Step::Settle(without_request(job, Outcome::Failed { error, again: None }));
        }
        let version = voice_core::analyzer::Analyzer::from(settings.analyzer).version();
        let spoke = transcript::user_spoke(&call.turns);
        let version = if spoke { version } else { voice_core::analyzer::RULE_VERSION };
        if call.known.as_ref().is_some_and(|k| k.hash == call.hash && k.prompt_version == version) {
            let model = call.known.map(|k| k.model);
            return Step::Settle(Settled { model, ..without_request(job, Outcome::Current { hash: call.hash }) });
        }
        if !spoke {
            let analysis = analysis::no_conversation();
            return Step::Settle(judged(job, &call, analysis, analysis::NO_CONVERSATION_MODEL, version));
        }
        match settings.analyzer {
            Analyzer::builtin => Step::Settle(by_rules(job, &call, settings)),
            Analyzer::openai => self.request(request_id, job, call, settings),
        }
    }

    fn responses(&mut self) -> Vec<(u64, AnalysisResponse)> {
        self.model.responses()
    }

    fn on_response(
        &mut self,
        job: Claimed,
        request: Request,
        response: AnalysisResponse,
        others: bool,
        context: Context<'_>,
    ) -> Settled {
        let (status, settings) = (context.status, context.settings);
        let attempts_max = settings.max_attempts.max(1) as u32;
        let effect = self.model.on_response(&job, request.permit, &response, others, attempts_max);
        if let Err(failure) = &response.outcome {
            status.record_error(&failure.message);
        }
        // Failures of single jobs are in voice.attempt; the log is for what stops requests.
        if let Some(change) = effect.change {
            status.log_breaker(change, &response);
        }
        let id = job.id;
        let settled = settled(job, request, response, effect.decision, settings);
        if let Outcome::Failed { again: None, .. } = settled.outcome {
            self.model.provider.forget(id);
        }
        settled
    }

    fn failed(&self, job: &Claimed, error: String, settings: &Settings) -> Outcome {
        failed(job, error, settings)
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.model.next_deadline()
    }

    fn next_capacity(&self) -> Option<Instant> {
        self.model.provider.next_available()
    }

    fn next_capacity_of<'a>(&self, tenants: impl Iterator<Item = &'a String>) -> Option<Instant> {
        self.model.provider.next_available_for(tenants.map(String::as_str))
    }

    fn configure(&mut self, settings: &Settings) -> Result<(), String> {
        self.model.set_limit(settings.max_concurrency);
        match settings.analyzer {
            Analyzer::builtin => {
                self.model.provider.disable();
                Ok(())
            }
            Analyzer::openai => self.model.provider.configure(settings),
        }
    }

    fn refresh(&mut self) {
        self.limits = Limits::Stale;
    }

    fn goes_last(&self, job: i64) -> bool {
        self.model.provider.goes_last(job)
    }

    fn on_arrival(&mut self) {
        self.model.provider.on_arrival();
    }

    fn probe_now(&mut self) {
        self.model.provider.probe_now();
    }

    fn on_reload(&mut self) {
        self.model.forget_styles();
    }

    fn health(&self) -> Health {
        let provider = &self.model.provider;
        match (provider.refusal(), provider.outage()) {
            (Some(reason), _) => Health::Misconfigured(reason),
            (None, Some(reason)) => Health::ServerDown(reason),
            (None, None) => Health::Healthy,
        }
    }

    fn publish(&self, slot: &Slot, settings: &Settings) {
        let breaker = self.model.provider.breaker();
        slot.set_breaker(match settings.analyzer {
            Analyzer::builtin => "",
            Analyzer::openai => breaker.name(),
        });
        slot.provider_failures.store(breaker.failures(), Release);
        slot.next_request_at.store(self.model.next_available_us(), Release);
    }
}

/// What a response of the model means for its job.
fn settled(
    job: Claimed,
    request: Request,
    response: AnalysisResponse,
    decision: Option<Decision>,
    settings: &Settings,
) -> Settled {
    let (outcome, model) = match response.outcome {
        Ok(reply) => {
            // The model as the server names it, or else as it was requested.
            let model = if reply.model.is_empty() { request.model } else { reply.model };
            let analyzed = Analyzed {
                analysis: request.placeholders.resolve_analysis(reply.analysis),
                vertical: request.vertical,
                model: model.clone(),
                prompt_version: prompt::VERSION.to_owned(),
                hash: request.hash,
                ended_ms: request.ended_ms,
                mended: reply.mended,
            };
            (Outcome::Analyzed(Box::new(analyzed)), model)
        }
        Err(failure) => {
            let outcome = match decision {
                Some(Decision::Wait(again)) => Outcome::Snoozed { error: failure.message, again },
                Some(Decision::Count(at_least)) => counted(&job, failure, at_least, settings),
                None => failed(&job, failure.message, settings),
            };
            (outcome, request.model)
        }
    };
    Settled {
        http_status: response.http_status.map(i32::from),
        latency: Some(response.latency),
        tokens: response.spent,
        model: Some(model),
        ..without_request(job, outcome)
    }
}

/// An attempt that counts because of what happened to other jobs.
fn counted(job: &Claimed, failure: Failure, at_least: Duration, settings: &Settings) -> Outcome {
    let error = match failure.class {
        Class::Job => failure.message,
        Class::Provider { .. } | Class::Configuration => format!("on this call only: {}", failure.message),
    };
    match failed(job, error, settings) {
        Outcome::Failed { error, again } => Outcome::Failed { error, again: again.map(|pause| pause.max(at_least)) },
        other => other,
    }
}

/// A failed attempt: the job is retried after a pause, or this attempt was the last.
fn failed(job: &Claimed, error: String, settings: &Settings) -> Outcome {
    let again =
        (job.attempt < settings.max_attempts).then(|| retry::backoff(job.attempt.max(1) as u32, fastrand::f64()));
    Outcome::Failed { error, again }
}

fn by_rules(job: Claimed, call: &PreparedCall, settings: &Settings) -> Settled {
    let began = Instant::now();
    // A bug in a rule costs this call an attempt, not the database its worker.
    let verdict = std::panic::catch_unwind(|| builtin::analyze(&call.turns, &call.vertical));
    let latency = Some(began.elapsed());
    match verdict {
        Ok(analysis) => Settled { latency, ..judged(job, call, analysis, builtin::MODEL, builtin::MODEL) },
        Err(_) => {
            let outcome = failed(&job, "the builtin analyzer failed on this call".to_owned(), settings);
            Settled { latency, model: Some(builtin::MODEL.to_owned()), ..without_request(job, outcome) }
        }
    }
}

fn judged(job: Claimed, call: &PreparedCall, analysis: analysis::Analysis, model: &str, version: &str) -> Settled {
    let analyzed = Analyzed {
        analysis,
        vertical: call.vertical.clone(),
        model: model.to_owned(),
        prompt_version: version.to_owned(),
        hash: call.hash.clone(),
        ended_ms: call.ended_ms,
        mended: false,
    };
    Settled { model: Some(model.to_owned()), ..without_request(job, Outcome::Analyzed(Box::new(analyzed))) }
}

fn without_request(job: Claimed, outcome: Outcome) -> Settled {
    Settled::without_request(job, JobKind::Plain(ANALYZE), outcome)
}
