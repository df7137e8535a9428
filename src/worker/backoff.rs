//! How soon what another session holds up is tried again.

use std::time::Duration;

/// The first pause, and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Pauses that double from 10 ms to 1 s.
#[derive(Default)]
pub struct Backoff {
    last: Duration,
}

impl Backoff {
    /// The next pause.
    pub fn next(&mut self) -> Duration {
        self.last = (self.last * 2).clamp(PAUSES.0, PAUSES.1);
        self.last
    }

    /// The next pause is the shortest again.
    pub fn reset(&mut self) {
        self.last = Duration::ZERO;
    }
}

/// Pause after so many failed transactions in a row: 200 ms after the first, 3.2 s after the fifth and all later ones.
pub fn pause_after(failures: u32) -> Duration {
    Duration::from_millis(100 << failures.min(5))
}
