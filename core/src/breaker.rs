//! A circuit breaker: a server that keeps failing is left alone but for one probe now and then. Which failures open it is
//! decided by whoever records them (`server_state.rs`).

use std::time::Duration;

use crate::time::Timestamp;

/// The wait for the first probe; each further one is half as long again, which finds a server that comes and goes soon.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// No wait between probes is longer, unless whoever records the failure says so, or the server itself asks for more.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a request was sent by. Its answer says something only while the breaker is as it was then: of the requests that
/// were on their way when it opened, neither the failures lengthen the wait nor the last successes end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit(u64);

/// What an answer says of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Success,
    Failure {
        /// Whether it opens a closed breaker. That of a probe keeps it open in any case.
        opens: bool,
        /// How long the server asks to be left alone at least.
        at_least: Duration,
        /// The longest pause between two probes that follow from it.
        longest: Duration,
    },
}

/// What is worth a line in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Opened,
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until: Timestamp,
    },
    /// The probe is on its way.
    HalfOpen,
}

/// One server's.
#[derive(Debug, Clone)]
pub struct Breaker {
    state: State,
    /// Counts openings and closings.
    era: u64,
    failures: u32,
    /// Since it opened.
    probes: u32,
}

impl Default for Breaker {
    fn default() -> Breaker {
        Breaker { state: State::Closed, era: 0, failures: 0, probes: 0 }
    }
}

impl Breaker {
    /// How many of `wanted` requests may leave now.
    pub fn room(&self, wanted: usize, now: Timestamp) -> usize {
        match self.state {
            State::Closed => wanted,
            State::Open { until } if until <= now => wanted.min(1),
            _ => 0,
        }
    }

    /// A request leaves.
    pub fn send(&mut self, now: Timestamp) -> Permit {
        if self.room(1, now) > 0 && self.state != State::Closed {
            self.state = State::HalfOpen;
            self.probes = self.probes.saturating_add(1);
        }
        Permit(self.era)
    }

    /// Its answer has come. `jitter`, in [0, 1), spreads the probes of many workers.
    pub fn record(&mut self, permit: Permit, verdict: Verdict, now: Timestamp, jitter: f64) -> Option<Change> {
        if permit.0 != self.era {
            return None;
        }
        match verdict {
            Verdict::Success => {
                self.failures = 0;
                self.close()
            }
            Verdict::Failure { opens, at_least, longest } => {
                let was_closed = self.state == State::Closed;
                self.failures = self.failures.saturating_add(1);
                if was_closed && !opens {
                    return None;
                }
                let ceiling = FIRST_PAUSE.mul_f64(1.5f64.powi(self.probes.min(16) as i32)).min(longest);
                let share = if jitter.is_nan() { 1.0 } else { jitter.clamp(0.0, 1.0) };
                let pause = ceiling.mul_f64(0.5 + share / 2.0).max(at_least);
                self.state = State::Open { until: now.saturating_add(pause) };
                self.era += 1;
                was_closed.then_some(Change::Opened)
            }
        }
    }

    /// The server works, whatever requests say that were sent before.
    pub fn close(&mut self) -> Option<Change> {
        if self.state == State::Closed {
            return None;
        }
        *self = self.next_generation();
        Some(Change::Closed)
    }

    /// A closed one for another server, to which answers of this one say nothing.
    pub fn next_generation(&self) -> Breaker {
        Breaker { era: self.era + 1, ..Breaker::default() }
    }

    /// Somebody has reason to believe that the server is back: the next probe may leave at this moment.
    pub fn probe_at_latest(&mut self, at: Timestamp) {
        if let State::Open { until } = &mut self.state {
            *until = at.min(*until);
        }
    }

