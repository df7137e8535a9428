//! The state of a server that answers the requests of jobs: whether it is asked, and what a failure means for its job.
//!
//! By [`Attribution`], a failure is the job's, and its attempt counts, or it is nobody's yet or the server's, and the job
//! waits. A failure that all meet stops the requests, but for a probe now and then, until one is answered. What a failure
//! says by itself ([`Class`]) is only where the reckoning begins: how many failures in a row it takes, and what is done
//! where there is no other job to compare with.

use std::time::Duration;

use crate::attribution::{Attribution, Evidence, Sent};
use crate::breaker::{self, Breaker, Change, Verdict};
use crate::protocol::{Class, Failure, Kind};
use crate::retry;
use crate::time::Timestamp;

/// Failures of the server in a row after which it is left alone.
pub const SERVER_FAILURES: u32 = 5;
/// Jobs that the server refuses in a row as if the configuration was wrong, where it has answered some before.
const REFUSED_JOBS: usize = 3;
/// Equal rejections, or jobs with equal bad replies, in a row.
const EQUAL: u32 = 3;
/// Strikes, at least, before a job is given up that met what passes by itself: a server that comes and goes meets some
/// job several times in a row.
const STRIKES_OF_SERVER: u32 = 4;
const STRIKES_OF_CONFIGURATION: u32 = 2;
/// Failures of the kind that is a job's which are not counted while others may still tell.
const BENEFIT_OF_DOUBT: u32 = 3;
/// The longest pause between probes of a server that refuses.
const LONGEST_PAUSE_REFUSED: Duration = Duration::from_secs(60);
/// A job that has just come may go as a probe so long after the last one.
const FRESH_PROBE: Duration = Duration::from_secs(5);
/// Operators who ask for a probe get one as often as this.
const ASKED_PROBE: Duration = Duration::from_secs(1);
/// The longest wait of a job that failed while others may not.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// The longest wait of one that has strikes, or for which alone the server asks for more.
const LONGEST_WAIT_ALONE: Duration = Duration::from_secs(60);

/// What a request was sent by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    breaker: breaker::Permit,
    sent: Sent,
    /// Of which server, or which configuration of it.
    generation: u32,
}

/// A request that failed.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    pub job: i64,
    pub permit: Permit,
    pub failure: &'a Failure,
    /// How often a job may fail.
    pub attempts_max: u32,
    /// Requests of other jobs are in flight, or wait.
    pub others: bool,
}

/// What becomes of a job whose request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The attempt counts; if another follows, it does so no sooner than this.
    Count(Duration),
    /// The attempt does not count. The job may be tried again after this.
    Wait(Duration),
}

/// Why a server is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It fails, or cannot be reached.
    Failing,
    /// It refuses all, or its answers cannot be used.
    Refusing,
}

/// One server's.
#[derive(Debug, Default)]
pub struct ServerState {
    breaker: Breaker,
    attribution: Attribution,
    /// What the last failure was.
    last: Option<Kind>,
    hold: Option<Hold>,
    last_sent: Timestamp,
    /// A job has come since the last request left.
    fresh: bool,
    generation: u32,
}

impl ServerState {
    /// How many of `wanted` requests may leave now.
    pub fn room(&self, wanted: usize, now: Timestamp) -> usize {
        self.breaker.room(wanted, now)
    }

    /// A request leaves.
    pub fn send(&mut self, now: Timestamp) -> Permit {
        (self.last_sent, self.fresh) = (now, false);
        Permit { breaker: self.breaker.send(now), sent: self.attribution.send(), generation: self.generation }
    }

    /// A request was answered with a valid analysis.
    pub fn answered(&mut self, job: i64, permit: Permit, now: Timestamp, jitter: f64) -> Option<Change> {
        if permit.generation != self.generation {
            return None;
        }
        // One job alone has failed, or the server refuses: an answer to any other shows that it was not the server's
        // fault. Where it fails, those that were on their way when it broke down show nothing.
        let refutes = self.hold == Some(Hold::Refusing) || self.attribution.row().jobs() <= 1;
        self.attribution.answered(job, permit.sent);
        let change = self.breaker.record(permit.breaker, Verdict::Success, now, jitter);
        let change = change.or_else(|| if refutes { self.breaker.close() } else { None });
        self.after(change)
    }

    /// A request failed. Gives also whether requests stop, or go on.
    pub fn failed(&mut self, failed: Failed<'_>, now: Timestamp, jitter: f64) -> (Option<Change>, Decision) {
        let Failed { job, permit, failure, .. } = failed;
        if permit.generation != self.generation {
            return (None, Decision::Wait(Duration::ZERO));
        }
        let (suspect, passes) = match failure.class {
            Class::Job | Class::Configuration => (true, false),
            Class::Provider { suspect, .. } => (suspect, true),
        };
        // The server is there and the model answers, whatever it says.
        let answers_again = failure.kind == Kind::Reply && self.last.is_some_and(|last| last != Kind::Reply);
        let evidence = self.attribution.failed(job, failure, suspect, passes);
        let change = if answers_again && self.hold.is_some() {
            self.breaker.record(permit.breaker, Verdict::Success, now, jitter)
        } else {
            let verdict = self.verdict(failed, evidence);
            self.breaker.record(permit.breaker, verdict, now, jitter)
        };
        self.last = Some(failure.kind);
        let change = self.after(change);
        if self.hold.is_some() {
            self.hold = Some(if passes { Hold::Failing } else { Hold::Refusing });
            if self.fresh {
                self.on_arrival(now);
            }
        }
        (change, self.decide(failed, evidence, jitter))
    }

