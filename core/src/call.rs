//! What is true of every call, whoever writes it: its id carries its start, it ends after it starts, an end is an end.
//!
//! Times are microseconds since 1970, `i64::MIN` and `i64::MAX` the infinities; durations are milliseconds.

use crate::time::is_infinite;
use crate::uuid7;
use crate::vocabulary::{COMPLETED, DIRECTIONS, is_call_status};

pub use crate::vocabulary::IN_PROGRESS;

/// How far the time in an id may be from the call's start. 24 hours of 3600 seconds, wherever clocks change.
const REACH_US: i64 = 24 * 3600 * 1_000_000;

/// How far an end may lie before its start and still mean that two clocks differ: then the call ended as it started.
const CLOCKS_APART_US: i64 = 5 * 60 * 1_000_000;

/// What is further apart than this is told: nearly the smallest step between time zones that people live in (an hour, the
/// time that a request takes less).
const NOTICED_US: i64 = 55 * 60 * 1_000_000;

/// The columns of a call that depend on one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    pub id: [u8; 16],
    pub tenant: &'a str,
    pub status: &'a str,
    pub direction: &'a str,
    pub started_at: i64,
    pub ended_at: Option<i64>,
    pub duration_ms: Option<i32>,
}

/// Why a call cannot be as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallError {
    /// The id or the tenant was to change.
    Moved,
    /// It had ended and was to be in progress again.
    Restarted,
    UnknownStatus,
    UnknownDirection,
    /// The id is not a UUIDv7.
    NoTime,
    /// The id's time is more than 24 hours from the start.
    FarFromStart,
    NegativeDuration,
    /// It ends at an infinity.
    NoClockShowsTheEnd,
    EndsBeforeItStarts,
    /// It is in progress with an end, or over without.
    HalfEnded,
}

impl Call<'_> {
    /// The call as it is to be stored: an end says that it is over, and what the end leaves open is filled in.
    /// `old` is the row before an update; `now` is asked only where the end is not known otherwise.
    pub fn completed(self, old: Option<&Call<'_>>, now: impl FnOnce() -> i64) -> Result<Self, CallError> {
        let mut new = self;
        if let Some(old) = old {
            if new.id != old.id || new.tenant != old.tenant {
                return Err(CallError::Moved);
            }
            if old.status != IN_PROGRESS && new.status == IN_PROGRESS {
                return Err(CallError::Restarted);
            }
            // A duration that was computed follows the times it was computed from.
            let computed = old.ended_at.and_then(|end| span_ms(old.started_at, end));
            if computed.is_some()
                && old.duration_ms == computed
                && new.duration_ms == computed
                && (new.started_at, new.ended_at) != (old.started_at, old.ended_at)
            {
                new.duration_ms = None;
            }
        }
        if !is_call_status(new.status) {
            return Err(CallError::UnknownStatus);
        }
        if old.is_none_or(|old| old.started_at != new.started_at) {
            new.check_id()?;
        }
        if new.status == IN_PROGRESS && new.ended_at.is_some() {
            new.status = COMPLETED;
        }
        if new.duration_ms.is_some_and(|ms| ms < 0) {
            return Err(CallError::NegativeDuration);
        }
        if new.status != IN_PROGRESS {
            let end = match (new.ended_at, new.duration_ms) {
                (Some(end), _) if is_before_by_a_clock(end, new.started_at) => new.started_at,
                (Some(end), _) => end,
                (None, Some(ms)) => plus_ms(new.started_at, ms),
                (None, None) => now().max(new.started_at),
            };
            new.ended_at = Some(end);
            new.check()?;
            new.duration_ms = new.duration_ms.or_else(|| span_ms(new.started_at, end));
        }
        new.check()?;
        Ok(new)
    }

    /// What must hold of a row as it stands, whatever other triggers have made of it.
    pub fn check(&self) -> Result<(), CallError> {
        if !is_call_status(self.status) {
            return Err(CallError::UnknownStatus);
        }
        if !DIRECTIONS.contains(&self.direction) {
            return Err(CallError::UnknownDirection);
        }
        if self.duration_ms.is_some_and(|ms| ms < 0) {
            return Err(CallError::NegativeDuration);
        }
        match self.ended_at {
            Some(end) if is_infinite(end) => Err(CallError::NoClockShowsTheEnd),
            Some(end) if end < self.started_at => Err(CallError::EndsBeforeItStarts),
            end if (self.status == IN_PROGRESS) == end.is_some() => Err(CallError::HalfEnded),
            _ => Ok(()),
        }
    }

    /// How far the start is from the time in the id, in microseconds, where that is so far that a time zone may have been
    /// lost: such a call is stored, and its writer is told.
    pub fn noticed_distance(&self) -> Option<i64> {
        self.check_id().ok()?;
        self.distance().filter(|us| us.abs() >= NOTICED_US)
    }

    fn check_id(&self) -> Result<(), CallError> {
        if self.id[6] >> 4 != 7 {
            return Err(CallError::NoTime);
        }
        match self.distance() {
            Some(apart) if (-REACH_US..=REACH_US).contains(&apart) => Ok(()),
            _ => Err(CallError::FarFromStart),
        }
    }

    /// From the time in the id to the start, in microseconds; `None`: no number says it.
    fn distance(&self) -> Option<i64> {
        self.started_at.checked_sub(uuid7::unix_ms(&self.id) * 1000)
    }
}

