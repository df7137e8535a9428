//! `voice_import_scores`: what was made of calls elsewhere, stored as an analysis of ours would be. The work is that of
//! `voice._import_scores` (sql/ingest/scores.sql), which runs as `voice_worker`.

use crate::db::rethrow;
use crate::db::scores as store;
use crate::declare_function;
use crate::host::error::raise;
use crate::host::function;
use pgrx::prelude::*;
use pgrx::{IntoDatum, Uuid, pg_sys};
use voice_core::import::Import;

declare_function!(voice_import_scores, pg_finfo_voice_import_scores, function::FunctionCall, import_scores);

/// `voice_import_scores(scores)`.
fn import_scores(sql: function::FunctionCall) -> pg_sys::Datum {
    let stored = store::import(sql.json(0)).unwrap_or_else(|e| rethrow(e));
    stored.into_datum().unwrap_or_else(|| sql.null())
}

/// The scores that imported calls bring.
pub(super) fn of_imports(calls: &[(Uuid, &Import)]) {
    let judged: Vec<_> = calls.iter().filter_map(|(id, call)| Some((*id, call.scores.as_deref()?))).collect();
    if judged.is_empty() {
        return;
    }
    if !store::is_permitted().unwrap_or_else(|e| rethrow(e)) {
        raise(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            "permission denied: scores are the worker's to write",
            "The import brings scores, and the role may not call voice_import_scores().",
            "Leave the scores out, and the call is analyzed; or import as a role that voice_grant() made admin.",
        );
    }
    store::import_with(&judged).unwrap_or_else(|e| rethrow(e));
}
