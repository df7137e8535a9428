//! Calls that are judged for trials: by another model, another version of a definition, or with other instructions. What comes
//! of it is stored beside what is there. Trials take a quarter of the requests at most.

use super::answers::{self, Request, counted};
use super::requests::{Kept, Plan, Progress, Requests};
use crate::db::DbError;
use crate::db::claim::{Claimed, PreparedJobs, Waiting};
use crate::db::outcome::{Analyzed, JobKind, Outcome, Settled, Tried};
use crate::db::prepare::{self, PreparedCall};
use crate::db::trials::{self, TrialSetup};
use crate::guc::{Analyzer, Settings};
use crate::worker::job::{Context, Intake, JobHandler, Step};
use crate::worker::model_client::{Arrival, Asker, SharedModel};
use pgrx::spi::SpiClient;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use voice_core::definition::criteria_json;
use voice_core::evidence;
use voice_core::question::Question;
use voice_core::redact::{self, PlaceholderMap};
use voice_core::server_state::Decision;
use voice_core::transcript;

/// Jobs read ahead.
const PREFETCH: usize = 256;
/// Trials whose questions are kept.
const QUESTIONS_MAX: usize = 32;

/// Handler of trials.
pub struct Trial {
    model: SharedModel,
    questions: HashMap<i64, Arc<Question>>,
    kept: Kept,
}

/// What is read for a job.
pub struct Prepared {
    call: PreparedCall,
    /// `Err`: what is tried cannot be asked.
    setup: Result<TrialSetup, String>,
}

/// What answers are read with.
pub struct InFlight {
    trial_id: i64,
    request: Request,
}

impl Trial {
    pub fn new(model: SharedModel) -> Trial {
        Trial { model, questions: HashMap::new(), kept: Kept::default() }
    }

    fn question(&mut self, setup: &TrialSetup) -> Arc<Question> {
        if self.questions.len() >= QUESTIONS_MAX && !self.questions.contains_key(&setup.trial_id) {
            self.questions.clear();
        }
        let make = || {
            let question = match &setup.definition {
                Some(definition) => Question::new(false, vec![definition.clone()]),
                None => Question::fixed_fields().with_instructions(setup.instructions.as_deref().unwrap_or_default()),
            };
            Arc::new(question)
        };
        self.questions.entry(setup.trial_id).or_insert_with(make).clone()
    }
}

impl JobHandler for Trial {
    type Key = String;
    type Prepared = Prepared;
    type InFlight = InFlight;
    type Response = Arrival;

    const NOUN: &'static str = "call of a trial";

    fn kind(&self) -> JobKind {
        JobKind::Trial(None)
    }

    fn capacity(&self, in_flight: usize, context: Context<'_>) -> usize {
        match context.settings.analyzer {
            _ if context.intake != Intake::Open => 0,
            Analyzer::builtin => 0,
            Analyzer::openai => {
                let share = (context.settings.max_concurrency / 4).max(1);
                self.model.borrow().room().min(share.saturating_sub(in_flight))
            }
        }
    }

    fn capacity_of(&self, tenant: &String, _context: Context<'_>) -> usize {
        self.model.borrow().provider.available_for(tenant)
    }

    fn find_due(&mut self, client: &mut SpiClient<'_>) -> Result<Waiting<String>, DbError> {
        trials::poll(client, PREFETCH)
    }

    fn prepare(&self, client: &mut SpiClient<'_>, claimed: Vec<Claimed>) -> Result<PreparedJobs<Prepared>, DbError> {
        let mut setups = trials::setups(client, &claimed)?;
        let calls = prepare::prepare(client, claimed, |_| false)?;
        let prepared = calls.into_iter().map(|(job, call)| {
            let prepared = call.zip(setups.remove(&job.id)).map(|(call, setup)| Prepared { call, setup });
            (job, prepared)
        });
        Ok(prepared.collect())
    }

    fn start(&mut self, request_id: u64, job: Claimed, prepared: Prepared, context: Context<'_>) -> Step<InFlight> {
        let settings = context.settings;
        let Prepared { call, setup } = prepared;
        let setup = match setup {
            _ if call.in_progress || call.deleted => return Step::Settle(settled(job, None, Outcome::Cancelled)),
            Ok(setup) => setup,
            // Without its trial, it can be stored nowhere.
            Err(error) => return Step::Settle(settled(job, None, Outcome::Failed { error, again: None })),
        };
        if self.model.borrow().provider.endpoint().is_none() {
            return Step::Settle(settled(job, Some(setup.trial_id), answers::no_endpoint()));
        }
        let question = self.question(&setup);
        let (lines, placeholders) =
            if settings.redact { redact::redact(&call.lines) } else { (call.lines, PlaceholderMap::default()) };
        let of = setup.model.or_else(|| setup.definition.as_ref().and_then(|definition| definition.model.clone()));
        let plan = Plan {
            asker: Asker::Trial,
            tenant: job.tenant.clone(),
            vertical: call.vertical,
            hash: call.hash,
            questions: vec![(of, question)],
            lines: transcript::numbered(&lines),
            max_chars: settings.transcript_max_chars,
            long: settings.long_transcripts,
        };
        let requests = Requests::start(request_id, plan, &mut self.kept, job.id, &mut self.model.borrow_mut());
        let request = Request { requests, lines, ended_ms: None, placeholders, by_rule: None };
        Step::Sent(job, InFlight { trial_id: setup.trial_id, request })
    }

