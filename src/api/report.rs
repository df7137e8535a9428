//! `voice._report_page`: in Rust, because SQL draws nothing. What the page shows was read before, by `voice_report_data()`.

use crate::declare_function;
use crate::host::error::raise;
use crate::host::function;
use pgrx::prelude::*;
use pgrx::{IntoDatum, pg_sys};

declare_function!(voice_report_page, pg_finfo_voice_report_page, function::FunctionCall, page);

/// `voice._report_page(data)`.
fn page(call: function::FunctionCall<'_>) -> pg_sys::Datum {
    match voice_core::report::render(&call.json(0).unwrap_or_default()) {
        Ok(page) => page.into_datum().unwrap_or_else(|| call.null()),
        Err(error) => raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "this is no data of a report",
            &error,
            "Pass what voice_report_data() gave.",
        ),
    }
}
