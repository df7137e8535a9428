//! What the worker knows of the queue. It reads many jobs ahead and accepting_jobs them by their ids, in turns among tenants: the
//! look is what costs, above all where an old snapshot keeps every job that ever was in the index, so it is rationed.
//! What is known may be out of date; the claim looks again, so that costs nothing but a job less taken.

use crate::db::claim::Waiting;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use voice_core::round_robin::RoundRobin;

/// Jobs read ahead.
pub const PREFETCH: usize = 1024;
/// With fewer left, those behind them are polled for.
const FEW: usize = 128;
/// While there are jobs to take, looking may take up a tenth of the time; else half of it.
const POLL_BUDGET: (u32, u32) = (9, 1);

/// The jobs read ahead, and whether they are all.
pub struct Queue {
    ring: RoundRobin,
    /// Something has changed since the last look.
    changed: bool,
    polled: Instant,
    cost: Duration,
    /// Jobs that somebody else had locked when they were to be taken.
    locked: HashSet<i64>,
}

impl Default for Queue {
    fn default() -> Queue {
        Queue {
            ring: RoundRobin::default(),
            changed: true,
            polled: Instant::now(),
            cost: Duration::ZERO,
            locked: HashSet::new(),
        }
    }
}

impl Queue {
    /// The queue has changed.
    pub fn has_changed(&mut self) {
        self.changed = true;
    }

    /// What was taken was not kept.
    pub fn forget(&mut self) {
        self.ring.clear();
        self.changed = true;
    }

    /// Whether it is time to look, when so many jobs are wanted.
    pub fn should_poll(&self, wanted: usize) -> bool {
        (self.changed || self.ring.has_behind() && self.ring.ready() < wanted.max(FEW))
            && self.next_look() <= Instant::now()
    }

    /// Takes in what a look that began then has seen.
    pub fn on_polled(&mut self, waiting: Waiting, began: Instant) {
        // Whoever may take few at a time would else be offered those that are locked again and again.
        let mut due = waiting.due;
        if !self.locked.is_empty() {
            due.iter_mut().for_each(|of_tenant| of_tenant.jobs.sort_by_key(|job| self.locked.contains(job)));
        }
        self.ring.fill(due);
        self.changed = false;
        self.polled = Instant::now();
        self.cost = self.polled - began;
    }

    /// The next jobs to be taken, of each tenant no more than it has room for.
    pub fn take(&mut self, count: usize, room: impl Fn(&str) -> usize) -> Vec<i64> {
        self.ring.take(count, room)
    }

    /// Of those that were to be taken, these were. Gives how many were not.
    pub fn claimed(&mut self, wanted: &[i64], claimed: impl Iterator<Item = i64>) -> usize {
        let mut missed: HashSet<i64> = wanted.iter().copied().collect();
        claimed.for_each(|job| _ = missed.remove(&job));
        if self.locked.len() > PREFETCH {
            self.locked.clear();
        }
        self.locked.retain(|job| !wanted.contains(job));
        self.locked.extend(&missed);
        missed.len()
    }

    /// Whether there is, or may be, more to take.
    pub fn has_more(&self) -> bool {
        self.changed || self.ring.has_behind() || self.ring.ready() > 0
    }

    /// When to go on with what there may be to take: now, or when looking is allowed again.
    pub fn next(&self) -> Instant {
        if self.ring.ready() == 0 { self.next_look() } else { self.polled }
    }

    /// The tenants of jobs that had to be left because of their tenants' limits; others may be among them.
    pub fn throttled(&self) -> impl Iterator<Item = &str> {
        self.ring.tenants().filter(|_| self.ring.throttled() > 0)
    }

    fn next_look(&self) -> Instant {
        self.polled + self.cost * if self.ring.ready() == 0 { POLL_BUDGET.1 } else { POLL_BUDGET.0 }
    }
}
