//! What answers mean for their job: the model's, a rule's, the builtin analyzer's.

use super::requests::{Ended, NotesCache, Plan, Requests, Unanswered};
use crate::db::claim::Claimed;
use crate::db::outcome::{ANALYZE, AnalysisResult, Analyzed, EarlierRequest, Fixed, JobKind, Outcome, Settled};
use crate::db::prepare::PreparedCall;
use crate::guc::Settings;
use crate::worker::job::Context;
use crate::worker::model_client::{ModelResponse, Requester, SharedModel};
use std::sync::Arc;
use std::time::{Duration, Instant};
use voice_core::answer::{Answer, Claim};
use voice_core::evidence;
use voice_core::protocol::{Class, Failure};
use voice_core::question::Question;
use voice_core::redact::{self, PlaceholderMap};
use voice_core::reply::{Reply, Tokens};
use voice_core::server_state::Decision;
use voice_core::transcript::{self, Line};
use voice_core::{builtin, prompt, retry};

/// What the answers of the model are read with.
pub struct Request {
    requests: Requests,
    /// The lines that were sent, for what is quoted from them.
    lines: Vec<Line>,
    /// Unix milliseconds of the hang-up.
    ended_ms: Option<i64>,
    /// What the placeholders in the lines stand for.
    placeholders: PlaceholderMap,
    /// What a rule says of the fixed fields, where no model is asked for them.
    pub by_rule: Option<Fixed>,
}

/// What one kind of jobs asks the model with.
pub struct JobClient {
    requester: Requester,
    pub model: SharedModel,
    notes: NotesCache,
}

impl JobClient {
    pub fn new(requester: Requester, model: SharedModel) -> JobClient {
        JobClient { requester, model, notes: NotesCache::default() }
    }

    /// The settings have changed: notes may be of other parts, or of what is redacted now.
    pub fn on_configure(&mut self) {
        self.notes.clear();
    }

    /// Responses that have arrived, each with the id that its job was started with.
    pub fn responses(&mut self) -> Vec<(u64, ModelResponse)> {
        self.model.borrow_mut().responses(self.requester)
    }

    /// Sends the requests of a call.
    pub fn start(
        &mut self,
        request_id: u64,
        job: &Claimed,
        call: PreparedCall,
        questions: Vec<(Option<String>, Arc<Question>)>,
        settings: &Settings,
    ) -> Request {
        let (lines, placeholders) =
            if settings.redact { redact::redact(&call.lines) } else { (call.lines, PlaceholderMap::default()) };
        let plan = Plan {
            requester: self.requester,
            tenant: job.tenant.clone(),
            vertical: call.vertical,
            hash: call.hash,
            questions,
            lines: transcript::numbered(&lines),
            max_chars: settings.transcript_max_chars,
            long: settings.long_transcripts,
        };
        let requests = Requests::start(request_id, plan, &mut self.notes, job.id, &mut self.model.borrow_mut());
        Request { requests, lines, ended_ms: call.ended_ms, placeholders, by_rule: None }
    }

    /// Takes a response. Gives the outcome once no other is to come, with the requests of the attempt.
    pub fn on_response(
        &mut self,
        request: &mut Request,
        job: &Claimed,
        response: ModelResponse,
        others: bool,
        context: Context<'_>,
    ) -> Option<(Outcome, Vec<EarlierRequest>)> {
        let (status, settings) = (context.status, context.settings);
        let mut model = self.model.borrow_mut();
        let ModelResponse { number, response } = response;
        let decision = response.as_ref().and_then(|response| {
            let effect = model.on_response(job, response, others, settings.max_attempts.max(1) as u32);
            if let Err(failure) = &response.outcome {
                status.record_error(&failure.message);
            }
            // Failures of single jobs are in voice.attempt; the log is for what stops requests.
            if let Some(change) = effect.change {
                status.log_breaker(change, response);
            }
            effect.decision
        });
        request.requests.on_response(number, response, decision, &mut model);
        model.send_waiting();
        let Ended { replies, failure, requests, tokens_of_notes } = request.requests.ended()?;
        let rest = failure.map(|failure| {
            request.requests.keep_notes(job.id, &mut self.notes);
            match failure {
                Unanswered::NoEndpoint => no_endpoint(),
                Unanswered::Failed(failure, Some(Decision::Wait(again))) => {
                    Outcome::Snoozed { error: failure.message, again }
                }
                Unanswered::Failed(failure, Some(Decision::Count(at_least))) => {
                    counted(job, failure, at_least, settings)
                }
                Unanswered::Failed(failure, None) => failed(job, failure.message, settings),
            }
        });
        if let Some(Outcome::Failed { again: None, .. }) = rest {
            model.provider.forget(job.id);
        }
        let outcome = match rest {
            Some(rest) if replies.is_empty() => rest,
            rest => Outcome::Analyzed(Box::new(request.analyzed(replies, tokens_of_notes, rest))),
        };
        Some((outcome, requests))
    }
}

