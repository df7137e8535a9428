//! The requests that one call takes: one for each model that is asked about it and, before these, one for each part of a call
//! that is too long for one. Parts are asked side by side, and the notes on them are kept for the next attempt.

use crate::db::outcome::EarlierRequest;
use crate::guc::LongTranscripts;
use crate::worker::model_client::{ModelClient, ModelRequest, Requester};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use voice_core::long_call;
use voice_core::protocol::Failure;
use voice_core::question::{NOTES, Part, Question};
use voice_core::reply::{Reply, Tokens};
use voice_core::server_state::Decision;
use voice_core::transcript;
use voice_net::AnalysisResponse;

/// Jobs whose notes are kept for their next attempt. One more, and those of some job are dropped: they are asked for again.
const KEPT_MAX: usize = 512;

/// What a call is asked, and the lines that it is asked of.
pub struct Plan {
    pub requester: Requester,
    pub tenant: String,
    pub vertical: String,
    /// Hash of the words.
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
    /// On each part but the last.
    notes: Vec<Option<String>>,
    /// To each question.
    replies: Vec<Option<Reply>>,
    /// What notes cost in this attempt.
    tokens_of_notes: Tokens,
    /// Requests that are on their way or wait.
    open: usize,
    failure: Option<Unanswered>,
    /// Requests that were answered or failed, in this attempt.
    ended: Vec<EarlierRequest>,
    /// Which of them failed first.
    failed_at: Option<usize>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Parts,
    Questions,
}

/// Why something was not answered.
pub enum Unanswered {
    /// A request failed; with what is to become of the job.
    Failed(Failure, Option<Decision>),
    /// There is no endpoint any more.
    NoEndpoint,
}

/// What came of the requests of a call, when none is on its way any more.
pub struct Ended {
    /// The replies to the questions that were answered, in their order.
    pub replies: Vec<Reply>,
    /// Why others were not; `None`: all were.
    pub failure: Option<Unanswered>,
    /// The requests of this attempt; last the one that failed, or else the last one.
    pub requests: Vec<EarlierRequest>,
    pub tokens_of_notes: Tokens,
}

impl Requests {
    /// Sends the first requests of a call, but for those of which an earlier attempt has notes.
    pub fn start(request_id: u64, plan: Plan, kept: &mut NotesCache, job: i64, model: &mut ModelClient) -> Requests {
        let parts = match plan.long {
            LongTranscripts::summarize => long_call::parts(&plan.lines, plan.max_chars),
            LongTranscripts::ends => Vec::new(),
        };
        let notes = kept.take(job, &plan).unwrap_or_else(|| vec![None; parts.len().saturating_sub(1)]);
        let mut requests = Requests {
            request_id,
            parts,
            notes,
            replies: plan.questions.iter().map(|_| None).collect(),
            tokens_of_notes: Tokens::default(),
            open: 0,
            failure: None,
            ended: Vec::new(),
            failed_at: None,
            stage: Stage::Parts,
            plan,
        };
        requests.send_parts(model);
        requests
    }