    fn after(&mut self, change: Option<Change>) -> Option<Change> {
        match change {
            Some(Change::Opened) => self.hold = Some(Hold::Failing),
            Some(Change::Closed) => self.hold = None,
            None => {}
        }
        change
    }

    /// What the failure says of the server.
    fn verdict(&self, failed: Failed<'_>, evidence: Evidence) -> Verdict {
        let row = self.attribution.row();
        let alone = !failed.others && !evidence.others_failed;
        let answers = self.attribution.has_answered();
        let asks_to_wait = matches!(failed.failure.class, Class::Provider { retry_after: Some(_), .. });
        // Nobody to compare with: it is what it says it is, at once where nothing was ever answered. A wait that is asked
        // for is kept to at once; who comes meanwhile goes as a probe.
        let by_itself = alone && evidence.strikes == 0 && (!answers || asks_to_wait || row.failures() > 1);
        let (opens, at_least, longest) = match failed.failure.class {
            Class::Provider { retry_after: Some(wait), .. } if !wait.is_zero() => {
                (row.jobs() > 1 || by_itself, wait, breaker::LONGEST_PAUSE)
            }
            Class::Provider { .. } => (row.failures() >= SERVER_FAILURES, Duration::ZERO, breaker::LONGEST_PAUSE),
            Class::Configuration => {
                let jobs = if answers { REFUSED_JOBS } else { 2 };
                (row.jobs() >= jobs || by_itself, Duration::ZERO, LONGEST_PAUSE_REFUSED)
            }
            Class::Job if failed.failure.kind == Kind::Reply => {
                (row.equal_jobs() as u32 >= EQUAL, Duration::ZERO, LONGEST_PAUSE_REFUSED)
            }
            Class::Job => (row.equal() >= EQUAL, Duration::ZERO, LONGEST_PAUSE_REFUSED),
        };
        // What one job alone is told is not told to all.
        let at_least = if row.is_of(failed.job) && !by_itself { Duration::ZERO } else { at_least };
        Verdict::Failure { opens: opens && evidence.strikes == 0, at_least, longest }
    }

    /// What the failure means for its job.
    fn decide(&self, failed: Failed<'_>, evidence: Evidence, jitter: f64) -> Decision {
        let held = self.hold.is_some();
        let longest = if evidence.strikes > 0 { LONGEST_WAIT_ALONE } else { LONGEST_WAIT };
        let asked = match failed.failure.class {
            Class::Provider { retry_after, .. } => retry_after.unwrap_or_default().min(longest),
            Class::Job | Class::Configuration => Duration::ZERO,
        };
        let others_fail_as_well = !self.attribution.row().is_of(failed.job);
        let counts = match failed.failure.class {
            _ if held || (evidence.is_strike && others_fail_as_well) => false,
            Class::Job => {
                let others = failed.others || evidence.others_failed;
                evidence.is_strike || !others || evidence.failures > BENEFIT_OF_DOUBT
            }
            Class::Configuration => {
                evidence.is_strike && enough(evidence, failed.attempts_max, STRIKES_OF_CONFIGURATION)
            }
            Class::Provider { .. } => evidence.is_strike && enough(evidence, failed.attempts_max, STRIKES_OF_SERVER),
        };
        match counts {
            true => Decision::Count(asked),
            // Due at once: it runs as soon as requests go on, after those that were not tried yet.
            false if held => Decision::Wait(Duration::ZERO),
            false => Decision::Wait(retry::backoff_within(longest, evidence.failures, jitter).max(asked)),
        }
    }

    /// A job has come that nobody has tried. Where few have failed it may go at once: its answer tells whose fault that was.
    pub fn on_arrival(&mut self, now: Timestamp) {
        self.fresh = true;
        let at = match self.hold {
            None => return,
            Some(_) if self.attribution.row().jobs() <= 1 => now,
            Some(Hold::Refusing) => self.last_sent.saturating_add(FRESH_PROBE).max(now),
            Some(Hold::Failing) => return,
        };
        self.breaker.probe_at_latest(at);
    }

    /// Somebody has reason to believe that the server works, or asks to see.
    pub fn probe_now(&mut self, now: Timestamp) {
        self.breaker.probe_at_latest(self.last_sent.saturating_add(ASKED_PROBE).max(now));
    }

    /// Another server, or another configuration of it: what was before says nothing.
    pub fn reset(&mut self) {
        let generation = self.generation.wrapping_add(1);
        *self = ServerState { breaker: self.breaker.next_generation(), generation, ..ServerState::default() };
    }

    /// The job is gone.
    pub fn forget(&mut self, job: i64) {
        self.attribution.forget(job);
    }

    /// Whether the job failed the last time: it goes after those that did not.
    pub fn is_failing(&self, job: i64) -> bool {
        self.attribution.is_failing(job)
    }

    /// Why the server is left alone; `None`: it is not.
    pub fn hold(&self) -> Option<Hold> {
        self.hold
    }

    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }
}

/// Whether a strike counts: the last ones before the job has as many as it takes.
fn enough(evidence: Evidence, attempts_max: u32, least: u32) -> bool {
    evidence.strikes + attempts_max > attempts_max.max(least)
}

#[cfg(test)]
mod tests;
