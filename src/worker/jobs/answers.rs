//! What answers mean for their job: the model's, a rule's, the builtin analyzer's.

use super::requests::Requests;
use crate::db::claim::Claimed;
use crate::db::outcome::{ANALYZE, AnalysisResult, Analyzed, EarlierRequest, Fixed, JobKind, Outcome, Settled};
use crate::db::prepare::PreparedCall;
use crate::guc::Settings;
use std::time::{Duration, Instant};
use voice_core::answer::{Answer, Claim};
use voice_core::evidence;
use voice_core::protocol::{Class, Failure};
use voice_core::redact::PlaceholderMap;
use voice_core::reply::{Reply, Tokens};
use voice_core::transcript::{self, Line};
use voice_core::{builtin, prompt, retry};

/// What the answers of the model are read with.
pub struct Request {
    pub requests: Requests,
    /// The lines that were sent, for what is quoted from them.
    pub lines: Vec<Line>,
    /// Unix milliseconds of the hang-up.
    pub ended_ms: Option<i64>,
    /// What the placeholders in the lines stand for.
    pub placeholders: PlaceholderMap,
    /// What a rule says of the fixed fields, where no model is asked for them.
    pub by_rule: Option<Fixed>,
}

/// What the replies to all questions of a call say of it.
pub fn analyzed(request: Request, replies: Vec<Reply>) -> Analyzed {
    let Request { requests, lines, ended_ms, placeholders, by_rule } = request;
    let plan = requests.into_plan();
    let checked = |claims: &[Claim]| placeholders.resolve_evidence(evidence::check(claims, &lines));
    let mut analyzed = Analyzed {
        fixed: by_rule,
        results: Vec::new(),
        vertical: plan.vertical,
        hash: plan.hash,
        ended_ms,
        mended: false,
    };
    for (at, reply) in replies.into_iter().enumerate() {
        let tokens = Tokens { prompt: reply.prompt_tokens, completion: reply.completion_tokens };
        // What the first request cost is the call's.
        let tokens = if at == 0 { Tokens::default() } else { tokens };
        let model = reply.model;
        analyzed.mended |= reply.answer.mended;
        let Answer { analysis, claims, results, .. } = placeholders.resolve_answer(reply.answer);
        if let Some(analysis) = analysis {
            analyzed.fixed = Some(Fixed {
                analysis,
                evidence: checked(&claims),
                model: model.clone(),
                prompt_version: prompt::VERSION.to_owned(),
            });
        }
        analyzed.results.extend(results.into_iter().map(|answer| AnalysisResult {
            evidence: checked(&answer.claims),
            answer,
            model: model.clone(),
            prompt_version: prompt::VERSION.to_owned(),
            tokens,
        }));
    }
    analyzed
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
    };
    Settled { model: Some(model), ..without_request(job, Outcome::Analyzed(Box::new(analyzed))) }
}

pub fn without_request(job: Claimed, outcome: Outcome) -> Settled {
    Settled::without_request(job, JobKind::Plain(ANALYZE), outcome)
}
