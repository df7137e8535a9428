//! How transactions of the worker have ended lately, and what is done in one transaction because of that.

use super::backoff::pause_after;
use crate::db::DbError;
use std::time::Duration;

/// Cycles in which storing and claiming are kept separate after a failure.
const SEPARATE_CYCLES: u32 = 16;

/// What is done in one transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Steps {
    /// Results are stored and jobs of all kinds claimed together.
    #[default]
    Together,
    /// A transaction failed: each step has a transaction of its own.
    Separate { cycles_left: u32 },
}

/// A part of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    Admission,
    Results,
    /// Claiming and reading jobs of the kind at this place in [`Server::kinds`].
    Claim(usize),
    Commit,
}

/// A transaction that was rolled back, and the part that failed.
pub struct Failed {
    pub part: Part,
    pub error: DbError,
}

/// How transactions of the worker have ended lately.
#[derive(Default)]
pub struct Recovery {
    /// Failed transactions in a row.
    failures: u32,
    steps: Steps,
}

impl Recovery {
    pub fn steps(&self) -> Steps {
        self.steps
    }

    /// A transaction failed, other than in claiming. Gives the pause before the next one.
    pub fn on_error(&mut self) -> Duration {
        self.failures += 1;
        self.steps = Steps::Separate { cycles_left: SEPARATE_CYCLES };
        pause_after(self.failures)
    }

    /// The transactions of a cycle are committed.
    pub fn on_commit(&mut self) {
        self.failures = 0;
        self.steps = match self.steps {
            Steps::Separate { cycles_left } if cycles_left > 1 => Steps::Separate { cycles_left: cycles_left - 1 },
            Steps::Separate { .. } | Steps::Together => Steps::Together,
        };
    }
}