    fn send_parts(&mut self, model: &mut ModelClient) {
        let count = self.parts.len();
        for at in 0..self.notes.len() {
            if self.notes[at].is_none() {
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
        let first = self.notes.len();
        for at in 0..self.plan.questions.len() {
            let (of, question) = self.plan.questions[at].clone();
            self.send(first + at, of, question, text.clone(), model);
        }
    }

    /// What is judged.
    fn transcript(&self) -> String {
        let Plan { lines, max_chars, .. } = &self.plan;
        match self.parts.split_last() {
            Some((_, before)) if !before.is_empty() => {
                let notes: Vec<String> = self.notes.iter().flatten().cloned().collect();
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
        // MAX_PARTS and DEFINITIONS_MAX are below 256 together.
        let number = u8::try_from(number).expect("parts and questions of a call are few");
        let requester = self.plan.requester;
        model.send(ModelRequest {
            requester,
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
    /// [`Requests::ended`] says whether more are to come.
    pub fn on_response(
        &mut self,
        number: u8,
        response: Option<AnalysisResponse>,
        decision: Option<Decision>,
        model: &mut ModelClient,
    ) {
        self.open -= 1;
        match response {
            None => _ = self.failure.get_or_insert(Unanswered::NoEndpoint),
            Some(response) => self.take(usize::from(number), response, decision, model),
        }
        if self.open == 0 && self.stage == Stage::Parts && self.failure.is_none() {
            self.send_questions(model);
        }
    }

    fn take(&mut self, at: usize, response: AnalysisResponse, decision: Option<Decision>, model: &mut ModelClient) {
        let question = at.checked_sub(self.notes.len());
        let mut ended = EarlierRequest {
            http_status: response.http_status.map(i32::from),
            model: question.and_then(|question| self.plan.questions[question].0.clone()),
            tokens: response.spent,
            latency: response.latency,
            asked: question.map_or_else(|| NOTES.into(), |question| self.plan.questions[question].1.asked().into()),
        };
        match (response.outcome, question) {
            (Ok(mut reply), None) => {
                ended.model = named(&reply).or(ended.model);
                self.tokens_of_notes = self.tokens_of_notes.plus(response.spent);
                self.notes[at] = reply.answer.notes.take();
            }
            (Ok(reply), Some(question)) => {
                ended.model = named(&reply).or(ended.model);
                self.replies[question] = Some(reply);
            }
            (Err(failure), question) => {
                if self.failed_at.is_none() {
                    self.failed_at = Some(self.ended.len());
                    self.failure = Some(Unanswered::Failed(failure, decision));
                }
                // Without its notes the call cannot be judged; questions do not need one another.
                if question.is_none() {
                    self.open -= model.drop_waiting(self.plan.requester, self.request_id);
                }
            }
        }
        self.ended.push(ended);
    }

    /// `None`: more responses are to come. Gives each reply once.
    pub fn ended(&mut self) -> Option<Ended> {
        if self.open > 0 {
            return None;
        }
        if let (Some(at), Some(last)) = (self.failed_at.take(), self.ended.len().checked_sub(1)) {
            self.ended.swap(at, last);
        }
        Some(Ended {
            replies: self.replies.iter_mut().filter_map(Option::take).collect(),
            failure: self.failure.take(),
            requests: std::mem::take(&mut self.ended),
            tokens_of_notes: self.tokens_of_notes,
        })
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Keeps the notes for the next attempt, where there are some.
    pub fn keep_notes(&mut self, job: i64, kept: &mut NotesCache) {
        if self.notes.iter().any(Option::is_some) {
            let (hash, max_chars) = (self.plan.hash.clone(), self.plan.max_chars);
            kept.put(job, Notes { hash, max_chars, notes: std::mem::take(&mut self.notes) });
        }
    }
}

/// The model as the server names it, which may be more exact.
fn named(reply: &Reply) -> Option<String> {
    Some(reply.model.clone()).filter(|model| !model.is_empty())
}

/// Notes on parts of calls of which a request failed, by job.
#[derive(Default)]
pub struct NotesCache(HashMap<i64, Notes>);

struct Notes {
    hash: Vec<u8>,
    max_chars: usize,
    notes: Vec<Option<String>>,
}

impl NotesCache {
    fn put(&mut self, job: i64, notes: Notes) {
        if self.0.len() >= KEPT_MAX
            && let Some(other) = self.0.keys().next().copied()
        {
            self.0.remove(&other);
        }
        self.0.insert(job, notes);
    }

    /// What is kept for this job, if it is of the same words.
    fn take(&mut self, job: i64, plan: &Plan) -> Option<Vec<Option<String>>> {
        let kept = self.0.remove(&job)?;
        (kept.hash == plan.hash && kept.max_chars == plan.max_chars).then_some(kept.notes)
    }

    /// The settings have changed: the parts may be others, or what stands in them.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
