//! Whose fault a failure is, told by what happens to other jobs. A job that fails while others are answered is the cause,
//! whatever the server calls it; a failure that everybody meets is the server's or the configuration's.
//!
//! Evidence against a job is a *strike*: it has failed, then a request of another job was answered that was sent
//! afterwards, and now it fails again. What was sent before its failure says nothing: a server that breaks down is just
//! finishing others.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::protocol::{Failure, Kind};

/// Jobs remembered at once. Beyond that all are forgotten, which costs requests, and no call.
const REMEMBERED: usize = 100_000;

/// Failures of a job while others were answered and others failed too, before the next of them is a strike: a server that
/// comes and goes meets the same job several times, and hardly so often.
const IN_COMPANY_MAX: u32 = 20;

/// When a request was sent, in the order of what was sent and what came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sent(u64);

/// What a job has met since it was last answered.
#[derive(Debug, Clone, Copy, Default)]
struct Record {
    failures: u32,
    strikes: u32,
    /// Failures while others were answered and others failed as well.
    in_company: u32,
    /// Others were answered since its last failure.
    others_answered: bool,
    /// Nobody else failed between what was answered before and after its last failure.
    failed_alone: bool,
}

/// What is known of a job when it has failed, this time included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// Failures in a row.
    pub failures: u32,
    pub strikes: u32,
    /// This failure is one.
    pub is_strike: bool,
    /// Another job has failed too, and neither has been answered since.
    pub others_failed: bool,
}

/// Failures since the last answer, of jobs without a strike. Those with one say nothing of the server.
#[derive(Debug, Clone, Default)]
pub struct Row {
    failures: u32,
    jobs: HashSet<i64>,
    /// What the last one was.
    signature: Option<u64>,
    /// How many there were of it in a row, and of whom.
    equal: u32,
    equal_jobs: HashSet<i64>,
}

impl Row {
    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The different jobs among them.
    pub fn jobs(&self) -> usize {
        self.jobs.len()
    }

    /// Whether nobody but this job is among them.
    pub fn is_of(&self, job: i64) -> bool {
        self.jobs.iter().all(|other| *other == job)
    }

    /// The last failures in a row that were equal.
    pub fn equal(&self) -> u32 {
        self.equal
    }

    /// The different jobs among those.
    pub fn equal_jobs(&self) -> usize {
        self.equal_jobs.len()
    }

    fn add(&mut self, job: i64, signature: u64) {
        self.failures = self.failures.saturating_add(1);
        self.jobs.insert(job);
        if self.signature != Some(signature) {
            (self.signature, self.equal) = (Some(signature), 0);
            self.equal_jobs.clear();
        }
        self.equal = self.equal.saturating_add(1);
        self.equal_jobs.insert(job);
    }
}

/// What jobs have met since the worker began, or since another server is asked.
#[derive(Debug, Default)]
pub struct Attribution {
    /// Counts what was sent and what came back.
    events: u64,
    /// Some job was answered.
    answered: bool,
    jobs: HashMap<i64, Record>,
    /// When jobs have failed after which nobody was answered yet.
    pending: HashMap<i64, u64>,
    row: Row,
}

impl Attribution {
    /// A request leaves.
    pub fn send(&mut self) -> Sent {
        self.events += 1;
        Sent(self.events)
    }

    /// A request of this job was answered with a valid analysis.
    pub fn answered(&mut self, job: i64, sent: Sent) {
        self.events += 1;
        self.answered = true;
        self.forget(job);
        self.row = Row::default();
        let before: Vec<i64> = self.pending.iter().filter(|(_, at)| **at < sent.0).map(|(job, _)| *job).collect();
        let alone = before.len() == 1 && self.pending.len() == 1;
        for job in before {
            self.pending.remove(&job);
            if let Some(record) = self.jobs.get_mut(&job) {
                (record.others_answered, record.failed_alone) = (true, alone);
            }
        }
    }

    /// A request of this job has failed. `needs_solitude`: it is a strike only if nobody else failed at the time of the
    /// failure before, or if that happened very often. `suspect`: the job can be the cause.
    pub fn failed(&mut self, job: i64, failure: &Failure, suspect: bool, needs_solitude: bool) -> Evidence {
        self.events += 1;
        if self.jobs.len() >= REMEMBERED {
            self.jobs.clear();
            self.pending.clear();
        }
        let record = self.jobs.entry(job).or_default();
        let suspicious = suspect && record.others_answered;
        let alone = record.failed_alone || !needs_solitude;
        let is_strike = suspicious && (alone || record.in_company >= IN_COMPANY_MAX);
        record.in_company += u32::from(suspicious && !alone);
        record.failures = record.failures.saturating_add(1);
        record.strikes += u32::from(is_strike);
        (record.others_answered, record.failed_alone) = (false, false);
        let Record { failures, strikes, .. } = *record;
        self.pending.insert(job, self.events);
        if strikes == 0 {
            self.row.add(job, signature(failure));
        }
        Evidence { failures, strikes, is_strike, others_failed: self.pending.len() > 1 }
    }

    /// The job is gone: it is no other job to anybody any more. Its failures stay in the row.
    pub fn forget(&mut self, job: i64) {
        self.jobs.remove(&job);
        self.pending.remove(&job);
    }

    /// Whether the job has failed and was not answered since.
    pub fn is_failing(&self, job: i64) -> bool {
        self.jobs.contains_key(&job)
    }

    /// Whether any job was ever answered.
    pub fn has_answered(&self) -> bool {
        self.answered
    }

    pub fn row(&self) -> &Row {
        &self.row
    }
}

/// Equal for failures that are the same: the status of rejections, which name other figures each time, and the message of
/// what is said here.
fn signature(failure: &Failure) -> u64 {
    let mut hasher = DefaultHasher::new();
    failure.kind.hash(&mut hasher);
    if failure.kind == Kind::Reply {
        failure.message.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;
