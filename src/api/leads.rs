//! `voice_top_leads`: in Rust for its two plans (`db/question.rs`), and because it hands rows on as they are.

use crate::db::cached_query::CachedQuery;
use crate::declare_function;
use crate::host::error::raise;
use crate::host::{clock, function, privilege};
use pgrx::IntoDatum;
use pgrx::pg_sys;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::prelude::*;
use voice_core::uuid7;

declare_function!(voice_top_leads, pg_finfo_voice_top_leads, function::FunctionCall, top_leads);

/// What an analyst does not see: the number, and what was said (the next action may name either).
const WORDS: [&str; 5] = ["from_number", "contact_number", "entities", "summary", "next_action"];

thread_local! {
    static OF_VERTICAL: [CachedQuery; 2] = [question(true, true), question(true, false)];
    static OF_ALL: [CachedQuery; 2] = [question(false, true), question(false, false)];
}

fn question(of_vertical: bool, with_words: bool) -> CachedQuery {
    let condition = if of_vertical { "AND t.vertical OPERATOR(pg_catalog.=) $1" } else { "" };
    let mut sql = include_str!("../../sql/queries/top_leads.sql").replace("{vertical}", condition);
    if !with_words {
        for column in WORDS {
            sql = sql.replace(&format!("t.{column}::"), "NULL::");
        }
    }
    CachedQuery::new(sql, &[TEXTOID, TIMESTAMPTZOID, INT2OID, INT8OID, UUIDOID])
}

/// `voice_top_leads(vertical, since, min_score, max_rows)`.
fn top_leads(call: function::FunctionCall<'_>) -> pg_sys::Datum {
    let (vertical, since, min_score, max_rows) = (call.datum(0), call.time(1), call.integer(2), call.integer(3));
    let (Some(since), Some(min_score @ 0..=100), None | Some(0..)) = (since, min_score, max_rows) else {
        let or_null = |n: Option<i32>| n.map_or("NULL".to_owned(), |n| n.to_string());
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "top leads need a time, a score and a number of rows",
            &format!(
                "since is {}, min_score {}, max_rows {}.",
                since.map_or("NULL".to_owned(), |at| clock::shown(clock::unix_us(at))),
                or_null(min_score),
                or_null(max_rows)
            ),
            "voice_top_leads('healthcare', now() - interval '7 days'); scores are 0 to 100; vertical NULL: all.",
        );
    };
    let arguments = [
        vertical,
        since.into_datum(),
        (min_score as i16).into_datum(),
        max_rows.map(i64::from).into_datum(),
        pgrx::Uuid::from_bytes(first_id(since)).into_datum(),
    ];
    let rows = call.rows();
    let of = if vertical.is_some() { &OF_VERTICAL } else { &OF_ALL };
    // Without a privilege on those columns a caller gets NULL, and the rest as the table lets them.
    let plain = usize::from(!privilege::may_read_columns(c"analytics", &WORDS));
    of.with(|questions| questions[plain].execute(&arguments, |row| rows.put(row.tuple())));
    pg_sys::Datum::null()
}

/// The lowest id that a call since then can have: an id's time is within 24 hours of the call's start.
fn first_id(since: i64) -> [u8; 16] {
    const DAY_MS: i64 = 24 * 3600 * 1000;
    match clock::unix_us(since) {
        i64::MAX => [0xff; 16],
        us => uuid7::lowest(us.div_euclid(1000).saturating_sub(DAY_MS)),
    }
}
