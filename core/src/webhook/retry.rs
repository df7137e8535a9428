//! When a delivery is tried again: the schedule that the Standard Webhooks specification gives, over three days.

use std::time::Duration;

/// After the first failed attempt, the second, …; after the last of these waits there is one attempt more.
const SCHEDULE: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(14 * 3600),
    Duration::from_secs(20 * 3600),
    Duration::from_secs(24 * 3600),
];

/// Attempts in all.
pub const ATTEMPTS_MAX: i16 = SCHEDULE.len() as i16 + 1;

/// A receiver that fails is left alone for a moment, by all its deliveries.
const REST: Duration = Duration::from_secs(1);
/// No such moment is longer, but by `Retry-After`.
const REST_MAX: Duration = Duration::from_secs(60);

/// How long to wait after failed attempt number `attempt` (the first is 1); `None`: that was the last.
///
/// `jitter`, in [0, 1), lengthens the wait by up to a fifth, so that what failed together does not come back together. A
/// receiver that asks to be left alone for longer (`Retry-After`) is.
pub fn wait(attempt: i16, retry_after: Option<Duration>, jitter: f64) -> Option<Duration> {
    let base = *SCHEDULE.get(usize::try_from(attempt.max(1) - 1).ok()?)?;
    let share = if jitter.is_nan() { 0.0 } else { jitter.clamp(0.0, 1.0) };
    Some(base.mul_f64(1.0 + share / 5.0).max(retry_after.unwrap_or_default()))
}

/// How long a receiver that has failed so often in a row is left alone.
pub fn rest(failures: u32, retry_after: Option<Duration>) -> Duration {
    REST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(REST_MAX).max(retry_after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_the_specifications() {
        let waits: Vec<u64> =
            (1..ATTEMPTS_MAX).map(|attempt| wait(attempt, None, 0.0).unwrap_or_default().as_secs()).collect();
        assert_eq!(waits, [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        // 75:35:05 since the start, as the specification's table ends.
        assert_eq!(waits.iter().sum::<u64>(), 75 * 3600 + 35 * 60 + 5);
        assert_eq!(wait(ATTEMPTS_MAX, None, 0.5), None);
        assert_eq!(wait(i16::MAX, None, 0.5), None);
    }

    #[test]
    fn jitter_only_lengthens_a_wait_and_by_a_fifth_at_most() {
        let seconds = |jitter| wait(2, None, jitter).map(|w| w.as_secs_f64());
        assert_eq!([seconds(0.0), seconds(0.5), seconds(1.0)], [Some(300.0), Some(330.0), Some(360.0)]);
        assert_eq!([seconds(f64::NAN), seconds(-1.0), seconds(7.0)], [Some(300.0), Some(300.0), Some(360.0)]);
        assert_eq!(wait(0, None, 0.0), wait(1, None, 0.0));
    }

    #[test]
    fn retry_after_counts_where_it_is_longer() {
        let minute = Some(Duration::from_secs(60));
        assert_eq!(wait(1, minute, 0.0), minute);
        assert_eq!(wait(2, minute, 0.0), Some(Duration::from_secs(300)));
        assert_eq!(wait(ATTEMPTS_MAX, minute, 0.0), None);
    }

    #[test]
    fn a_failing_receiver_is_asked_ever_more_rarely_but_once_a_minute() {
        let rests: Vec<u64> = (0..9).map(|failures| rest(failures, None).as_secs()).collect();
        assert_eq!(rests, [1, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(rest(u32::MAX, Some(Duration::from_secs(90))), Duration::from_secs(90));
    }
}