    fn responses(&mut self) -> Vec<(u64, Arrival)> {
        self.model.borrow_mut().responses(Asker::Trial)
    }

    fn on_response(
        &mut self,
        job: Claimed,
        in_flight: InFlight,
        arrival: Arrival,
        others: bool,
        context: Context<'_>,
    ) -> Step<InFlight> {
        let InFlight { trial_id, mut request } = in_flight;
        let settings = context.settings;
        let mut model = self.model.borrow_mut();
        let decision = arrival.response.as_ref().and_then(|response| {
            let effect = model.on_response(&job, response, others, settings.max_attempts.max(1) as u32);
            if let Some(change) = effect.change {
                context.status.log_breaker(change, response);
            }
            effect.decision
        });
        let progress = request.requests.on_response(arrival.number, arrival.response, decision, &mut model);
        model.send_waiting();
        let replies = match progress {
            Progress::Open => return Step::Sent(job, InFlight { trial_id, request }),
            Progress::Answered(replies) => Ok(replies),
            Progress::Failed(failure) => Err(failure),
        };
        let made = request.requests.made();
        let outcome = match replies {
            Ok(replies) => {
                let analyzed = answers::analyzed(request, replies);
                Outcome::Tried(Box::new(Tried { trial_id, after: after(&analyzed) }))
            }
            Err(failure) => {
                request.requests.keep(job.id, &mut self.kept);
                match failure {
                    None => answers::no_endpoint(),
                    Some((failure, Some(Decision::Wait(again)))) => Outcome::Snoozed { error: failure.message, again },
                    Some((failure, Some(Decision::Count(at_least)))) => counted(&job, failure, at_least, settings),
                    Some((failure, None)) => answers::failed(&job, failure.message, settings),
                }
            }
        };
        // A trial reports what it could not judge; nothing is dead.
        let outcome = match outcome {
            Outcome::Failed { error, again: None } => {
                model.provider.forget(job.id);
                Outcome::Tried(Box::new(Tried { trial_id, after: Err(error) }))
            }
            other => other,
        };
        if matches!(outcome, Outcome::Tried(_)) {
            self.kept.forget(job.id);
        }
        let settled = answers::settled(job, outcome, made, settings);
        Step::Settle(Settled { kind: JobKind::Trial(Some(trial_id.to_string())), ..settled })
    }

    fn failed(&self, job: &Claimed, error: String, settings: &Settings) -> Outcome {
        answers::failed(job, error, settings)
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.model.borrow().next_deadline()
    }

    fn next_capacity(&self) -> Option<Instant> {
        self.model.borrow().provider.next_available()
    }

    fn next_capacity_of<'a>(&self, tenants: impl Iterator<Item = &'a String>) -> Option<Instant> {
        self.model.borrow().provider.next_available_for(tenants.map(String::as_str))
    }

    fn configure(&mut self, _settings: &Settings) -> Result<(), String> {
        self.kept.clear();
        Ok(())
    }

    fn goes_last(&self, job: i64) -> bool {
        self.model.borrow().provider.goes_last(job)
    }
}

/// An outcome without a request.
fn settled(job: Claimed, trial_id: Option<i64>, outcome: Outcome) -> Settled {
    Settled::without_request(job, JobKind::Trial(trial_id.map(|id| id.to_string())), outcome)
}

/// In the form of `voice.trial_result.after`, with how many claims are unsupported.
fn after(analyzed: &Analyzed) -> Result<(Value, usize), String> {
    if let Some(result) = analyzed.results.first() {
        let (answer, scored) = (&result.answer, result.answer.scored());
        let after = json!({
            "version": answer.version,
            "values": answer.values,
            "criteria": criteria_json(&answer.criteria),
            "score": scored.score,
            "success": scored.success.as_str(),
        });
        return Ok((after, evidence::unsupported(&result.evidence)));
    }
    let fixed = analyzed.fixed.as_ref().ok_or("the model's reply has nothing of what is tried")?;
    let analysis = &fixed.analysis;
    let after = json!({
        "sentiment": analysis.sentiment,
        "lead_score": analysis.lead_score,
        "intent": analysis.intent.as_str(),
        "entities": analysis.entities,
        "summary": analysis.summary,
        "next_action": analysis.next_action,
    });
    Ok((after, evidence::unsupported(&fixed.evidence)))
}
