//! The requests that one call takes: one for each model that is asked about it and, before these, one for each part of a call
//! that is too long for one. Parts are asked side by side, and what they gave is kept for the next attempt.

use crate::db::outcome::EarlierRequest;
use crate::guc::LongTranscripts;
use crate::worker::model_client::{Ask, Asker, ModelClient};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use voice_core::long_call;
use voice_core::protocol::Failure;
use voice_core::question::{Part, Question};
use voice_core::reply::Reply;
use voice_core::server_state::Decision;
use voice_core::transcript;
use voice_net::AnalysisResponse;

/// Jobs whose answers are kept for their next attempt. One more, and those of some job are dropped: they are asked for again.
const KEPT_MAX: usize = 512;

/// What a call is asked, and the lines that it is asked of.
pub struct Plan {
    pub asker: Asker,
    pub tenant: String,
    pub vertical: String,
    /// Hash of the words; answers are kept for them.
    pub hash: Vec<u8>,
    /// With the model that is asked; `None`: that of the settings.
    pub questions: Vec<(Option<String>, Arc<Question>)>,
    /// Numbered, as they are sent; dropped once the questions are.
    pub lines: Vec<String>,
    /// Longest transcript of one request, in characters.
    pub max_chars: usize,
    pub long: LongTranscripts,
}

/// The requests of a call.
pub struct Requests {
    request_id: u64,
    plan: Plan,
    parts: Vec<Range<usize>>,
    answers: Answers,
    /// Requests that are on their way or wait.
    open: usize,
    failure: Option<(Failure, Option<Decision>)>,
    /// Requests that were answered or failed, in this attempt.
    made: Vec<EarlierRequest>,
    /// Which of them failed first.
    failed_at: Option<usize>,
    stage: Stage,
}

/// What was answered.
#[derive(Default)]
struct Answers {
    /// Of each part but the last.
    notes: Vec<Option<String>>,
    /// Of each question.
    replies: Vec<Option<Reply>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Parts,
    Questions,
}

/// What has become of the requests of a call.
pub enum Progress {
    /// More responses are to come.
    Open,
    /// All questions are answered; the reply to each, in their order.
    Answered(Vec<Reply>),
    /// One request failed, and none is on its way. `None`: there is no endpoint any more.
    Failed(Option<(Failure, Option<Decision>)>),
}

impl Requests {
    /// Sends the first requests of a call, but for those that an earlier attempt has answers to.
    pub fn start(request_id: u64, plan: Plan, kept: &mut Kept, job: i64, model: &mut ModelClient) -> Requests {
        let parts = match plan.long {
            LongTranscripts::summarize => long_call::parts(&plan.lines, plan.max_chars),
            LongTranscripts::ends => Vec::new(),
        };
        let answers = kept.take(job, &plan).unwrap_or_else(|| Answers {
            notes: vec![None; parts.len().saturating_sub(1)],
            replies: plan.questions.iter().map(|_| None).collect(),
        });
        let mut requests = Requests {
            request_id,
            plan,
            parts,
            answers,
            open: 0,
            failure: None,
            made: Vec::new(),
            failed_at: None,
            stage: Stage::Parts,
        };
        requests.send_parts(model);
        requests
    }

    fn send_parts(&mut self, model: &mut ModelClient) {
        let count = self.parts.len();
        for at in 0..self.answers.notes.len() {
            if self.answers.notes[at].is_none() {
                let text = long_call::part_text(&self.plan.lines, &self.parts, at, self.plan.max_chars);
                self.send(at, None, Arc::new(Question::notes(Part { number: at + 1, of: count })), text, model);
            }
        }
        if self.open == 0 {
            self.send_questions(model);
        }
    }

    fn send_questions(&mut self, model: &mut ModelClient) {
        self.stage = Stage::Questions;
        let text = self.transcript();
        self.plan.lines = Vec::new();
        let first = self.answers.notes.len();
        let unanswered: Vec<usize> =
            (0..self.plan.questions.len()).filter(|at| self.answers.replies[*at].is_none()).collect();
        for at in unanswered {
            let (of, question) = self.plan.questions[at].clone();
            self.send(first + at, of, question, text.clone(), model);
        }
    }

    /// What is judged.
    fn transcript(&self) -> String {
        let Plan { lines, max_chars, .. } = &self.plan;
        match self.parts.split_last() {
            Some((_, before)) if !before.is_empty() => {
                let notes: Vec<String> = self.answers.notes.iter().flatten().cloned().collect();
                let last = long_call::part_text(lines, &self.parts, before.len(), *max_chars);
                long_call::joined(&self.parts, &notes, &last, *max_chars)
            }
            _ => transcript::cut(lines, *max_chars),
        }
    }

