//! When to try again.

use std::time::Duration;

/// The first wait is drawn from 0 to this.
pub const BASE: Duration = Duration::from_secs(2);
/// No wait is longer.
pub const CAP: Duration = Duration::from_secs(300);

/// How long to wait after failed attempt number `attempt` (the first is 1): a share of [`BASE`]·2^(attempt − 1), at
/// most of [`CAP`].
///
/// `jitter`, in [0, 1), is that share ("full jitter"): many jobs that failed together come back spread over the whole
/// wait, which is the least work for a provider that is just recovering. Values outside are taken as the nearest inside.
pub fn backoff(attempt: u32, jitter: f64) -> Duration {
    backoff_within(CAP, attempt, jitter)
}

/// The same with another longest wait, which is shared out too: a wait that is always the longest would keep step with a
/// server that comes and goes, and meet it away each time.
pub fn backoff_within(longest: Duration, attempt: u32, jitter: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let ceiling = BASE.saturating_mul(1 << doublings).min(longest);
    // NaN is no share at all: `clamp` would keep it and `mul_f64` would panic.
    let share = if jitter.is_nan() { 1.0 } else { jitter.clamp(0.0, 1.0) };
    ceiling.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(attempt: u32, jitter: f64) -> f64 {
        backoff(attempt, jitter).as_secs_f64()
    }

    #[test]
    fn each_wait_may_be_twice_as_long_as_the_last() {
        let longest: Vec<f64> = (1..=5).map(|attempt| seconds(attempt, 1.0)).collect();
        assert_eq!(longest, [2.0, 4.0, 8.0, 16.0, 32.0]);
    }

    #[test]
    fn the_jitter_spreads_over_the_whole_wait() {
        assert_eq!([seconds(3, 0.0), seconds(3, 0.25), seconds(3, 0.5)], [0.0, 2.0, 4.0]);
    }

    #[test]
    fn no_wait_is_longer_than_five_minutes() {
        assert_eq!([seconds(9, 1.0), seconds(1000, 1.0), seconds(u32::MAX, 1.0)], [300.0; 3]);
    }

    #[test]
    fn a_longest_wait_of_ones_own_is_spread_as_well() {
        let waits = [0.25, 0.5, 1.0].map(|jitter| backoff_within(Duration::from_secs(8), 30, jitter).as_secs_f64());
        assert_eq!(waits, [2.0, 4.0, 8.0]);
    }

    #[test]
    fn odd_arguments_are_no_panic() {
        assert_eq!(seconds(0, 1.0), 2.0);
        assert_eq!([seconds(1, f64::NAN), seconds(1, -3.0), seconds(1, 9.0)], [2.0, 0.0, 2.0]);
    }
}
