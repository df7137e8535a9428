//! Looks at calls in progress, every `live_interval` while something is said: what is new since the last look is judged with the
//! notes that it left. A look is dropped rather than late, nothing of it is retried, and the analyses of calls that have ended go
//! before it.

use super::answers::{no_endpoint, without_request};
use super::look_questions::LookQuestions;
use crate::db::DbError;
use crate::db::claim::{Claimed, PreparedJobs, Waiting};
use crate::db::live::{self, Prepared};
use crate::db::outcome::{JobKind, LIVE, Look, Outcome, Settled};
use crate::db::prepare::PreparedCall;
use crate::guc::{Analyzer, Settings};
use crate::worker::health::Health;
use crate::worker::job::{Context, Intake, JobHandler, Step};
use crate::worker::model_client::{ModelRequest, ModelResponse, Requester, SharedModel};
use pgrx::spi::SpiClient;
use serde_json::{Map, Value};
use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use voice_core::answer::{Answer, LookAnswer};
use voice_core::definition::criteria_json;
use voice_core::live::{Before, Fields, Standing, hashes, text};
use voice_core::protocol::{Class, Failure};
use voice_core::server_state::Decision;
use voice_core::{builtin, redact, transcript};

/// Jobs read ahead.
const PREFETCH: usize = 512;
/// Calls that the builtin analyzer looks at between two transactions.
const BUILTIN_BATCH: usize = 32;
/// A look that is late by less is not dropped, however short the interval is.
const LATE_BY: Duration = Duration::from_secs(1);
/// Looks are claimed at most so often: those that come due meanwhile are claimed, sent and stored together, so that there are few
/// commits beside those of calls that have ended.
const CLAIM_INTERVAL: Duration = Duration::from_millis(250);
/// Looks pause so long after one has failed for the server or the configuration; twice as long after the next, and so on.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Handler of looks.
pub struct Live {
    model: SharedModel,
    questions: LookQuestions,
    interval: Duration,
    /// Looks are switched off, and jobs of theirs may be left.
    draining: bool,
    /// Looks in a row that have failed for the server or the configuration.
    failures: u32,
    paused_until: Option<Instant>,
    /// When looks may be claimed again.
    next_claim: Cell<Option<Instant>>,
}

/// What an answer is read with.
pub struct InFlight {
    /// All but what the answer says.
    look: Look,
}

impl Live {
    pub fn new(model: SharedModel) -> Live {
        Live {
            model,
            questions: LookQuestions::default(),
            interval: Duration::ZERO,
            draining: true,
            failures: 0,
            paused_until: None,
            next_claim: Cell::new(None),
        }
    }

    /// The moment from which on looks may be claimed, where it is to come.
    fn rests_until(&self) -> Option<Instant> {
        let now = Instant::now();
        [self.paused_until, self.next_claim.get()].into_iter().flatten().filter(|until| *until > now).max()
    }

