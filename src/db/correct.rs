//! What the triggers on turns and chunks put right in what was written, as the owner of the tables: who writes may not read
//! what was said.

use super::{DbError, Statement};
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::prelude::*;

thread_local! {
    static TURN: Statement =
        const { Statement::for_session(include_str!("../../sql/queries/correct_turn.sql"), &[UUIDOID, INT8OID]) };
    static CHUNK: Statement =
        const { Statement::for_session(include_str!("../../sql/queries/correct_chunk.sql"), &[UUIDOID, INT8OID, INT4OID]) };
    static KEEP_FINAL: Statement = const {
        Statement::for_session(
            include_str!("../../sql/queries/keep_final_chunk.sql"),
            &[UUIDOID, INT8OID, INT4OID, TEXTOID, INT4OID, INT4OID, FLOAT4OID],
        )
    };
    static TAKE_IN: Statement = const {
        Statement::for_session(
            include_str!("../../sql/queries/take_in_chunk.sql"),
            &[UUIDOID, INT8OID, INT4OID, TEXTOID, BOOLOID],
        )
    };
}

/// A turn that ends before it starts, by clocks that differ, ends as it starts.
pub fn turn(call_id: [u8; 16], id: i64) -> Result<(), DbError> {
    run(&TURN, &[pgrx::Uuid::from_bytes(call_id).into(), id.into()])
}

/// The same of a chunk; and a confidence that was rounded beyond 0 or 1 becomes it.
pub fn chunk(call_id: [u8; 16], turn_id: i64, seq: i32) -> Result<(), DbError> {
    run(&CHUNK, &[pgrx::Uuid::from_bytes(call_id).into(), turn_id.into(), seq.into()])
}

/// A final chunk, as it was before a statement made it one that is not.
pub struct Final<'a> {
    pub text: &'a str,
    pub start_ms: Option<i32>,
    pub end_ms: Option<i32>,
    pub confidence: Option<f32>,
}

/// Writes it as it was.
pub fn keep_final(call_id: [u8; 16], turn_id: i64, seq: i32, was: &Final<'_>) -> Result<(), DbError> {
    let call_id = pgrx::Uuid::from_bytes(call_id);
    let Final { text, start_ms, end_ms, confidence } = *was;
    let arguments =
        [call_id.into(), turn_id.into(), seq.into(), text.into(), start_ms.into(), end_ms.into(), confidence.into()];
    run(&KEEP_FINAL, &arguments)
}

/// Puts the words of a turn that was closed from its chunks together again: this one is final, and new. `before`: the text
/// that the chunk had until now, and whether that was final.
pub fn take_in(call_id: [u8; 16], turn_id: i64, seq: i32, before: Option<(&str, bool)>) -> Result<(), DbError> {
    let (text, is_final) = before.unzip();
    let call_id = pgrx::Uuid::from_bytes(call_id);
    run(&TAKE_IN, &[call_id.into(), turn_id.into(), seq.into(), text.into(), is_final.into()])
}

fn run(statement: &'static std::thread::LocalKey<Statement>, arguments: &[DatumWithOid<'_>]) -> Result<(), DbError> {
    Spi::connect_mut(|client| statement.with(|s| s.run(client, arguments).map(drop)))
}
