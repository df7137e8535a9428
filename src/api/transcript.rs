//! `voice_transcript`: in Rust for its two plans (`db/question.rs`); its cut is the analyzer's own, so that a person reads
//! what a model reads: neither a caller nor a tool's result begins a line of its own.

use crate::db::cached_query::CachedQuery;
use crate::declare_function;
use crate::host::error::raise;
use crate::host::function;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::prelude::*;
use pgrx::{IntoDatum, pg_sys};
use voice_core::transcript;

declare_function!(voice_transcript, pg_finfo_voice_transcript, function::FunctionCall, spoken);

thread_local! {
    static WORDS: CachedQuery = CachedQuery::new(include_str!("../../sql/queries/transcript.sql"), &[UUIDOID]);
    static WORDS_AND_DEEDS: CachedQuery = CachedQuery::new(include_str!("../../sql/queries/transcript_tools.sql"), &[UUIDOID]);
}

/// `voice_transcript(call_id, max_chars, tools)`; NULL: no such call.
fn spoken(call: function::FunctionCall<'_>) -> pg_sys::Datum {
    let max_chars = call.integer(1);
    if let Some(max_chars @ ..1) = max_chars {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "max_chars is out of range",
            &format!("max_chars is {max_chars}."),
            "Pass 1 or more, or NULL for the whole transcript.",
        );
    }
    // One row at least for a call that exists, without a line if nothing was said.
    let mut exists = false;
    let mut lines: Vec<String> = Vec::new();
    let of = if call.boolean(2) == Some(true) { &WORDS_AND_DEEDS } else { &WORDS };
    of.with(|question| {
        question.execute(&[call.datum(0)], |row| {
            exists = true;
            lines.extend(row.get::<String>(1).map(transcript::one_line));
        });
    });
    if !exists {
        return call.null();
    }
    let text = match max_chars {
        Some(max_chars) => transcript::cut(&lines, max_chars as usize),
        None => lines.join("\n"),
    };
    text.into_datum().unwrap_or_else(|| call.null())
}
