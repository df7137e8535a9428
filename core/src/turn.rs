//! What is true of every turn and tool call. Times are microseconds since 1970, `i64::MIN` and `i64::MAX` the infinities.

use crate::time::is_infinite;
use crate::vocabulary::ROLES;

/// The columns of a turn that have rules; latencies in milliseconds. Of its times only that there are such: no word is
/// refused for a clock.
pub struct Turn<'a> {
    pub role: &'a str,
    /// Transcription, the LLM's first token, the first byte of speech, end to end.
    pub latencies: [Option<i32>; 4],
    /// Start and end.
    pub times: [Option<i64>; 2],
}

/// Why a turn cannot be as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnError {
    UnknownRole,
    NegativeLatency,
    /// It starts or ends at an infinity.
    NoClockShowsIt,
}

/// What a recogniser's confidence is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Confidence {
    /// From 0 to 1.
    IsOne,
    /// Just outside, as floating point rounds: to be moved to 0 or 1.
    IsRounded,
    /// Of another unit.
    IsNone(f64),
}

impl Confidence {
    const ROUNDING: f64 = 0.001;

    #[must_use]
    pub fn of(confidence: f64) -> Self {
        if (0.0..=1.0).contains(&confidence) {
            Confidence::IsOne
        } else if (-Self::ROUNDING..=1.0 + Self::ROUNDING).contains(&confidence) {
            Confidence::IsRounded
        } else {
            Confidence::IsNone(confidence)
        }
    }
}

impl Turn<'_> {
    pub fn check(&self) -> Result<(), TurnError> {
        if !ROLES.contains(&self.role) {
            Err(TurnError::UnknownRole)
        } else if self.latencies.iter().flatten().any(|ms| *ms < 0) {
            Err(TurnError::NegativeLatency)
        } else if self.times.iter().flatten().any(|time| is_infinite(*time)) {
            Err(TurnError::NoClockShowsIt)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_is_a_share_give_or_take_how_floats_are_rounded() {
        for share in [0.0, 0.5, 1.0] {
            assert_eq!(Confidence::of(share), Confidence::IsOne);
        }
        for rounded in [1.000_000_1, -0.000_000_1, 1.001] {
            assert_eq!(Confidence::of(rounded), Confidence::IsRounded);
        }
        for other in [95.0, -1.0, 1.01, f64::INFINITY] {
            assert_eq!(Confidence::of(other), Confidence::IsNone(other));
        }
        assert!(matches!(Confidence::of(f64::NAN), Confidence::IsNone(_)));
    }

    #[test]
    fn a_turn_has_a_role_latencies_from_zero_up_and_times_that_there_are() {
        let turn = || Turn { role: "user", latencies: [Some(0), None, Some(7), None], times: [Some(0), None] };
        assert_eq!(turn().check(), Ok(()));
        assert_eq!(Turn { role: "caller", ..turn() }.check(), Err(TurnError::UnknownRole));
        assert_eq!(Turn { latencies: [None, Some(-1), None, None], ..turn() }.check(), Err(TurnError::NegativeLatency));
        for times in [[Some(i64::MAX), None], [Some(0), Some(i64::MAX)], [Some(i64::MIN), Some(0)]] {
            assert_eq!(Turn { times, ..turn() }.check(), Err(TurnError::NoClockShowsIt));
        }
    }
}