impl Request {
    /// What these replies say of the call. `rest`: what becomes of what was not answered.
    fn analyzed(&mut self, replies: Vec<Reply>, tokens_of_notes: Tokens, rest: Option<Outcome>) -> Analyzed {
        let Request { requests, lines, ended_ms, placeholders, by_rule } = self;
        let checked = |claims: &[Claim]| placeholders.resolve_evidence(evidence::check(claims, lines));
        let plan = requests.plan();
        let mut analyzed = Analyzed {
            fixed: by_rule.take(),
            results: Vec::new(),
            vertical: plan.vertical.clone(),
            hash: plan.hash.clone(),
            ended_ms: *ended_ms,
            mended: false,
            rest: rest.map(Box::new),
        };
        let mut notes = tokens_of_notes;
        for reply in replies {
            let mut tokens = reply.tokens().plus(std::mem::take(&mut notes));
            let model = reply.model;
            analyzed.mended |= reply.answer.mended;
            let Answer { analysis, claims, results, .. } = placeholders.resolve_answer(reply.answer);
            if let Some(analysis) = analysis {
                analyzed.fixed = Some(Fixed {
                    analysis,
                    evidence: checked(&claims),
                    model: model.clone(),
                    prompt_version: prompt::VERSION.to_owned(),
                    tokens: std::mem::take(&mut tokens),
                });
            }
            analyzed.results.extend(results.into_iter().map(|answer| AnalysisResult {
                evidence: checked(&answer.claims),
                answer,
                model: model.clone(),
                prompt_version: prompt::VERSION.to_owned(),
                tokens: std::mem::take(&mut tokens),
            }));
        }
        analyzed
    }
}

/// The attempt with its requests, the last of which is the attempt's own.
pub fn settled(job: Claimed, outcome: Outcome, mut requests: Vec<EarlierRequest>, settings: &Settings) -> Settled {
    let last = requests.pop();
    let settled = without_request(job, outcome);
    match last {
        None => settled,
        Some(last) => Settled {
            http_status: last.http_status,
            latency: Some(last.latency),
            tokens: last.tokens,
            model: Some(last.model.unwrap_or_else(|| settings.llm_model.clone())),
            asked: last.asked,
            earlier: requests,
            ..settled
        },
    }
}

/// An attempt that counts because of what happened to other jobs.
pub fn counted(job: &Claimed, failure: Failure, at_least: Duration, settings: &Settings) -> Outcome {
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
pub fn failed(job: &Claimed, error: String, settings: &Settings) -> Outcome {
    let again =
        (job.attempt < settings.max_attempts).then(|| retry::backoff(job.attempt.max(1) as u32, fastrand::f64()));
    Outcome::Failed { error, again }
}

/// Requests cannot be sent any more.
pub fn no_endpoint() -> Outcome {
    Outcome::Snoozed { error: "no endpoint".to_owned(), again: Duration::ZERO }
}

/// The builtin analyzer's.
pub fn by_rules(job: Claimed, call: &PreparedCall, settings: &Settings) -> Settled {
    let began = Instant::now();
    // A bug in a rule costs this call an attempt, not the database its worker.
    let verdict = std::panic::catch_unwind(|| {
        let answer = Answer::by_rules(builtin::analyze(transcript::turns(&call.lines), &call.vertical), &call.lines);
        let evidence = evidence::check(&answer.claims, &call.lines);
        answer.analysis.map(|analysis| (analysis, evidence))
    });
    let latency = Some(began.elapsed());
    match verdict {
        Ok(Some((analysis, evidence))) => {
            let fixed = Fixed {
                analysis,
                evidence,
                model: builtin::MODEL.to_owned(),
                prompt_version: builtin::MODEL.to_owned(),
                tokens: Tokens::default(),
            };
            Settled { latency, ..judged(job, call, fixed) }
        }
        Ok(None) | Err(_) => {
            let outcome = failed(&job, "the builtin analyzer failed on this call".to_owned(), settings);
            Settled { latency, model: Some(builtin::MODEL.to_owned()), ..without_request(job, outcome) }
        }
    }
}

/// Fixed fields that no request was sent for.
pub fn judged(job: Claimed, call: &PreparedCall, fixed: Fixed) -> Settled {
    let model = fixed.model.clone();
    let analyzed = Analyzed {
        fixed: Some(fixed),
        results: Vec::new(),
        vertical: call.vertical.clone(),
        hash: call.hash.clone(),
        ended_ms: call.ended_ms,
        mended: false,
        rest: None,
    };
    Settled { model: Some(model), ..without_request(job, Outcome::Analyzed(Box::new(analyzed))) }
}

pub fn without_request(job: Claimed, outcome: Outcome) -> Settled {
    Settled::without_request(job, JobKind::Plain(ANALYZE), outcome)
}
