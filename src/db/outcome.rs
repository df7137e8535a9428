//! What came of a job: what the pipeline decides and a settle stores.

use super::claim::Claimed;
use super::deliver::Delivery;
use crate::host::commit_hooks;
use pgrx::datum::TimestampWithTimeZone;
use std::time::{Duration, Instant};
use voice_core::analysis::Analysis;
use voice_core::reply::Tokens;

/// How long a result waits for writers of its call's turns.
pub(super) const WRITERS_PATIENCE: Duration = Duration::from_secs(5);

/// What came of a job.
#[derive(Debug, Clone)]
pub enum Outcome {
    Analyzed(Box<Analyzed>),
    /// The stored analysis is of these words (their hash) and this prompt: no request was needed.
    Current {
        hash: Vec<u8>,
    },
    /// The call is deleted, in progress again, or gone.
    Needless,
    /// A webhook has been told.
    Delivered,
    /// A webhook that is to be told is disabled or gone, or the call is.
    Unwanted,
    /// The receiver wants nothing any more: its webhook is disabled.
    Gone {
        error: String,
    },
    /// An attempt failed; `Some`: try again after this long, `None`: that was the last.
    Failed {
        error: String,
        again: Option<Duration>,
    },
    /// The provider or the configuration is to blame: back into the queue, the attempt not counted.
    Snoozed {
        error: String,
        again: Duration,
    },
}

#[derive(Debug, Clone)]
pub struct Analyzed {
    pub analysis: Analysis,
    pub vertical: String,
    pub model: String,
    pub prompt_version: String,
    /// Of the words that were analysed.
    pub hash: Vec<u8>,
    /// Unix milliseconds of the hang-up.
    pub ended_ms: Option<i64>,
}

/// A job with its outcome, ready to be stored.
#[derive(Debug, Clone)]
pub struct Settled {
    pub job: Claimed,
    /// `None`: it is an analysis.
    pub delivery: Option<Delivery>,
    pub outcome: Outcome,
    pub http_status: Option<i32>,
    pub model: Option<String>,
    pub latency: Option<Duration>,
    /// What the answer cost, also when it was refused.
    pub tokens: Tokens,
    /// Since when it could not be stored because somebody else held its call, its job, or wrote its turns.
    pub held_up: Option<Instant>,
}

impl Settled {
    /// The words that it is about, where it says something about words.
    pub(super) fn hash(&self) -> Option<&[u8]> {
        match &self.outcome {
            Outcome::Analyzed(a) => Some(&a.hash),
            Outcome::Current { hash } => Some(hash),
            _ => None,
        }
    }

    /// Somebody is about to commit turns of this call. Not waited for longer than a transaction should last: then it
    /// is stored, and looked at again later.
    pub(super) fn waits_for_writers(&self) -> bool {
        self.hash().is_some()
            && commit_hooks::has_writers(self.job.call_id.as_bytes())
            && self.held_up.is_none_or(|since| since.elapsed() < WRITERS_PATIENCE)
    }
}

/// A call under the lock of this transaction: what is copied to its analysis.
pub struct LockedCall {
    /// It is not to be analysed: in progress, or deleted.
    pub(super) not_analyzable: bool,
    pub tenant: String,
    pub agent: String,
    pub started_at: TimestampWithTimeZone,
    pub from_number: Option<String>,
}
