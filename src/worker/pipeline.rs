//! One job, read aloud: claim → prepare → request → settle. Claim and settle are `db/`; this is what lies between:
//! what a prepared call needs, and what an answer means for its job.

use super::provider::RetryDecision;
use crate::db::claim::Claimed;
use crate::db::outcome::{Analyzed, Outcome, Settled};
use crate::db::prepare::PreparedCall;
use crate::guc::{Analyzer, Settings};
use std::time::{Duration, Instant};
use voice_core::breaker::Permit;
use voice_core::redact::{self, PlaceholderMap};
use voice_core::reply::Tokens;
use voice_core::{analysis, builtin, prompt, retry, transcript};
use voice_net::{AnalysisResponse, Class};

/// A request that is to be sent.
pub struct Flight {
    pub job: Claimed,
    pub vertical: String,
    pub hash: Vec<u8>,
    pub ended_ms: Option<i64>,
    /// As configured when the request left; the answer may name a more exact one.
    pub model: String,
    /// What the placeholders in the transcript that was sent stand for.
    pub secrets: PlaceholderMap,
}

/// One that is on its way.
pub struct Sent {
    pub flight: Flight,
    /// What the breaker let it go by.
    pub permit: Permit,
}

/// What a prepared call needs next.
pub enum Step {
    /// Its outcome is known without asking anybody.
    Settle(Settled),
    /// A request.
    Ask { flight: Flight, transcript: String },
}

/// Decides it. Costs a request only where there is something new to judge.
pub fn step(job: Claimed, call: Option<PreparedCall>, settings: &Settings) -> Step {
    let Some(call) = call.filter(|c| !c.in_progress && !c.deleted) else {
        return Step::Settle(plain(job, Outcome::Needless));
    };
    if job.attempt > settings.max_attempts {
        // A failed attempt would have buried it before: these never came to an end.
        let error =
            format!("given up after {} attempts during which the worker or the server went down", job.attempt - 1);
        return Step::Settle(plain(job, Outcome::Failed { error, again: None }));
    }
    let version = voice_core::analyzer::Analyzer::from(settings.analyzer).version();
    let spoke = transcript::user_spoke(&call.turns);
    let version = if spoke { version } else { voice_core::analyzer::RULE_VERSION };
    if call.known.as_ref().is_some_and(|k| k.hash == call.hash && k.prompt_version == version) {
        let model = call.known.map(|k| k.model);
        return Step::Settle(Settled { model, ..plain(job, Outcome::Current { hash: call.hash }) });
    }
    if !spoke {
        return Step::Settle(judged(job, &call, analysis::no_conversation(), analysis::NO_CONVERSATION_MODEL, version));
    }
    match settings.analyzer {
        Analyzer::builtin => Step::Settle(by_rules(job, &call, settings)),
        Analyzer::openai => {
            let (turns, secrets) =
                if settings.redact { redact::redact(&call.turns) } else { (call.turns, PlaceholderMap::default()) };
            Step::Ask {
                transcript: transcript::render(&turns, settings.transcript_max_chars),
                flight: Flight {
                    job,
                    vertical: call.vertical,
                    hash: call.hash,
                    ended_ms: call.ended_ms,
                    model: settings.llm_model.clone(),
                    secrets,
                },
            }
        }
    }
}

/// What an answer means for its job.
pub fn settled(flight: Flight, answer: AnalysisResponse, patience: RetryDecision, settings: &Settings) -> Settled {
    let http_status = answer.http_status.map(i32::from);
    let latency = Some(answer.latency);
    let tokens = answer.spent;
    match answer.outcome {
        Ok(reply) => Settled {
            http_status,
            latency,
            tokens,
            delivery: None,
            held_up: None,
            model: Some(named(&reply.model, &flight.model)),
            outcome: Outcome::Analyzed(Box::new(Analyzed {
                analysis: flight.secrets.resolve_analysis(reply.analysis),
                vertical: flight.vertical,
                model: named(&reply.model, &flight.model),
                prompt_version: prompt::VERSION.to_owned(),
                hash: flight.hash,
                ended_ms: flight.ended_ms,
            })),
            job: flight.job,
        },
        Err(failure) => {
            let outcome = match failure.class {
                Class::Configuration => Outcome::Snoozed { error: failure.message, again: Duration::ZERO },
                Class::Provider { .. } => match patience {
                    RetryDecision::Again(again) => Outcome::Snoozed { error: failure.message, again },
                    RetryDecision::Discard => {
                        let error = format!("given up: the LLM server fails on this call only: {}", failure.message);
                        Outcome::Failed { error, again: None }
                    }
                },
                Class::Job => failed(&flight.job, failure.message, settings),
            };
            Settled { http_status, latency, tokens, model: Some(flight.model), ..plain(flight.job, outcome) }
        }
    }
}

/// The model as the server names it, or else as it was asked for.
fn named(by_server: &str, asked_for: &str) -> String {
    if by_server.is_empty() { asked_for } else { by_server }.to_owned()
}

/// A failed attempt: again after a pause, or the last one.
pub fn failed(job: &Claimed, error: String, settings: &Settings) -> Outcome {
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
            Settled { latency, model: Some(builtin::MODEL.to_owned()), ..plain(job, outcome) }
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
    };
    Settled { model: Some(model.to_owned()), ..plain(job, Outcome::Analyzed(Box::new(analyzed))) }
}

/// An outcome that nobody was asked for.
pub fn plain(job: Claimed, outcome: Outcome) -> Settled {
    Settled {
        job,
        outcome,
        delivery: None,
        http_status: None,
        model: None,
        latency: None,
        tokens: Tokens::default(),
        held_up: None,
    }
}