/// Whether a cost is an amount of money: no more than any call costs in any currency, so that sums of it are numbers.
pub fn is_amount(cost: f64) -> bool {
    const MOST: f64 = 1e12;
    cost.abs() <= MOST
}

/// Whether `end` lies before `start` by no more than clocks differ.
fn is_before_by_a_clock(end: i64, start: i64) -> bool {
    end < start && start.checked_sub(end).is_some_and(|us| us <= CLOCKS_APART_US)
}

/// Milliseconds between two moments, rounded; `None` for a call that was left open for more than 24 days: a duration
/// that an integer cannot hold is not measured.
fn span_ms(started_at: i64, ended_at: i64) -> Option<i32> {
    let us = ended_at.checked_sub(started_at)?;
    i32::try_from((us.checked_add(500)?).div_euclid(1000)).ok().filter(|ms| *ms < 2_147_483_000)
}

/// An infinity stays one.
fn plus_ms(at: i64, ms: i32) -> i64 {
    if is_infinite(at) { at } else { at.saturating_add(i64::from(ms) * 1000) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: i64 = 1_760_000_000_000_000;
    const SECOND: i64 = 1_000_000;

    fn started() -> Call<'static> {
        Call {
            id: uuid7::at(START / 1000, [7; 10]),
            tenant: "acme",
            status: IN_PROGRESS,
            direction: "inbound",
            started_at: START,
            ended_at: None,
            duration_ms: None,
        }
    }

    fn never() -> i64 {
        panic!("no clock is needed here")
    }

    #[test]
    fn a_call_that_starts_is_left_as_it_is() {
        assert_eq!(started().completed(None, never), Ok(started()));
    }

    #[test]
    fn a_start_that_is_an_hour_or_more_from_its_id_is_noticed() {
        let started = |us: i64| Call { started_at: START + us, ..started() };
        for near in [0, 54 * 60 * SECOND, -54 * 60 * SECOND] {
            assert_eq!(started(near).noticed_distance(), None);
        }
        // London in summer, New York, Kolkata.
        for far in [3600 * SECOND - 1, 5 * 3600 * SECOND, -5 * 3600 * SECOND - 1800 * SECOND] {
            assert_eq!(started(far).noticed_distance(), Some(far));
        }
    }

    #[test]
    fn an_end_makes_it_completed_and_gives_the_duration() {
        let end = Some(START + 90 * SECOND);
        let ended = Call { ended_at: end, ..started() }.completed(Some(&started()), never).unwrap();
        assert_eq!(ended, Call { status: "completed", ended_at: end, duration_ms: Some(90_000), ..started() });
    }

    #[test]
    fn a_status_alone_ends_it_now_or_after_its_duration() {
        let failed = Call { status: "failed", ..started() };
        let ended = failed.completed(Some(&started()), || START + 5 * SECOND).unwrap();
        assert_eq!((ended.ended_at, ended.duration_ms), (Some(START + 5 * SECOND), Some(5000)));
        let ended = failed.completed(Some(&started()), || START - SECOND).unwrap();
        assert_eq!((ended.ended_at, ended.duration_ms), (Some(START), Some(0)), "a clock that is behind");
        let ended = Call { duration_ms: Some(1500), ..failed }.completed(None, never).unwrap();
        assert_eq!(ended.ended_at, Some(START + 1_500_000));
    }

    #[test]
    fn an_end_before_the_start_by_another_clock_is_the_start() {
        for end in [START - 1, START - 3 * SECOND, START - CLOCKS_APART_US] {
            let ended = Call { ended_at: Some(end), ..started() }.completed(Some(&started()), never).unwrap();
            assert_eq!((ended.ended_at, ended.duration_ms), (Some(START), Some(0)));
        }
    }

    #[test]
    fn a_computed_duration_follows_its_times_and_a_given_one_stays() {
        let old = Call { ended_at: Some(START + 60 * SECOND), ..started() }.completed(None, never).unwrap();
        let moved = Call { ended_at: Some(START + 30 * SECOND), ..old }.completed(Some(&old), never).unwrap();
        assert_eq!(moved.duration_ms, Some(30_000));
        let given = Call { duration_ms: Some(55_000), ..old };
        let moved = Call { ended_at: Some(START + 30 * SECOND), ..given }.completed(Some(&given), never).unwrap();
        assert_eq!(moved.duration_ms, Some(55_000));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let old = Call { ended_at: Some(START + SECOND), ..started() }.completed(None, never).unwrap();
        let refused = |new: Call<'_>, old: Option<&Call<'_>>| new.completed(old, || START).unwrap_err();
        assert_eq!(refused(Call { tenant: "other", ..old }, Some(&old)), CallError::Moved);
        assert_eq!(refused(started(), Some(&old)), CallError::Restarted);
        assert_eq!(refused(Call { status: "hung up", ..started() }, None), CallError::UnknownStatus);
        assert_eq!(refused(Call { direction: "up", ..started() }, None), CallError::UnknownDirection);
        assert_eq!(refused(Call { id: [0x44; 16], ..started() }, None), CallError::NoTime);
        assert_eq!(refused(Call { started_at: START + REACH_US + 1000, ..started() }, None), CallError::FarFromStart);
        assert_eq!(refused(Call { started_at: i64::MAX, ..started() }, None), CallError::FarFromStart);
        assert_eq!(refused(Call { duration_ms: Some(-1), ..started() }, None), CallError::NegativeDuration);
        assert_eq!(refused(Call { ended_at: Some(i64::MAX), ..started() }, None), CallError::NoClockShowsTheEnd);
        let early = Some(START - CLOCKS_APART_US - 1);
        assert_eq!(refused(Call { ended_at: early, ..started() }, None), CallError::EndsBeforeItStarts);
        assert_eq!(Call { status: "failed", ..started() }.check(), Err(CallError::HalfEnded));
        assert_eq!(Call { status: IN_PROGRESS, ..old }.check(), Err(CallError::HalfEnded));
    }

    #[test]
    fn a_call_left_open_for_months_has_no_duration() {
        let end = START + 30 * 24 * 3600 * SECOND;
        let ended = Call { ended_at: Some(end), ..started() }.completed(Some(&started()), never).unwrap();
        assert_eq!((ended.status, ended.duration_ms), ("completed", None));
    }

    proptest! {
        /// Whatever is accepted holds, and writing it again changes nothing.
        #[test]
        fn what_is_accepted_holds_and_stays(
            status in prop::sample::select(vec!["in_progress", "completed", "failed", "transferred", "odd"]),
            start in prop::sample::select(vec![START, START - 3600 * SECOND, i64::MAX, i64::MIN, 0]),
            end in prop::option::of(prop_oneof![Just(i64::MAX), Just(i64::MIN), START - SECOND..START + 9_000_000_000_000]),
            duration_ms in prop::option::of(any::<i32>()),
            now in START - SECOND..START + 100 * SECOND,
        ) {
            let call = Call { status, started_at: start, ended_at: end, duration_ms, ..started() };
            if let Ok(stored) = call.completed(None, || now) {
                prop_assert_eq!(stored.check(), Ok(()));
                prop_assert_eq!(stored.completed(Some(&stored), never), Ok(stored));
            }
        }
    }
}
