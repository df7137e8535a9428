//! Times: Postgres counts microseconds from 2000, the rest of the world from 1970. `i64::MIN` and `i64::MAX` are the
//! infinities of both.
#![allow(unsafe_code)] // reads the clock

use pgrx::prelude::*;
use pgrx::{IntoDatum, pg_sys};

const EPOCH_US: i64 = 946_684_800_000_000;

/// This moment, in microseconds since 1970.
pub fn now() -> i64 {
    // SAFETY: reads the clock.
    unsafe { pg_sys::GetCurrentTimestamp() + EPOCH_US }
}

/// Microseconds since 1970 of a timestamptz; infinities stay what they are.
pub fn unix_us(postgres: i64) -> i64 {
    if matches!(postgres, i64::MIN | i64::MAX) { postgres } else { postgres.saturating_add(EPOCH_US) }
}

/// The timestamptz of microseconds since 1970.
fn postgres_us(at: i64) -> i64 {
    if matches!(at, i64::MIN | i64::MAX) { at } else { at.saturating_sub(EPOCH_US) }
}

/// A time as SQL shows it.
pub fn shown(at: i64) -> String {
    match TimestampWithTimeZone::try_from(postgres_us(at)) {
        Ok(time) => time.to_string(),
        Err(_) => if at < 0 { "-infinity" } else { "infinity" }.to_owned(),
    }
}

/// A time as a column of type timestamptz holds it.
pub fn time_datum(at: i64) -> Option<pg_sys::Datum> {
    postgres_us(at).into_datum()
}
