//! Results that are not stored yet.

use super::backoff::Backoff;
use super::job::Intake;
use super::jobs::BUILTIN_BATCH;
use crate::db::claim::Claimed;
use crate::db::outcome::Settled;
use crate::db::settle::Report;
use std::time::Instant;

/// With so many postponed results, no analysis is claimed until some are stored.
const POSTPONED_MAX: usize = 4096;
/// Results stored in one transaction.
const STORE_MAX: usize = 128;

/// How many results are stored in one transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Storing {
    #[default]
    Batch,
    /// A batch could not be stored: finds the result that cannot be.
    OneByOne,
}

/// Results to store now, and results whose call or job another session holds.
#[derive(Default)]
pub struct Results {
    pending: Vec<Settled>,
    postponed: Vec<Settled>,
    storing: Storing,
    /// When the postponed ones are tried again.
    retry_at: Option<Instant>,
    backoff: Backoff,
}

impl Results {
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.postponed.is_empty()
    }

    /// The results of the next transaction.
    pub fn batch(&self) -> &[Settled] {
        let most = if self.storing == Storing::OneByOne { 1 } else { STORE_MAX };
        &self.pending[..self.pending.len().min(most)]
    }

    pub fn add(&mut self, settled: impl IntoIterator<Item = Settled>) {
        self.pending.extend(settled);
    }

    /// Whether jobs may be claimed whose results are stored like these.
    pub fn intake(&self, max_concurrency: usize) -> Intake {
        let full = self.pending.len() > max_concurrency.max(BUILTIN_BATCH * 4) || self.postponed.len() >= POSTPONED_MAX;
        if full { Intake::WithoutResults } else { Intake::Open }
    }

    /// Jobs whose results these are.
    pub fn held(&mut self) -> impl Iterator<Item = &mut Claimed> {
        self.pending.iter_mut().chain(&mut self.postponed).map(|settled| &mut settled.job)
    }

    /// Tries postponed results again when it is time.
    pub fn on_time(&mut self, now: Instant) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.pending.append(&mut self.postponed);
        }
    }

    /// When postponed results are tried again.
    pub fn next(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Removes the results of a transaction of `count` that was committed, but for those it has postponed. Gives the removed.
    pub fn on_stored(&mut self, count: usize, report: &Report) -> Vec<Settled> {
        let now = Instant::now();
        let mut removed = Vec::with_capacity(count);
        for settled in self.pending.drain(..count) {
            if report.postponed.contains(&settled.job.id) {
                self.postponed.push(Settled { held_up: settled.held_up.or(Some(now)), ..settled });
            } else {
                removed.push(settled);
            }
        }
        if self.pending.is_empty() {
            self.storing = Storing::Batch;
        }
        if self.postponed.is_empty() {
            self.retry_at = None;
            self.backoff.reset();
        } else if self.retry_at.is_none_or(|at| at <= now) {
            self.retry_at = Some(now + self.backoff.next());
        }
        removed
    }

    pub fn storing(&self) -> Storing {
        self.storing
    }

    /// Stores results one by one until none is left.
    pub fn store_one_by_one(&mut self) {
        self.storing = Storing::OneByOne;
    }

    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Removes the result that is stored next.
    pub fn take_first(&mut self) -> Option<Settled> {
        (!self.pending.is_empty()).then(|| self.pending.remove(0))
    }

    /// Removes all: they belong to another instance.
    pub fn clear(&mut self) {
        *self = Results::default();
    }
}
