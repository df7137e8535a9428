//! Calls that are judged for trials: by another model, another version of a definition, or with other instructions. What comes
//! of it is stored beside what is there. Trials take a quarter of the requests at most.

use super::answers::{self, JobClient, Request};
use crate::db::DbError;
use crate::db::claim::{Claimed, PreparedJobs, Waiting};
use crate::db::outcome::{Analyzed, JobKind, Outcome, Settled, TrialOutcome};
use crate::db::prepare::{self, PreparedCall};
use crate::db::trials::{self, TrialSetup};
use crate::guc::{Analyzer, Settings};
use crate::worker::health::Health;
use crate::worker::job::{Context, Intake, JobHandler, Step};
use crate::worker::model_client::{ModelResponse, Requester, SharedModel};
use pgrx::spi::SpiClient;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use voice_core::definition::criteria_json;
use voice_core::evidence;
use voice_core::question::Question;

/// Jobs read ahead.
const PREFETCH: usize = 256;
/// Trials whose questions are kept.
const QUESTIONS_MAX: usize = 32;

/// Handler of trials.
pub struct Trial {
    client: JobClient,
    questions: HashMap<i64, Arc<Question>>,
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
        Trial { client: JobClient::new(Requester::Trial, model), questions: HashMap::new() }
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
    type Response = ModelResponse;

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
                self.client.model.borrow().room().min(share.saturating_sub(in_flight))
            }
        }
    }

    fn capacity_of(&self, tenant: &String, _context: Context<'_>) -> usize {
        self.client.model.borrow().provider.may_begin_for(tenant)
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
            _ if call.in_progress || call.deleted => return Step::settle(settled(job, None, Outcome::Cancelled)),
            Ok(setup) => setup,
            // Without its trial, it can be stored nowhere.
            Err(error) => return Step::settle(settled(job, None, Outcome::Failed { error, again: None })),
        };
        if self.client.model.borrow().provider.endpoint().is_none() {
            return Step::settle(settled(job, Some(setup.trial_id), answers::no_endpoint()));
        }
        let question = self.question(&setup);
        let of = setup.model.or_else(|| setup.definition.as_ref().and_then(|definition| definition.model.clone()));
        let request = self.client.start(request_id, &job, call, vec![(of, question)], settings);
        Step::Sent(job, InFlight { trial_id: setup.trial_id, request })
    }

    fn responses(&mut self) -> Vec<(u64, ModelResponse)> {
        self.client.responses()
    }

    fn on_response(
        &mut self,
        job: Claimed,
        in_flight: InFlight,
        response: ModelResponse,
        others: bool,
        context: Context<'_>,
    ) -> Step<InFlight> {
        let InFlight { trial_id, mut request } = in_flight;
        let heard = self.client.on_response(&mut request, &job, response, others, context);
        let Some((outcome, requests)) = heard else { return Step::Sent(job, InFlight { trial_id, request }) };
        // A trial reports what it could not judge; nothing is dead.
        let outcome = match outcome {
            Outcome::Analyzed(analyzed) => tried(trial_id, after(&analyzed)),
            Outcome::Failed { error, again: None } => tried(trial_id, Err(error)),
            other => other,
        };
        let settled = answers::settled(job, outcome, requests, context.settings);
        Step::settle(Settled { kind: JobKind::Trial(Some(trial_id.to_string())), ..settled })
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

    fn configure(&mut self, _settings: &Settings) -> Result<(), String> {
        self.client.on_configure();
        Ok(())
    }

    fn goes_last(&self, job: i64) -> bool {
        self.client.model.borrow().provider.goes_last(job)
    }
}

/// An outcome without a request.
fn settled(job: Claimed, trial_id: Option<i64>, outcome: Outcome) -> Settled {
    Settled::without_request(job, JobKind::Trial(trial_id.map(|id| id.to_string())), outcome)
}

fn tried(trial_id: i64, after: Result<(Value, usize), String>) -> Outcome {
    Outcome::Tried(Box::new(TrialOutcome { trial_id, after }))
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
