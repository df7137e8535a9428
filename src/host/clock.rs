//! Times: Postgres counts microseconds from 2000, the rest of the world from 1970. `i64::MIN` and `i64::MAX` are the
//! infinities of both.
#![allow(unsafe_code)] // reads the clock, and times as SQL does

use pgrx::prelude::*;
use pgrx::{IntoDatum, pg_sys};
use std::ffi::CString;
use voice_core::time::is_infinite;

const EPOCH_US: i64 = 946_684_800_000_000;

/// This moment, in microseconds since 1970.
pub fn now() -> i64 {
    // SAFETY: reads the clock.
    unsafe { pg_sys::GetCurrentTimestamp() + EPOCH_US }
}

/// The moment that `now()` gives.
pub fn transaction_start() -> i64 {
    // SAFETY: inside a transaction.
    unix_us(unsafe { pg_sys::GetCurrentTransactionStartTimestamp() })
}

/// When the statement that the client sent began.
pub fn statement_start() -> i64 {
    // SAFETY: a variable of the session.
    unix_us(unsafe { pg_sys::GetCurrentStatementStartTimestamp() })
}

/// A time as SQL reads it, in the session's time zone where it names none; what is none is Postgres' error.
pub fn parse(text: &str) -> i64 {
    let text = CString::new(text).unwrap_or_default();
    // SAFETY: timestamptz_in takes a C string, a type (of no use here) and a precision (none).
    let at = unsafe {
        pgrx::direct_function_call::<i64>(
            pg_sys::timestamptz_in,
            &[Some(pg_sys::Datum::from(text.as_ptr())), pg_sys::InvalidOid.into_datum(), (-1_i32).into_datum()],
        )
    };
    unix_us(at.unwrap_or_default())
}

/// As a timestamptz; `None`: beyond what Postgres can say.
pub fn timestamp(at: i64) -> Option<TimestampWithTimeZone> {
    TimestampWithTimeZone::try_from(postgres_us(at)).ok()
}

/// Microseconds since 1970 of a timestamptz; infinities stay what they are.
pub fn unix_us(postgres: i64) -> i64 {
    if is_infinite(postgres) { postgres } else { postgres.saturating_add(EPOCH_US) }
}

/// The timestamptz of microseconds since 1970.
fn postgres_us(at: i64) -> i64 {
    if is_infinite(at) { at } else { at.saturating_sub(EPOCH_US) }
}

/// A time as SQL shows it.
pub fn shown(at: i64) -> String {
    match timestamp(at) {
        Some(time) => time.to_string(),
        None => if at < 0 { "-infinity" } else { "infinity" }.to_owned(),
    }
}

/// A time as a column of type timestamptz holds it.
pub fn time_datum(at: i64) -> Option<pg_sys::Datum> {
    postgres_us(at).into_datum()
}