    /// When the next probe may leave, where one is waited for.
    pub fn probe_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Open { until } => Some(until),
            _ => None,
        }
    }

    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// closed, open or half-open.
    pub fn name(&self) -> &'static str {
        match self.state {
            State::Closed => "closed",
            State::Open { .. } => "open",
            State::HalfOpen => "half-open",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPENS: Verdict = Verdict::Failure { opens: true, at_least: Duration::ZERO, longest: LONGEST_PAUSE };
    const FAILS: Verdict = Verdict::Failure { opens: false, at_least: Duration::ZERO, longest: LONGEST_PAUSE };

    fn at(seconds: u64) -> Timestamp {
        Duration::from_secs(seconds)
    }

    /// Opened at second 0, with 64 requests on their way.
    fn opened() -> (Breaker, Vec<Permit>) {
        let mut breaker = Breaker::default();
        let permits: Vec<Permit> = (0..64).map(|_| breaker.send(at(0))).collect();
        assert_eq!(breaker.record(permits[0], FAILS, at(0), 1.0), None);
        assert_eq!(breaker.record(permits[1], OPENS, at(0), 1.0), Some(Change::Opened));
        (breaker, permits)
    }

    #[test]
    fn failures_that_do_not_open_it_are_counted_until_a_success() {
        let mut breaker = Breaker::default();
        for failures in 1..=100 {
            let permit = breaker.send(at(0));
            assert_eq!(breaker.record(permit, FAILS, at(0), 0.5), None);
            assert_eq!((breaker.room(64, at(0)), breaker.failures()), (64, failures));
        }
        let permit = breaker.send(at(1));
        assert_eq!(breaker.record(permit, Verdict::Success, at(1), 0.5), None);
        assert_eq!(breaker.failures(), 0);
    }

    #[test]
    fn what_was_on_its_way_when_it_opened_neither_lengthens_the_wait_nor_ends_it() {
        let (mut breaker, permits) = opened();
        for permit in &permits[2..] {
            assert_eq!(breaker.record(*permit, OPENS, at(0), 1.0), None);
        }
        assert_eq!(breaker.probe_at(), Some(at(1)));
        assert_eq!(breaker.record(permits[63], Verdict::Success, at(0), 1.0), None);
        assert_eq!(breaker.room(64, at(0)), 0);
    }

    #[test]
    fn one_probe_leaves_and_its_success_lets_everybody_go() {
        let (mut breaker, _) = opened();
        assert_eq!(breaker.room(64, at(1)), 1);
        let probe = breaker.send(at(1));
        assert_eq!((breaker.room(64, at(1)), breaker.name()), (0, "half-open"));
        assert_eq!(breaker.record(probe, Verdict::Success, at(2), 1.0), Some(Change::Closed));
        assert_eq!((breaker.room(64, at(2)), breaker.failures()), (64, 0));
    }

    #[test]
    fn each_probe_that_fails_lengthens_the_wait_up_to_half_a_minute() {
        let (mut breaker, _) = opened();
        let mut waits = Vec::new();
        let mut now = at(0);
        for _ in 0..11 {
            let next = breaker.probe_at().unwrap();
            waits.push((next - now).as_secs());
            now = next;
            let probe = breaker.send(now);
            assert_eq!(breaker.record(probe, FAILS, now, 1.0), None, "one line when it opens, no more");
        }
        assert_eq!(waits, [1, 1, 2, 3, 5, 7, 11, 17, 25, 30, 30]);
    }

    #[test]
    fn a_server_that_says_when_to_come_back_is_left_alone_until_then() {
        let mut breaker = Breaker::default();
        let permit = breaker.send(at(0));
        let verdict = Verdict::Failure { opens: true, at_least: at(120), longest: LONGEST_PAUSE };
        assert_eq!(breaker.record(permit, verdict, at(0), 0.0), Some(Change::Opened));
        assert_eq!((breaker.room(64, at(119)), breaker.room(64, at(120))), (0, 1));
        breaker.probe_at_latest(at(30));
        assert_eq!((breaker.room(64, at(29)), breaker.room(64, at(30))), (0, 1));
    }

    #[test]
    fn the_longest_wait_there_is_overflows_nothing() {
        let mut breaker = Breaker::default();
        let permit = breaker.send(at(1));
        let verdict = Verdict::Failure { opens: true, at_least: Duration::MAX, longest: LONGEST_PAUSE };
        breaker.record(permit, verdict, at(1), f64::NAN);
        assert_eq!(breaker.room(1, at(u64::MAX / 2)), 0);
    }

    proptest! {
        #[test]
        fn it_never_stays_shut_for_ever(failures in 0u32..100, jitter in 0.0f64..1.0) {
            let (mut breaker, _) = opened();
            for _ in 0..failures {
                let now = breaker.probe_at().unwrap();
                let probe = breaker.send(now);
                breaker.record(probe, FAILS, now, jitter);
            }
            let now = breaker.probe_at().unwrap();
            prop_assert_eq!(breaker.room(9, now), 1);
            let probe = breaker.send(now);
            prop_assert_eq!(breaker.record(probe, Verdict::Success, now, jitter), Some(Change::Closed));
            prop_assert_eq!(breaker.room(9, now), 9);
        }
    }
}
