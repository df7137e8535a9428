//! `voice_search`: asks whether its caller may read what was said, then reads as `voice_worker`, because row-level
//! security would keep every text index from being used.
#![allow(unsafe_code)] // catalog look-ups

use crate::db::rethrow;
use crate::host::error::raise;
use crate::host::privilege::may_read_columns;
use crate::host::user;
use pgrx::prelude::*;
use std::ffi::CStr;

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

fn caller() -> String {
    // SAFETY: a catalog look-up inside a transaction; `noerr` is false, so there is a name.
    unsafe { CStr::from_ptr(pg_sys::GetUserNameFromId(pg_sys::GetUserId(), false)).to_string_lossy().into_owned() }
}
