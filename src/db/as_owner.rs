//! Statements that a session runs as the owner of the tables, for who asks.

use super::{DbError, Statement};
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::prelude::*;

thread_local! {
    static REANALYZE: Statement =
        const { Statement::for_session(include_str!("../../sql/queries/reanalyze.sql"), &[UUIDOID]) };
    static FINISH_TURN: Statement = const {
        Statement::for_session(
            include_str!("../../sql/queries/finish_turn.sql"),
            &[UUIDOID, INT8OID, TIMESTAMPTZOID, BOOLOID, INT4OID, INT4OID, INT4OID, INT4OID],
        )
    };
}

pub fn reanalyze(call_id: Option<pgrx::Uuid>) -> Result<Option<i64>, DbError> {
    Spi::connect_mut(|client| {
        let mut rows = REANALYZE.with(|s| s.run(client, &[call_id.into()]))?;
        Ok(rows.next().map(|row| row.get(1)).transpose()?.flatten())
    })
}

pub fn finish_turn(arguments: &[DatumWithOid<'_>]) -> Result<(), DbError> {
    Spi::connect_mut(|client| FINISH_TURN.with(|s| s.run(client, arguments).map(drop)))
}
