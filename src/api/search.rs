//! `voice_search`: asks whether its caller may read what was said, then reads as `voice_worker`, because row-level
//! security would keep every text index from being used.
#![allow(unsafe_code)] // catalog look-ups

use crate::db::rethrow;
use crate::host::error::raise;
use crate::host::privilege::may_read_columns;
use crate::host::user;
use pgrx::prelude::*;
use std::ffi::CStr;
use voice_core::search;

type Row =
    (Option<pgrx::Uuid>, Option<i64>, Option<String>, Option<TimestampWithTimeZone>, Option<f32>, Option<String>);

#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // the row is the contract's
fn voice_search(
    query: Option<String>,
    since: Option<TimestampWithTimeZone>,
    vertical: Option<String>,
    max_rows: Option<i32>,
) -> TableIterator<
    'static,
    (
        name!(call_id, Option<pgrx::Uuid>),
        name!(turn_id, Option<i64>),
        name!(role, Option<String>),
        name!(started_at, Option<TimestampWithTimeZone>),
        name!(rank, Option<f32>),
        name!(headline, Option<String>),
    ),
> {
    if !may_read_columns(c"turn", &[]) {
        raise(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            "permission denied for table turn",
            &format!("The role {} may not read voice.turn, and a search shows what was said.", caller()),
            "GRANT SELECT ON voice.turn, or ask somebody who may.",
        );
    }
    let found = user::as_voice_worker(|| {
        Spi::connect(|client| {
            let sql = "SELECT * FROM voice._search($1, $2, $3, $4)";
            let arguments = [query.into(), since.into(), vertical.into(), max_rows.into()];
            let mut found: Vec<Row> = Vec::new();
            for row in client.select(sql, None, &arguments)? {
                found.push((row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?));
            }
            Ok::<_, pgrx::spi::Error>(found)
        })
    });
    TableIterator::new(found.unwrap_or_else(|e| rethrow(e.into())))
}

/// `voice._search_pieces`: what a query asks for; one row with the query itself where no number is in it.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // the row is the contract's
fn voice_search_pieces(
    query: String,
) -> TableIterator<
    'static,
    (
        name!(alternative, i32),
        name!(negated, bool),
        name!(words, String),
        name!(lexemes, Option<String>),
        name!(numbers, Option<Vec<String>>),
    ),
> {
    let pieces = search::pieces(&query).into_iter();
    TableIterator::new(pieces.map(|p| (p.alternative, p.negated, p.words, p.lexemes, p.numbers)))
}

/// `voice._search_lexemes`: what a text's search document has beside its words.
#[pg_extern(sql = false)]
fn voice_search_lexemes(words: &str) -> String {
    search::to_text(&search::lexemes(words))
}

/// `voice._numbers_as_said`: the numbers of a text that are meant by these, as they stand there.
#[pg_extern(sql = false)]
fn voice_numbers_as_said(words: &str, numbers: Vec<String>) -> Vec<String> {
    search::matching(words, &numbers).into_iter().map(|place| words[place].to_owned()).collect()
}

fn caller() -> String {
    // SAFETY: a catalog look-up inside a transaction; `noerr` is false, so there is a name.
    unsafe { CStr::from_ptr(pg_sys::GetUserNameFromId(pg_sys::GetUserId(), false)).to_string_lossy().into_owned() }
}
