//! Time as pure code sees it: an argument.

use std::time::Duration;

/// A point in time, as the time since some other point that never changes.
pub type Timestamp = Duration;
