//! Many calls in few statements. What a trigger would write a row at a time, the jobs, is written at once too.

use super::cached_query::CachedQuery;
use super::{DbError, Statement, enqueue};
use crate::host::{clock, user};
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::prelude::*;
use pgrx::{IntoDatum, Uuid};
use std::collections::HashSet;
use voice_core::import::{Import, ToolCall, Turn};

thread_local! {
    static KNOWN: CachedQuery =
        CachedQuery::fresh_snapshot(include_str!("../../sql/queries/imports_known.sql"), &[TEXTARRAYOID, TEXTOID]);
    static CALLS: Statement = const {
        Statement::for_session(
            include_str!("../../sql/queries/imports_calls.sql"),
            &[
                TEXTOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
                TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
                TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
            ],
        )
    };
    static TURN_IDS: Statement =
        const { Statement::for_session(include_str!("../../sql/queries/imports_turn_ids.sql"), &[INT8OID]) };
    static TURNS: Statement = const {
        Statement::for_session(
            include_str!("../../sql/queries/imports_turns.sql"),
            &[
                TEXTOID, UUIDARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
                TIMESTAMPTZARRAYOID, TEXTARRAYOID, BOOLARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID,
                INT4ARRAYOID, TEXTARRAYOID,
            ],
        )
    };
    static TOOL_CALLS: Statement = const {
        Statement::for_session(
            include_str!("../../sql/queries/imports_tool_calls.sql"),
            &[
                TEXTOID, UUIDARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
                INT4ARRAYOID, TIMESTAMPTZARRAYOID,
            ],
        )
    };
}

/// A call that is to be stored, with its place in time (microseconds since 1970).
pub struct NewCall<'a> {
    pub id: Uuid,
    pub agent: &'a str,
    pub start: i64,
    pub end: i64,
    pub duration_ms: Option<i32>,
    pub call: &'a Import,
}

/// Its id and start, its end, and what was said, by call.
pub struct NewTurn<'a> {
    pub call: Uuid,
    pub id: i64,
    pub start: i64,
    pub end: Option<i64>,
    pub turn: &'a Turn,
}

pub struct NewToolCall<'a> {
    pub call: Uuid,
    pub turn_id: Option<i64>,
    pub invoked: i64,
    pub tool_call: &'a ToolCall,
}

/// Those of the external ids that the tenant has already. Their locks are held by now.
pub fn known(external_ids: &[&str], tenant: &str) -> HashSet<String> {
    let mut known = HashSet::new();
    let arguments = [external_ids.to_vec().into_datum(), tenant.into_datum()];
    KNOWN.with(|question| question.execute(&arguments, |row| known.extend(row.get::<String>(1))));
    known
}

/// Stores the calls and queues them.
pub fn calls(tenant: &str, calls: &[NewCall<'_>]) -> Result<(), DbError> {
    let text = |of: fn(&Import) -> Option<&str>| calls.iter().map(|new| of(new.call)).collect::<Vec<_>>().into();
    let costs: Vec<_> = calls.iter().map(|new| new.call.cost.as_ref().map(|cost| cost.amount.to_string())).collect();
    let values = [
        tenant.into(),
        calls.iter().map(|new| new.id).collect::<Vec<_>>().into(),
        calls.iter().map(|new| new.agent).collect::<Vec<_>>().into(),
        text(|call| call.external_id.as_deref()),
        text(|call| Some(&call.direction)),
        text(|call| call.from.as_deref()),
        text(|call| call.to.as_deref()),
        calls.iter().map(|new| clock::timestamp(new.start)).collect::<Vec<_>>().into(),
        calls.iter().map(|new| clock::timestamp(new.end)).collect::<Vec<_>>().into(),
        calls.iter().map(|new| new.duration_ms).collect::<Vec<_>>().into(),
        text(|call| Some(&call.status)),
        text(|call| call.end_reason.as_deref()),
        text(|call| call.recording_url.as_deref()),
        text(|call| call.language.as_deref()),
        text(|call| call.meta.as_deref()),
        costs.into(),
        text(|call| call.cost.as_ref().map(|cost| cost.currency.as_str())),
    ];
    let jobs = enqueue::Gathered::begin();
    Spi::connect_mut(|client| CALLS.with(|s| s.run(client, &values).map(drop)))?;
    user::as_voice_worker(|| jobs.write())
}

pub fn turn_ids(count: usize) -> Result<Vec<i64>, DbError> {
    Spi::connect_mut(|client| {
        let rows = TURN_IDS.with(|s| s.run(client, &[(count as i64).into()]))?;
        rows.map(|row| Ok(row.get::<i64>(1)?.unwrap_or_default())).collect()
    })
}

pub fn turns(tenant: &str, turns: &[NewTurn<'_>]) -> Result<(), DbError> {
    if turns.is_empty() {
        return Ok(());
    }
    let latency = |at: usize| turns.iter().map(|new| new.turn.latencies[at]).collect::<Vec<_>>().into();
    let values = [
        tenant.into(),
        turns.iter().map(|new| new.call).collect::<Vec<_>>().into(),
        turns.iter().map(|new| new.id).collect::<Vec<_>>().into(),
        turns.iter().map(|new| new.turn.role.as_str()).collect::<Vec<_>>().into(),
        turns.iter().map(|new| new.turn.text.as_str()).collect::<Vec<_>>().into(),
        turns.iter().map(|new| clock::timestamp(new.start)).collect::<Vec<_>>().into(),
        turns.iter().map(|new| new.end.and_then(clock::timestamp)).collect::<Vec<_>>().into(),
        turns.iter().map(|new| new.turn.audio_url.as_deref()).collect::<Vec<_>>().into(),
        turns.iter().map(|new| new.turn.interrupted).collect::<Vec<_>>().into(),
        latency(0),
        latency(1),
        latency(2),
        latency(3),
        turns.iter().map(|new| new.turn.speaker.as_deref()).collect::<Vec<_>>().into(),
    ];
    Spi::connect_mut(|client| TURNS.with(|s| s.run(client, &values).map(drop)))
}

pub fn tool_calls(tenant: &str, tool_calls: &[NewToolCall<'_>]) -> Result<(), DbError> {
    if tool_calls.is_empty() {
        return Ok(());
    }
    let text =
        |of: fn(&ToolCall) -> Option<&str>| tool_calls.iter().map(|new| of(new.tool_call)).collect::<Vec<_>>().into();
    let values = [
        tenant.into(),
        tool_calls.iter().map(|new| new.call).collect::<Vec<_>>().into(),
        tool_calls.iter().map(|new| new.turn_id).collect::<Vec<_>>().into(),
        text(|tool_call| Some(&tool_call.name)),
        text(|tool_call| tool_call.args.as_deref()),
        text(|tool_call| tool_call.result.as_deref()),
        text(|tool_call| tool_call.error_text.as_deref()),
        tool_calls.iter().map(|new| new.tool_call.latency_ms).collect::<Vec<_>>().into(),
        tool_calls.iter().map(|new| clock::timestamp(new.invoked)).collect::<Vec<_>>().into(),
    ];
    Spi::connect_mut(|client| TOOL_CALLS.with(|s| s.run(client, &values).map(drop)))
}
