//! A provider's failure is nobody's fault, until one and the same job meets it again and again while the provider answers
//! others in between: a question that makes a server hang must not be asked for ever.

use std::collections::HashMap;

/// So often, and the job is given up.
pub const FAILURES_MAX: u32 = 20;
/// Jobs remembered at once. Beyond that all are forgotten, which costs a suspect some requests more.
const REMEMBERED: usize = 100_000;

/// What jobs have met since the worker began.
#[derive(Debug, Default)]
pub struct PoisonDetector {
    /// How often the provider has answered.
    answers: u64,
    jobs: HashMap<i64, Record>,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    failures: u32,
    failures_while_others_succeed: u32,
    /// At its last failure.
    answers: u64,
}

/// What a job has met so far, this time included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobFailures {
    /// Failures of the provider.
    pub failures: u32,
    /// Those before which others had been answered since the one before.
    pub failures_while_others_succeed: u32,
}

impl PoisonDetector {
    /// The provider has answered this job.
    pub fn answered(&mut self, job: i64) {
        self.answers += 1;
        self.jobs.remove(&job);
    }

    /// The provider has failed on this job. `suspect`: the job itself may have been the reason.
    pub fn failed(&mut self, job: i64, suspect: bool) -> JobFailures {
        if self.jobs.len() >= REMEMBERED {
            self.jobs.clear();
        }
        let new = Record { failures: 0, failures_while_others_succeed: 0, answers: self.answers };
        let record = self.jobs.entry(job).or_insert(new);
        record.failures = record.failures.saturating_add(1);
        if suspect && self.answers > record.answers {
            record.failures_while_others_succeed += 1;
        }
        record.answers = self.answers;
        JobFailures { failures: record.failures, failures_while_others_succeed: record.failures_while_others_succeed }
    }

    /// The job is gone.
    pub fn forget(&mut self, job: i64) {
        self.jobs.remove(&job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_of_any_length_makes_nobody_a_suspect() {
        let mut poison = PoisonDetector::default();
        poison.answered(9);
        for failures in 1..=1000 {
            assert_eq!(poison.failed(1, true), JobFailures { failures, failures_while_others_succeed: 0 });
        }
    }

    #[test]
    fn failing_while_others_are_answered_is_counted_and_an_answer_ends_the_suspicion() {
        let mut poison = PoisonDetector::default();
        for failures_while_others_succeed in 0..5 {
            assert_eq!(poison.failed(1, true).failures_while_others_succeed, failures_while_others_succeed);
            poison.answered(2);
        }
        poison.answered(1);
        assert_eq!(poison.failed(1, true), JobFailures { failures: 1, failures_while_others_succeed: 0 });
    }

    #[test]
    fn being_asked_to_come_back_later_is_no_strike() {
        let mut poison = PoisonDetector::default();
        for failures in 1..=50 {
            assert_eq!(poison.failed(1, false), JobFailures { failures, failures_while_others_succeed: 0 });
            poison.answered(2);
        }
    }
}