    /// The next look, somewhere in the interval: those that were dropped together do not come back together.
    fn next_interval(&self) -> Duration {
        self.interval.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    fn on_failure(&mut self, failure: &Failure, at_least: Duration) {
        if failure.class == Class::Job {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let pause = PAUSE.0.saturating_mul(1 << (self.failures - 1).min(6)).min(PAUSE.1).max(at_least);
        self.paused_until = Some(Instant::now() + pause);
    }
}

impl JobHandler for Live {
    type Key = String;
    type Prepared = Prepared;
    type InFlight = InFlight;
    type Response = ModelResponse;

    const NOUN: &'static str = "call in progress";
    const HINT_DELAY: Duration = Duration::from_millis(200);

    fn kind(&self) -> JobKind {
        JobKind::Plain(LIVE)
    }

    fn capacity(&self, in_flight: usize, context: Context<'_>) -> usize {
        let model = self.model.borrow();
        match context.settings.analyzer {
            _ if context.intake != Intake::Open => 0,
            _ if self.interval.is_zero() => {
                if self.draining {
                    PREFETCH
                } else {
                    0
                }
            }
            _ if self.rests_until().is_some() => 0,
            Analyzer::builtin if model.finals_wait() => 0,
            Analyzer::builtin => BUILTIN_BATCH,
            Analyzer::openai => model.room_for_looks(in_flight),
        }
    }

    fn capacity_of(&self, tenant: &String, context: Context<'_>) -> usize {
        match context.settings.analyzer {
            Analyzer::openai if !self.interval.is_zero() => self.model.borrow().room_for_looks_of(tenant),
            Analyzer::openai | Analyzer::builtin => usize::MAX,
        }
    }

    fn before_claim(&mut self, client: &mut SpiClient<'_>) -> Result<(), DbError> {
        self.questions.read(client)
    }

    fn find_due(&mut self, client: &mut SpiClient<'_>) -> Result<Waiting<String>, DbError> {
        let waiting = live::poll(client, PREFETCH)?;
        if waiting.due.is_empty() {
            self.draining = false;
        }
        Ok(waiting)
    }

    fn on_taken(&self, claimed: &[Claimed], _left: bool) {
        if !claimed.is_empty() {
            self.next_claim.set(Some(Instant::now() + CLAIM_INTERVAL));
        }
    }

    fn prepare(&self, client: &mut SpiClient<'_>, claimed: Vec<Claimed>) -> Result<PreparedJobs<Prepared>, DbError> {
        live::prepare(client, claimed)
    }

    fn start(&mut self, request_id: u64, job: Claimed, prepared: Prepared, context: Context<'_>) -> Step<InFlight> {
        let settings = context.settings;
        let settle = |job, outcome| Step::settle(Settled::without_request(job, JobKind::Plain(LIVE), outcome));
        let Prepared { call, waited, last, standing } = prepared;
        // An attempt is given back by its settle: these never came to an end.
        let crashes = job.attempt > settings.max_attempts;
        if self.interval.is_zero() || crashes || !call.in_progress || call.deleted {
            return settle(job, Outcome::Cancelled);
        }
        if waited > self.interval.max(LATE_BY) {
            return settle(job, Outcome::Expired { again: self.next_interval() });
        }
        let lines = if settings.redact { redact::redact(&call.lines).0 } else { call.lines.clone() };
        // Notes of words that were not redacted are not sent any more.
        let last = last.filter(|last| last.redacted || !settings.redact);
        let before =
            last.as_ref().map(|last| Before { notes: &last.notes, seen: &last.seen, whole_lines: last.whole_lines });
        let asked_of = match settings.analyzer {
            _ if !transcript::user_spoke(&lines) => None,
            _ => text(&lines, before, settings.transcript_max_chars),
        };
        let question = self.questions.question(&job.tenant, &call);
        let (Some(asked_of), Some(question)) = (asked_of, question) else {
            return settle(job, Outcome::Unchanged { hash: call.hash });
        };
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let whole_lines = if asked_of.whole { lines.len() } else { last.map_or(0, |last| last.whole_lines) };
        let look = Look {
            sentiment: None,
            lead_score: None,
            intent: None,
            criteria: Value::Object(Map::new()),
            notes: String::new(),
            turns: count(transcript::turns(&lines).count()),
            whole_lines: count(whole_lines),
            seen: hashes(&lines),
            redacted: settings.redact,
            standing,
            raised: false,
            asked_us: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros() as i64),
            asked: Instant::now(),
            interval: self.interval,
        };
        if settings.analyzer == Analyzer::builtin {
            return Step::settle(by_rules(job, look, &call, question.look_fields().unwrap_or_default()));
        }
        let mut model = self.model.borrow_mut();
        if model.provider.endpoint().is_none() {
            return settle(job, Outcome::Expired { again: self.next_interval() });
        }
        model.send(ModelRequest {
            requester: Requester::Live,
            request_id,
            number: 0,
            tenant: job.tenant.clone(),
            model: None,
            question,
            vertical: call.vertical,
            transcript: asked_of.text,
        });
        Step::Sent(job, InFlight { look })
    }

    fn responses(&mut self) -> Vec<(u64, ModelResponse)> {
        self.model.borrow_mut().responses(Requester::Live)
    }

    fn on_response(
        &mut self,
        job: Claimed,
        in_flight: InFlight,
        response: ModelResponse,
        others: bool,
        context: Context<'_>,
    ) -> Step<InFlight> {
        let InFlight { look } = in_flight;
        let of_look = |settled: Settled| Settled { kind: JobKind::Plain(LIVE), ..settled };
        let Some(response) = response.response else {
            return Step::settle(of_look(without_request(job, no_endpoint())));
        };
        let attempts_max = context.settings.max_attempts.max(1) as u32;
        let effect = self.model.borrow_mut().on_response(&job, &response, others, attempts_max);
        if let Some(change) = effect.change {
            context.status.log_breaker(change, &response);
        }
        let (outcome, model) = match response.outcome {
            Ok(reply) => {
                self.failures = 0;
                (Outcome::Looked(Box::new(found(look, reply.answer))), reply.model)
            }
            Err(failure) => {
                context.status.record_error(&failure.message);
                let at_least = match effect.decision {
                    Some(Decision::Count(at_least) | Decision::Wait(at_least)) => at_least,
                    None => Duration::ZERO,
                };
                self.on_failure(&failure, at_least);
                (Outcome::Snoozed { error: failure.message, again: self.next_interval() }, String::new())
            }
        };
        self.model.borrow_mut().send_waiting();
        let model = if model.is_empty() { context.settings.llm_model.clone() } else { model };
        Step::settle(Settled {
            http_status: response.http_status.map(i32::from),
            latency: Some(response.latency),
            tokens: response.spent,
            model: Some(model),
            ..of_look(without_request(job, outcome))
        })
    }

    fn failed(&self, _job: &Claimed, error: String, _settings: &Settings) -> Outcome {
        Outcome::Snoozed { error, again: self.next_interval() }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.model.borrow().next_deadline()
    }

    fn next_capacity(&self) -> Option<Instant> {
        let available = self.model.borrow().provider.next_available();
        [self.rests_until(), available].into_iter().flatten().max()
    }

    fn next_capacity_of<'a>(&self, tenants: impl Iterator<Item = &'a String>) -> Option<Instant> {
        self.model.borrow().provider.next_begin_for(tenants.map(String::as_str))
    }

