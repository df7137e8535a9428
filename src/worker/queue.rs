//! What the worker knows of the queue. It reads many jobs ahead and takes them by their ids, in turns among tenants: the
//! look is what costs, above all where an old snapshot keeps every job that ever was in the index, so it is rationed.
//! What is known may be out of date; the claim looks again, so that costs nothing but a job less taken.

use crate::db::claim::Waiting;
use std::time::{Duration, Instant};
use voice_core::fair::Ring;

/// Jobs read ahead.
pub const AHEAD: usize = 1024;
/// With fewer left, those behind them are looked for.
const FEW: usize = 128;
/// While there are jobs to take, looking may take up a tenth of the time; else half of it.
const RATION: (u32, u32) = (9, 1);

/// The jobs read ahead, and whether they are all.
pub struct Queue {
    ring: Ring,
    /// Something has changed since the last look.
    changed: bool,
    /// The last look did not see all.
    partial: bool,
    looked: Instant,
    cost: Duration,
}

impl Default for Queue {
    fn default() -> Queue {
        Queue { ring: Ring::default(), changed: true, partial: false, looked: Instant::now(), cost: Duration::ZERO }
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
    pub fn wants_look(&self, wanted: usize) -> bool {
        (self.changed || self.partial && self.ring.len() < wanted.max(FEW)) && self.next_look() <= Instant::now()
    }

    /// Takes in what a look that began then has seen.
    pub fn saw(&mut self, waiting: Waiting, began: Instant) {
        let seen: usize = waiting.due.iter().map(|(.., ids)| ids.len()).sum();
        let share = AHEAD / waiting.due.len().max(1);
        // Nobody's share was used up: what was seen is all there is.
        self.changed = false;
        self.partial = seen > 0 && waiting.due.iter().any(|(.., ids)| ids.len() >= share.max(1));
        self.ring.fill(waiting.due);
        self.looked = Instant::now();
        self.cost = self.looked - began;
    }

    /// The next jobs to be taken.
    pub fn take(&mut self, count: usize) -> Vec<i64> {
        self.ring.take(count)
    }

    /// Whether there is, or may be, more to take.
    pub fn has_more(&self) -> bool {
        self.changed || self.partial || !self.ring.is_empty()
    }

    /// When to go on with what there may be to take: now, or when looking is allowed again.
    pub fn next(&self) -> Instant {
        if self.ring.is_empty() { self.next_look() } else { self.looked }
    }

    fn next_look(&self) -> Instant {
        self.looked + self.cost * if self.ring.is_empty() { RATION.1 } else { RATION.0 }
    }
}
