//! `voice_uuidv7`, `voice_uuid_at`, `voice_uuid_time`: Postgres' times and random bits for `voice_core::uuid7`.
#![allow(unsafe_code)] // one call into Postgres for random bits

use crate::host::clock;
use crate::host::error::raise;
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, pg_sys};
use voice_core::time::is_infinite;
use voice_core::uuid7;

/// A random id of this moment's millisecond.
#[pg_extern(sql = false)]
fn voice_uuidv7(at: TimestampWithTimeZone) -> pgrx::Uuid {
    random_id(clock::unix_us(at.into_inner()))
}

/// A random id of this moment, in microseconds since 1970. What an id cannot carry is an error.
pub fn random_id(at: i64) -> pgrx::Uuid {
    let ms = unix_ms(at);
    if !(0..=uuid7::MAX_UNIX_MS).contains(&ms) {
        raise(
            PgSqlErrorCode::ERRCODE_DATETIME_FIELD_OVERFLOW,
            "a call id cannot carry this time",
            &match at {
                i64::MIN | i64::MAX => "The time is infinite.".to_string(),
                _ => format!(
                    "The time is {}; an id holds the milliseconds from 1970 to the year 10889.",
                    clock::shown(at)
                ),
            },
            "Pass the moment the call started.",
        );
    }
    pgrx::Uuid::from_bytes(uuid7::at(ms, random()))
}

/// The lowest id of this moment's millisecond, for ranges; infinities are below and above every id.
#[pg_extern(sql = false)]
fn voice_uuid_at(at: TimestampWithTimeZone) -> pgrx::Uuid {
    pgrx::Uuid::from_bytes(uuid7::lowest(unix_ms(clock::unix_us(at.into_inner()))))
}

/// The moment an id carries, to the millisecond.
#[pg_extern(sql = false)]
fn voice_uuid_time(id: pgrx::Uuid) -> TimestampWithTimeZone {
    match clock::timestamp(uuid7::unix_ms(id.as_bytes()) * 1000) {
        Some(time) => time,
        // 48 bits of milliseconds end in the year 10889; Postgres' calendar ends 283,000 years later.
        None => unreachable!("every UUID's time is within Postgres' range"),
    }
}

/// Floored; the infinities stay the ends of the scale.
fn unix_ms(us: i64) -> i64 {
    if is_infinite(us) { us } else { us.div_euclid(1000) }
}

pub fn random<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    // SAFETY: the buffer is ours, writable, and of the length we state.
    if !unsafe { pg_sys::pg_strong_random(bytes.as_mut_ptr().cast(), bytes.len()) } {
        ereport!(ERROR, PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, "could not obtain random bits");
    }
    bytes
}

#[cfg(feature = "pg_test")]
#[pg_schema]
mod tests {
    use crate::pg_test::{refusal, value};
    use pgrx::prelude::*;

    #[pg_test]
    fn an_id_carries_its_moment_to_the_millisecond_floored() {
        let at = "SELECT (voice_uuid_time(voice_uuidv7(t)) = u)::text FROM (VALUES
            ('2026-01-02 03:04:05.678901Z'::timestamptz, '2026-01-02 03:04:05.678Z'::timestamptz),
            ('1970-01-01 00:00:00Z', '1970-01-01 00:00:00Z')) v(t, u) ORDER BY 1 LIMIT 1";
        assert_eq!(value::<String>(at).as_deref(), Some("true"));
    }

    #[pg_test]
    fn the_lowest_id_of_a_moment_is_below_every_other_of_it_and_above_those_before() {
        let between =
            "SELECT bool_and(voice_uuid_at('2026-05-01Z') <= id AND id < voice_uuid_at('2026-05-01 00:00:00.001Z'))
            FROM (SELECT voice_uuidv7('2026-05-01Z') AS id FROM generate_series(1, 1000)) s";
        assert_eq!(value::<bool>(between), Some(true));
        let fixed = "SELECT (voice_uuid_at('1970-01-01 00:00:00.001Z'))::text";
        assert_eq!(
            value::<String>(fixed).as_deref(),
            Some("00000000-0001-0000-0000-000000000000"),
            "whatever its version"
        );
    }

    #[pg_test]
    fn no_two_ids_of_one_moment_are_the_same() {
        let different = "SELECT count(DISTINCT voice_uuidv7('2026-05-01Z')) FROM generate_series(1, 10000)";
        assert_eq!(value::<i64>(different), Some(10_000));
    }

    #[pg_test]
    fn a_time_that_no_id_can_carry_is_refused_with_its_value() {
        for (time, says) in [
            ("infinity", "infinite"),
            ("-infinity", "infinite"),
            ("1969-12-31 23:59:59.999Z", "1969"),
            ("10889-08-03Z", "10889"),
        ] {
            let refused = refusal(&format!("SELECT voice_uuidv7('{time}')")).expect(time);
            assert_eq!(refused.code, PgSqlErrorCode::ERRCODE_DATETIME_FIELD_OVERFLOW);
            assert!(refused.detail.contains(says), "{refused:?}");
        }
        assert_eq!(refusal("SELECT voice_uuidv7('1970-01-01Z')"), None);
    }
}
