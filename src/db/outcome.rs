//! Outcomes of jobs: the handler of a kind decides them (`worker/jobs`), a settle stores them.

use super::claim::Claimed;
use super::deliver::Delivery;
use crate::host::commit_hooks;
use pgrx::datum::TimestampWithTimeZone;
use std::time::{Duration, Instant};
use voice_core::analysis::Analysis;
use voice_core::answer::DefinitionAnswer;
use voice_core::evidence::Evidence;
use voice_core::live::Standing;
use voice_core::reply::Tokens;
use voice_core::vocabulary::Intent;

/// How long a result waits for writers of its call's turns.
pub(super) const WRITERS_PATIENCE: Duration = Duration::from_secs(5);

/// Kinds of jobs that this module knows by name, as `voice.job.kind` stores them.
pub const ANALYZE: &str = "analyze";
pub const DELIVER: &str = "deliver";
pub const TRIAL: &str = "trial";
pub const LIVE: &str = "live";

/// Kind of a job, with the data that only this kind has.
#[derive(Debug, Clone)]
pub enum JobKind {
    /// A kind whose jobs have no data but their call, such as [`ANALYZE`], by its name.
    Plain(&'static str),
    /// The delivery of an event to a webhook; `None`: it could not be read.
    Deliver(Option<Delivery>),
    /// A call that is judged for a trial, by the trial's id as `voice.job.event` has it; `None`: it could not be read.
    Trial(Option<String>),
}

impl JobKind {
    /// The value of `voice.job.kind`.
    pub fn as_str(&self) -> &'static str {
        match self {
            JobKind::Plain(kind) => kind,
            JobKind::Deliver(_) => DELIVER,
            JobKind::Trial(_) => TRIAL,
        }
    }

    /// The value of `voice.job.event`.
    pub fn event(&self) -> Option<&str> {
        match self {
            JobKind::Plain(_) => None,
            JobKind::Deliver(delivery) => delivery.as_ref().map(|delivery| delivery.event.as_str()),
            JobKind::Trial(trial) => trial.as_deref(),
        }
    }

    /// The delivery that the job is, where it is one and could be read.
    pub fn delivery(&self) -> Option<&Delivery> {
        match self {
            JobKind::Deliver(delivery) => delivery.as_ref(),
            JobKind::Plain(_) | JobKind::Trial(_) => None,
        }
    }
}

/// Outcome of a job.
#[derive(Debug, Clone)]
pub enum Outcome {
    Analyzed(Box<Analyzed>),
    /// The stored analysis is of these words (their hash) and this prompt version: no request was needed.
    Current {
        hash: Vec<u8>,
    },
    /// There is nothing to do: the call is deleted, in progress again or gone, or the webhook is disabled or gone.
    Cancelled,
    /// The work is done, and the attempt log says "ok". An analysis is [`Outcome::Analyzed`] instead.
    Completed,
    /// The call was judged for a trial, or could not be.
    Tried(Box<TrialOutcome>),
    /// A call in progress was looked at. Its job goes back, for the next look.
    Looked(Box<Look>),
    /// Nothing was said in a call in progress since the last look (the hash of its words): the next turn writes the job again.
    Unchanged {
        hash: Vec<u8>,
    },
    /// A look at a call in progress that waited too long: the next one is due after `again`.
    Expired {
        again: Duration,
    },
    /// The receiver wants nothing any more: its webhook is disabled.
    Gone {
        error: String,
    },
    /// The attempt failed; `Some`: the job is retried after this time, `None`: it was the last attempt.
    Failed {
        error: String,
        again: Option<Duration>,
    },
    /// The provider or the configuration failed: the job is retried after `again`, and the attempt is not counted.
    Snoozed {
        error: String,
        again: Duration,
    },
}

impl Outcome {
    /// How many results it brings: of the fixed analysis, and of those that tenants have defined.
    pub fn results(&self) -> usize {
        match self {
            Outcome::Analyzed(analyzed) => analyzed.results.len() + usize::from(analyzed.fixed.is_some()),
            _ => 0,
        }
    }
}

/// What was judged of a call: the fixed fields, results of analyses that its tenant has defined, or both.
#[derive(Debug, Clone)]
pub struct Analyzed {
    /// `None`: the stored ones are current.
    pub fixed: Option<Fixed>,
    pub results: Vec<AnalysisResult>,
    pub vertical: String,
    /// Hash of the words that were analysed.
    pub hash: Vec<u8>,
    /// Unix milliseconds of the hang-up.
    pub ended_ms: Option<i64>,
    /// The model's answer did not hold to the form that was asked for, and was read all the same.
    pub mended: bool,
    /// What was asked besides and not answered: [`Outcome::Failed`] or [`Outcome::Snoozed`]. `None`: all was answered.
    pub rest: Option<Box<Outcome>>,
}

/// The fixed fields of a call.
#[derive(Debug, Clone)]
pub struct Fixed {
    pub analysis: Analysis,
    pub evidence: Vec<Evidence>,
    pub model: String,
    pub prompt_version: String,
    /// Of the request that they were asked in, and of those before it that read parts of the call.
    pub tokens: Tokens,
}

