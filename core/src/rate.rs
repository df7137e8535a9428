//! So many requests a minute, evenly spread: a token bucket, written as the moment at which it will be full again (GCRA,
//! as networks police cells).

use crate::time::Timestamp;
use std::time::Duration;

/// After an idle time as many may leave at once as would have in this long; one always may.
const BURST: Duration = Duration::from_secs(1);

/// A limit, and how much of it is used.
#[derive(Debug, Clone, Default)]
pub struct Rate {
    /// 0: no limit.
    per_minute: u32,
    full_at: Timestamp,
}

impl Rate {
    /// So many a minute (0: no limit), none of it used.
    pub fn of(per_minute: u32) -> Rate {
        Rate { per_minute, full_at: Timestamp::ZERO }
    }

    /// Another limit; what was used of the old one is not forgotten where it still matters.
    pub fn set(&mut self, per_minute: u32, now: Timestamp) {
        if self.per_minute != per_minute {
            self.per_minute = per_minute;
            self.full_at = self.full_at.min(now + self.capacity());
        }
    }

    /// How many of `wanted` requests may leave now.
    pub fn room(&self, wanted: usize, now: Timestamp) -> usize {
        if self.per_minute == 0 {
            return wanted;
        }
        let free = (now + self.capacity()).saturating_sub(self.full_at.max(now));
        wanted.min((free.as_nanos() / self.interval().as_nanos()) as usize)
    }

    /// One leaves.
    pub fn send(&mut self, now: Timestamp) {
        if self.per_minute > 0 {
            self.full_at = self.full_at.max(now) + self.interval();
        }
    }

    /// When the next may leave, where none may now.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        (self.room(1, now) == 0).then(|| (self.full_at + self.interval()).saturating_sub(self.capacity()))
    }

    /// Whether nothing of it is used.
    pub fn is_full(&self, now: Timestamp) -> bool {
        self.full_at <= now
    }

    /// Rounded up: never more than the limit.
    fn interval(&self) -> Duration {
        Duration::from_nanos(60_000_000_000u64.div_ceil(u64::from(self.per_minute.max(1))))
    }

    fn capacity(&self) -> Duration {
        let interval = self.interval();
        interval * ((BURST.as_nanos() / interval.as_nanos()) as u32).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(per_minute: u32) -> Rate {
        let mut rate = Rate::default();
        rate.set(per_minute, Duration::ZERO);
        rate
    }

    /// Sends whenever one may, from `from` to `to`; gives the moments.
    fn eager(rate: &mut Rate, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let mut sent = Vec::new();
        let mut now = from;
        while now < to {
            match rate.next(now) {
                Some(next) => now = next,
                None => {
                    rate.send(now);
                    sent.push(now);
                }
            }
        }
        sent
    }

    #[test]
    fn zero_is_no_limit() {
        let mut rate = rate(0);
        (0..1000).for_each(|_| rate.send(Duration::ZERO));
        assert_eq!((rate.room(1024, Duration::ZERO), rate.next(Duration::ZERO)), (1024, None));
    }

    #[test]
    fn sixty_a_minute_is_one_a_second_also_after_an_hour_of_nothing() {
        let mut rate = rate(60);
        let hour = Duration::from_secs(3600);
        let sent = eager(&mut rate, hour, hour + Duration::from_secs(5));
        assert_eq!(sent.iter().map(|t| (*t - hour).as_secs_f64()).collect::<Vec<_>>(), [0.0, 1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn a_high_limit_lets_a_seconds_worth_go_at_once() {
        assert_eq!(rate(6000).room(1024, Duration::from_secs(9)), 100);
    }

    #[test]
    fn a_new_limit_counts_at_once() {
        let mut rate = rate(1);
        rate.send(Duration::ZERO);
        assert_eq!(rate.next(Duration::ZERO), Some(Duration::from_secs(60)));
        rate.set(600, Duration::ZERO);
        assert!(rate.next(Duration::ZERO).unwrap_or_default() <= Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn no_minute_sees_more_than_the_limit_and_a_seconds_worth(per_minute in 1u32..3000, idle in 0u64..1000) {
            let mut rate = rate(per_minute);
            let from = Duration::from_secs(idle);
            let sent = eager(&mut rate, from, from + Duration::from_secs(60)).len() as u32;
            prop_assert!(sent >= per_minute - 1 && sent <= per_minute + per_minute / 60 + 1, "{sent} of {per_minute}");
        }
    }
}