    fn throttled<'a>(&self, tenants: impl Iterator<Item = &'a String>) -> Health {
        self.model.borrow().provider.throttled(tenants.map(String::as_str))
    }

    fn configure(&mut self, settings: &Settings) -> Result<(), String> {
        self.questions.configure(&settings.live);
        self.draining |= settings.live_interval.is_zero() && !self.interval.is_zero();
        self.interval = settings.live_interval;
        Ok(())
    }

    fn refresh(&mut self) {
        self.questions.refresh();
    }

    fn on_reload(&mut self) {
        self.paused_until = None;
    }
}

/// The look with what its answer says.
fn found(look: Look, answer: Answer) -> Look {
    let Answer { look: fields, notes, results, .. } = answer;
    let LookAnswer { sentiment, intent, lead_score } = fields.map(|fields| *fields).unwrap_or_default();
    let criteria = results.iter().map(|result| (result.name.clone(), criteria_json(&result.criteria)));
    let criteria = Value::Object(criteria.collect());
    let mut standing: Standing = look.standing;
    let raised = standing.take(sentiment, &results);
    let lead_score = lead_score.and_then(|score| i16::try_from(score).ok());
    Look { sentiment, intent, lead_score, criteria, notes: notes.unwrap_or_default(), standing, raised, ..look }
}

/// The builtin analyzer's: of the whole call each time, for that costs nothing.
fn by_rules(job: Claimed, look: Look, call: &PreparedCall, wanted: Fields) -> Settled {
    // A bug in a rule costs this look, not the database its worker.
    let look_again = look.interval;
    let verdict = std::panic::catch_unwind(|| builtin::analyze(transcript::turns(&call.lines), &call.vertical).0);
    let outcome = match verdict {
        Ok(analysis) => {
            let fields = LookAnswer {
                sentiment: wanted.sentiment.then_some(analysis.sentiment),
                intent: wanted.intent.then_some(analysis.intent),
                lead_score: wanted.lead_score.then_some(analysis.lead_score),
            };
            let answer = Answer { look: Some(Box::new(fields)), notes: Some(analysis.summary), ..Answer::default() };
            Outcome::Looked(Box::new(found(look, answer)))
        }
        Err(_) => Outcome::Snoozed { error: "the builtin analyzer failed on this call".to_owned(), again: look_again },
    };
    let model = Some(builtin::MODEL.to_owned());
    Settled { model, ..Settled::without_request(job, JobKind::Plain(LIVE), outcome) }
}