/// What one version of an analysis that somebody defined says of a call.
#[derive(Debug, Clone)]
pub struct AnalysisResult {
    pub answer: DefinitionAnswer,
    pub evidence: Vec<Evidence>,
    pub model: String,
    pub prompt_version: String,
    /// Of a request in which the fixed fields were not asked for: of its first result. Else none, for they are the call's.
    pub tokens: Tokens,
}

/// What a look at a call in progress found.
#[derive(Debug, Clone)]
pub struct Look {
    pub sentiment: Option<f64>,
    pub lead_score: Option<i16>,
    pub intent: Option<Intent>,
    /// In the form of `voice.live.criteria`.
    pub criteria: serde_json::Value,
    /// Notes for the next look.
    pub notes: String,
    /// Turns that the call had.
    pub turns: i32,
    /// Lines that the call had at the last look of the whole call, which may be this one.
    pub whole_lines: i32,
    /// A hash of each line.
    pub seen: Vec<u8>,
    pub redacted: bool,
    pub standing: Standing,
    /// This look raised an alert.
    pub raised: bool,
    /// Unix microseconds of its beginning.
    pub asked_us: i64,
    /// The same, on the monotonic clock; the next look is due an interval after it.
    pub asked: Instant,
    pub interval: Duration,
}

/// What a trial made of a call.
#[derive(Debug, Clone)]
pub struct TrialOutcome {
    pub trial_id: i64,
    /// In the form of `voice.trial_result.after`, with how many claims are unsupported; `Err`: why there is nothing.
    pub after: Result<(serde_json::Value, usize), String>,
}

/// A request that was made before the last one of an attempt.
#[derive(Debug, Clone)]
pub struct EarlierRequest {
    pub http_status: Option<i32>,
    pub model: Option<String>,
    pub latency: Duration,
    pub tokens: Tokens,
    /// What it asked, as `voice.daily_usage.analysis` has it.
    pub asked: Box<str>,
}

/// A job with its outcome, ready to be stored.
#[derive(Debug, Clone)]
pub struct Settled {
    pub job: Claimed,
    pub kind: JobKind,
    pub outcome: Outcome,
    pub http_status: Option<i32>,
    pub model: Option<String>,
    pub latency: Option<Duration>,
    /// Tokens that the model's answer cost, also where the answer was refused.
    pub tokens: Tokens,
    /// What was asked, as `voice.daily_usage.analysis` has it; of a trial or a look at a call in progress the kind says it.
    pub asked: Box<str>,
    /// Requests before the one that the fields above are of.
    pub earlier: Vec<EarlierRequest>,
    /// When storing it was first postponed because another session held its call or job, or wrote its turns.
    pub held_up: Option<Instant>,
}

impl Settled {
    /// An outcome for which no request was sent.
    pub fn without_request(job: Claimed, kind: JobKind, outcome: Outcome) -> Settled {
        Settled {
            job,
            kind,
            outcome,
            http_status: None,
            model: None,
            latency: None,
            tokens: Tokens::default(),
            asked: Box::default(),
            earlier: Vec::new(),
            held_up: None,
        }
    }

    /// What all requests of the attempt cost.
    pub fn all_tokens(&self) -> Tokens {
        self.earlier.iter().fold(self.tokens, |sum, request| sum.plus(request.tokens))
    }

    /// Hash of the words that the outcome is about, where it is about words.
    pub(super) fn hash(&self) -> Option<&[u8]> {
        match &self.outcome {
            Outcome::Analyzed(a) => Some(&a.hash),
            Outcome::Current { hash } | Outcome::Unchanged { hash } => Some(hash),
            _ => None,
        }
    }

    /// Whether another session is about to commit turns of this call. After [`WRITERS_PATIENCE`] the result is stored
    /// all the same, and the call is analysed again later.
    pub(super) fn waits_for_writers(&self) -> bool {
        self.hash().is_some()
            && commit_hooks::has_writers(self.job.call_id.as_bytes())
            && self.held_up.is_none_or(|since| since.elapsed() < WRITERS_PATIENCE)
    }
}

impl LockedCall {
    /// Whether an outcome of this kind can be stored: looks are of calls in progress, other judgements of calls that have ended;
    /// webhooks are told of both.
    pub(super) fn takes(&self, kind: &JobKind) -> bool {
        match kind.as_str() {
            LIVE => self.in_progress && !self.deleted,
            DELIVER => !self.deleted,
            _ => !self.in_progress && !self.deleted,
        }
    }
}

/// A call that this transaction has locked: the columns that are copied to its analysis.
pub struct LockedCall {
    /// It stands for an event of an alert: its deliveries are jobs like others, and no attempts are logged.
    pub(super) is_alert: bool,
    pub(super) in_progress: bool,
    pub(super) deleted: bool,
    pub tenant: String,
    pub agent: String,
    pub started_at: TimestampWithTimeZone,
    pub from_number: Option<String>,
    /// The other party's: who rang or, of an outbound call, who was rung.
    pub contact_number: Option<String>,
    pub external_id: Option<String>,
}

/// An analysis that is to be stored.
pub struct CompletedAnalysis<'a> {
    pub settled: &'a Settled,
    pub analyzed: &'a Analyzed,
    pub call: &'a LockedCall,
    /// As they are searched.
    pub words: String,
}
