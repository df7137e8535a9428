//! Leases of this worker: its epoch, and the leases of earlier epochs that are to be freed.

use super::backoff::Backoff;
use std::time::Instant;

/// Whether jobs may have leases that nobody renews.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Expired {
    #[default]
    None,
    /// To be freed in the next transaction.
    Maybe,
}

/// The epoch that jobs are claimed in.
#[derive(Default)]
pub struct Leases {
    /// `None`: the next transaction begins one, and frees all jobs of those before.
    pub epoch: Option<i64>,
    pub expired: Expired,
    /// When freeing is tried again, after other sessions had some of the jobs locked.
    retry_at: Option<Instant>,
    backoff: Backoff,
}

impl Leases {
    /// The transaction is committed. `left`: other sessions had some of the jobs locked that were to be freed.
    pub fn on_commit(&mut self, epoch: i64, left: bool) {
        self.epoch = Some(epoch);
        if left {
            self.expired = Expired::Maybe;
            self.retry_at = Some(Instant::now() + self.backoff.next());
        } else {
            self.expired = Expired::None;
            self.retry_at = None;
            self.backoff.reset();
        }
    }

    /// `true`: it is time to try again to free jobs.
    pub fn on_time(&mut self, now: Instant) -> bool {
        self.retry_at.take_if(|at| *at <= now).is_some()
    }

    /// When to try again to free jobs.
    pub fn next(&self) -> Option<Instant> {
        self.retry_at
    }

    /// This database is another instance now, or is being restored.
    pub fn forget(&mut self) {
        *self = Leases::default();
    }
}
