//! Jobs of one kind that were found due and are not claimed yet. Polling is what costs, above all where an old snapshot
//! keeps every finished job in the index, so jobs are read ahead and polls are rationed. What is known may be out of date:
//! the claim checks each job again, so a stale id costs one job less in that claim.

use crate::db::claim::Waiting;
use std::collections::HashSet;
use std::hash::Hash;
use std::time::{Duration, Instant};
use voice_core::round_robin::{ReadyJobs, RoundRobin};

/// Jobs that were locked by others are remembered up to this number.
const LOCKED_MAX: usize = 1024;
/// Priority, in this queue, of jobs that go last.
const LAST: i16 = i16::MAX;
/// With fewer jobs left, those behind them are polled for.
const FEW: usize = 128;
/// A poll that took t is followed by none for 9·t while there are jobs to claim, and else for 1·t.
const POLL_BUDGET: (u32, u32) = (9, 1);

/// Whether the last poll still holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Freshness {
    Current,
    /// The queue may have changed.
    Hinted,
    Changed,
}

/// The jobs that were read ahead, by what they take turns by.
pub struct Queue<K> {
    jobs: RoundRobin<K>,
    freshness: Freshness,
    /// Shortest time between two polls after a mere hint.
    hint_delay: Duration,
    polled: Instant,
    /// How long the last poll took.
    cost: Duration,
    /// Jobs that another session had locked when they were to be claimed.
    locked: HashSet<i64>,
}

impl<K: Clone + Ord + Hash> Queue<K> {
    /// An empty queue, to be polled at once.
    pub fn new(hint_delay: Duration) -> Queue<K> {
        Queue {
            jobs: RoundRobin::default(),
            freshness: Freshness::Changed,
            hint_delay,
            polled: Instant::now(),
            cost: Duration::ZERO,
            locked: HashSet::new(),
        }
    }

    /// The queue has changed.
    pub fn has_changed(&mut self) {
        self.freshness = Freshness::Changed;
    }

    /// The queue may have changed.
    pub fn may_have_changed(&mut self) {
        self.freshness = self.freshness.max(Freshness::Hinted);
    }

    /// Removes all jobs: those that were taken were not claimed.
    pub fn forget(&mut self) {
        self.jobs.clear();
        self.has_changed();
    }

    /// Whether to poll now, when `wanted` jobs are to be taken.
    pub fn should_poll(&self, wanted: usize) -> bool {
        let wants_more = self.jobs.has_behind() && self.jobs.ready() < wanted.max(FEW);
        (self.freshness != Freshness::Current || wants_more) && self.next_poll() <= Instant::now()
    }

    /// Replaces the jobs by those that a poll has found which began then. `goes_last` names those that go after all others.
    pub fn on_polled(&mut self, waiting: Waiting<K>, began: Instant, goes_last: impl Fn(i64) -> bool) {
        let mut due = waiting.due;
        let mut last = Vec::new();
        for of_key in due.iter_mut().filter(|of_key| of_key.jobs.iter().any(|job| goes_last(*job))) {
            let jobs = std::mem::take(&mut of_key.jobs);
            let (late, others) = jobs.into_iter().partition(|job| goes_last(*job));
            of_key.jobs = others;
            last.push(ReadyJobs { priority: LAST, key: of_key.key.clone(), jobs: late, more: of_key.more });
        }
        // Jobs that are locked go last: a claim of few jobs would else try the same ones again and again.
        if !self.locked.is_empty() {
            due.iter_mut().for_each(|of_key| of_key.jobs.sort_by_key(|job| self.locked.contains(job)));
        }
        self.jobs.fill(due.into_iter().chain(last));
        self.freshness = Freshness::Current;
        self.polled = Instant::now();
        self.cost = self.polled - began;
    }

    /// Takes the next jobs, of each key no more than its capacity.
    pub fn take(&mut self, count: usize, capacity: impl Fn(&K) -> usize) -> Vec<i64> {
        self.jobs.take(count, capacity)
    }

    /// Notes which of the `wanted` jobs were claimed. Gives the number of those that were not.
    pub fn on_claimed(&mut self, wanted: &[i64], claimed: impl Iterator<Item = i64>) -> usize {
        let mut missed: HashSet<i64> = wanted.iter().copied().collect();
        claimed.for_each(|job| _ = missed.remove(&job));
        if self.locked.len() > LOCKED_MAX {
            self.locked.clear();
        }
        self.locked.retain(|job| !wanted.contains(job));
        self.locked.extend(&missed);
        if !missed.is_empty() {
            self.has_changed();
        }
        missed.len()
    }

    /// Whether there are jobs that were read and not taken, whoever has capacity.
    pub fn has_jobs(&self) -> bool {
        self.jobs.ready() + self.jobs.throttled() > 0
    }

    /// Whether there are jobs that were read and not taken although their keys have capacity.
    pub fn has_ready(&self) -> bool {
        self.jobs.ready() > 0
    }

    /// Whether there are more jobs to take, or may be.
    pub fn has_more(&self) -> bool {
        self.freshness != Freshness::Current || self.jobs.has_behind() || self.jobs.ready() > 0
    }

    /// When to take the next jobs: now, or when the next poll is allowed.
    pub fn next(&self) -> Instant {
        if self.jobs.ready() == 0 { self.next_poll() } else { self.polled }
    }

    /// The keys that have jobs here, where some jobs were left because of the capacity of their keys.
    pub fn throttled(&self) -> impl Iterator<Item = &K> {
        self.jobs.keys().filter(|_| self.jobs.throttled() > 0)
    }

    fn next_poll(&self) -> Instant {
        let budget = if self.jobs.ready() == 0 { POLL_BUDGET.1 } else { POLL_BUDGET.0 };
        let least = if self.freshness == Freshness::Hinted { self.hint_delay } else { Duration::ZERO };
        self.polled + (self.cost * budget).max(least)
    }
}
