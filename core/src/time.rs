//! Time as pure code sees it: an argument.

use std::time::Duration;

/// A point in time, as the time since some other point that never changes.
pub type Timestamp = Duration;

/// Whether no clock shows this time, in microseconds since any point: `i64::MIN` and `i64::MAX` are the infinities.
pub fn is_infinite(us: i64) -> bool {
    matches!(us, i64::MIN | i64::MAX)
}