    fn send(
        &mut self,
        number: usize,
        of: Option<String>,
        question: Arc<Question>,
        transcript: String,
        model: &mut ModelClient,
    ) {
        self.open += 1;
        let (tenant, vertical) = (self.plan.tenant.clone(), self.plan.vertical.clone());
        let number = u8::try_from(number).expect("parts and questions of a call are few");
        let asker = self.plan.asker;
        model.send(Ask {
            asker,
            request_id: self.request_id,
            number,
            tenant,
            model: of,
            question,
            vertical,
            transcript,
        });
    }

    /// Takes a response, with what is to become of the job if it is a failure. `None`: the request was not sent.
    pub fn on_response(
        &mut self,
        number: u8,
        response: Option<AnalysisResponse>,
        decision: Option<Decision>,
        model: &mut ModelClient,
    ) -> Progress {
        self.open -= 1;
        let Some(response) = response else {
            return self.unsent(model);
        };
        let at = usize::from(number);
        let mut made = EarlierRequest {
            http_status: response.http_status.map(i32::from),
            model: at
                .checked_sub(self.answers.notes.len())
                .and_then(|question| self.plan.questions[question].0.clone()),
            tokens: response.spent,
            latency: response.latency,
        };
        match response.outcome {
            Ok(mut reply) => {
                // As the server names it, which may be more exact.
                made.model = Some(reply.model.clone()).filter(|model| !model.is_empty()).or(made.model);
                match self.answers.notes.get_mut(at) {
                    Some(notes) => *notes = reply.answer.notes.take(),
                    None => self.answers.replies[at - self.answers.notes.len()] = Some(reply),
                }
            }
            Err(failure) => {
                if self.failure.is_none() {
                    self.failed_at = Some(self.made.len());
                    self.failure = Some((failure, decision));
                }
                self.open -= model.drop_waiting(self.plan.asker, self.request_id);
            }
        }
        self.made.push(made);
        self.progress(model)
    }

    fn unsent(&mut self, model: &mut ModelClient) -> Progress {
        self.open -= model.drop_waiting(self.plan.asker, self.request_id);
        if self.open > 0 { Progress::Open } else { Progress::Failed(self.failure.take()) }
    }

    fn progress(&mut self, model: &mut ModelClient) -> Progress {
        if self.open > 0 {
            return Progress::Open;
        }
        if let Some(failure) = self.failure.take() {
            return Progress::Failed(Some(failure));
        }
        if self.stage == Stage::Parts {
            self.send_questions(model);
        }
        match self.open {
            0 => Progress::Answered(self.answers.replies.iter_mut().filter_map(Option::take).collect()),
            _ => Progress::Open,
        }
    }

    /// The requests that were answered or failed in this attempt; last the one that failed, or else the last one.
    pub fn made(&mut self) -> Vec<EarlierRequest> {
        if let (Some(at), Some(last)) = (self.failed_at.take(), self.made.len().checked_sub(1)) {
            self.made.swap(at, last);
        }
        std::mem::take(&mut self.made)
    }

    pub fn into_plan(self) -> Plan {
        self.plan
    }

    /// Keeps what was answered for the next attempt.
    pub fn keep(self, job: i64, kept: &mut Kept) {
        let answers = self.answers;
        if answers.notes.iter().any(Option::is_some) || answers.replies.iter().any(Option::is_some) {
            kept.put(
                job,
                KeptAnswers {
                    hash: self.plan.hash,
                    max_chars: self.plan.max_chars,
                    questions: self.plan.questions,
                    answers,
                },
            );
        }
    }
}

/// Answers to some of the requests of calls of which another failed, by job.
#[derive(Default)]
pub struct Kept(HashMap<i64, KeptAnswers>);

struct KeptAnswers {
    hash: Vec<u8>,
    max_chars: usize,
    questions: Vec<(Option<String>, Arc<Question>)>,
    answers: Answers,
}

impl Kept {
    fn put(&mut self, job: i64, answers: KeptAnswers) {
        if self.0.len() >= KEPT_MAX
            && let Some(other) = self.0.keys().next().copied()
        {
            self.0.remove(&other);
        }
        self.0.insert(job, answers);
    }

    /// What is kept for this job, if it is of the same words and the same questions.
    fn take(&mut self, job: i64, plan: &Plan) -> Option<Answers> {
        let kept = self.0.remove(&job)?;
        let same_questions = kept.questions.len() == plan.questions.len()
            && kept.questions.iter().zip(&plan.questions).all(|(a, b)| a.0 == b.0 && Arc::ptr_eq(&a.1, &b.1));
        let same = kept.hash == plan.hash && kept.max_chars == plan.max_chars && same_questions;
        same.then_some(kept.answers)
    }

    /// The job is done.
    pub fn forget(&mut self, job: i64) {
        self.0.remove(&job);
    }

    /// The settings have changed: what was asked may be another thing.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
