//! `voice_uuidv7`, `voice_uuid_at`, `voice_uuid_time`: Postgres' times and random bits for `voice_core::uuid7`.
#![allow(unsafe_code)] // one call into Postgres for random bits

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, pg_sys};
use voice_core::uuid7;

/// Postgres counts microseconds from 2000, UUIDv7 milliseconds from 1970.
const UNIX_TO_POSTGRES_EPOCH_MS: i64 = 946_684_800_000;

/// A random id of this moment's millisecond.
#[pg_extern(sql = false)]
fn voice_uuidv7(at: TimestampWithTimeZone) -> pgrx::Uuid {
    let ms = unix_ms(at.into_inner());
    if !(0..=uuid7::MAX_UNIX_MS).contains(&ms) {
        ErrorReport::new(
            PgSqlErrorCode::ERRCODE_DATETIME_FIELD_OVERFLOW,
            "a call id cannot carry this time",
            function_name!(),
        )
        .set_detail(match ms {
            i64::MIN | i64::MAX => "The time is infinite.".to_string(),
            _ => format!("The time is {at}; an id holds the milliseconds from 1970 to the year 10889."),
        })
        .set_hint("Pass the moment the call started.")
        .report(PgLogLevel::ERROR);
    }
    pgrx::Uuid::from_bytes(uuid7::at(ms, random()))
}

/// The lowest id of this moment's millisecond, for ranges; infinities are below and above every id.
#[pg_extern(sql = false)]
fn voice_uuid_at(at: TimestampWithTimeZone) -> pgrx::Uuid {
    pgrx::Uuid::from_bytes(uuid7::lowest(unix_ms(at.into_inner())))
}

/// The moment an id carries, to the millisecond.
#[pg_extern(sql = false)]
fn voice_uuid_time(id: pgrx::Uuid) -> TimestampWithTimeZone {
    let micros = (uuid7::unix_ms(id.as_bytes()) - UNIX_TO_POSTGRES_EPOCH_MS) * 1000;
    match TimestampWithTimeZone::try_from(micros) {
        Ok(time) => time,
        // 48 bits of milliseconds end in the year 10889; Postgres' calendar ends 283,000 years later.
        Err(_) => unreachable!("every UUID's time is within Postgres' range"),
    }
}

/// Floored; the infinities stay the ends of the scale.
fn unix_ms(postgres_us: i64) -> i64 {
    match postgres_us {
        i64::MIN | i64::MAX => postgres_us,
        finite => finite.div_euclid(1000) + UNIX_TO_POSTGRES_EPOCH_MS,
    }
}

fn random() -> [u8; 10] {
    let mut bytes = [0; 10];
    // SAFETY: the buffer is ours, writable, and of the length we state.
    if !unsafe { pg_sys::pg_strong_random(bytes.as_mut_ptr().cast(), bytes.len()) } {
        ereport!(ERROR, PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, "could not obtain random bits for a call id");
    }
    bytes
}
