//! Scores that calls bring with them, written as `voice_worker` for the caller's tenant.

use super::{DbError, Statement};
use crate::host::user;
use pgrx::Uuid;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::prelude::*;

thread_local! {
    static IMPORT: Statement =
        const { Statement::for_session(include_str!("../../sql/queries/import_scores.sql"), &[TEXTOID]) };
    static IMPORT_WITH: Statement = const {
        Statement::for_session(include_str!("../../sql/queries/import_scores_with.sql"), &[UUIDARRAYOID, TEXTARRAYOID])
    };
    static PERMITTED: Statement =
        const { Statement::for_session(include_str!("../../sql/queries/import_scores_permitted.sql"), &[]) };
}

/// JSON as `voice_import_scores` takes it; `None`: NULL. Gives how many were stored.
pub fn import(scores: Option<String>) -> Result<Option<i64>, DbError> {
    run(&IMPORT, &[scores.into()])
}

/// Scores of these calls, a JSON object each.
pub fn import_with(scores: &[(Uuid, &str)]) -> Result<Option<i64>, DbError> {
    let (ids, scores): (Vec<_>, Vec<_>) = scores.iter().copied().unzip();
    run(&IMPORT_WITH, &[ids.into(), scores.into()])
}

/// Whether the current user may.
pub fn is_permitted() -> Result<bool, DbError> {
    Spi::connect_mut(|client| {
        let mut rows = PERMITTED.with(|s| s.run(client, &[]))?;
        Ok(rows.next().map(|row| row.get(1)).transpose()?.flatten().unwrap_or(false))
    })
}

fn run(
    statement: &'static std::thread::LocalKey<Statement>,
    arguments: &[DatumWithOid<'_>],
) -> Result<Option<i64>, DbError> {
    user::as_voice_worker(|| {
        Spi::connect_mut(|client| {
            let mut rows = statement.with(|s| s.run(client, arguments))?;
            Ok(rows.next().map(|row| row.get(1)).transpose()?.flatten())
        })
    })
}
