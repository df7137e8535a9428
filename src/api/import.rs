//! What an import stores: one whole finished call in a few statements, or nothing of it. In Rust because reading it with
//! SQL's JSON functions cost more than storing it (docs/decisions/0012). What a call may say: `core/src/import.rs`.

use crate::db::import::{self as store, Known};
use crate::db::{arrival, rethrow};
use crate::declare_function;
use crate::host::error::raise;
use crate::host::{clock, function};
use pgrx::pg_sys;
use pgrx::prelude::*;

use std::collections::HashMap;
use voice_core::import::{Import, ImportError, Time, ToolCall, Turn};

declare_function!(voice_lock_arrival, pg_finfo_voice_lock_arrival, function::FunctionCall, lock_arrival);

const MS: f64 = 1000.0;

/// Stores a call that is not there yet.
pub(super) fn new_call(call: &Import, tenant: &str) -> pgrx::Uuid {
    let agent = agent(call, tenant);
    let (id, start, end, duration_ms) = placed(call);
    store::call(id, tenant, &agent, call, start, end, duration_ms).unwrap_or_else(|e| rethrow(e));
    let turn_ids = add_turns(id, tenant, start, call.turns.iter().enumerate());
    add_tool_calls(id, tenant, start, call.tool_calls.iter(), |turn| turn_ids.get(&turn).copied());
    id
}

/// An id for a call; its start and its end, in microseconds since 1970; its duration.
pub(super) fn placed(call: &Import) -> (pgrx::Uuid, i64, i64, Option<i32>) {
    // Without a start the call has just ended; without an end it ends with its duration, or its last word.
    let given = call.started_at.as_ref().map(unix_us);
    let over = call.ended_at.as_ref().map(unix_us);
    let last_word = || if given.is_some() && over.is_some() { None } else { call.last_word_ms() };
    let duration_us = (call.duration_ms.or_else(last_word).unwrap_or(0.0) * MS).round() as i64;
    let start = given.unwrap_or_else(|| over.unwrap_or_else(clock::transaction_start).saturating_sub(duration_us));
    let end = over.unwrap_or_else(|| start.saturating_add(duration_us));
    let duration_ms = call.duration_ms.or_else(last_word).map(|ms| ms.round() as i32);
    (super::uuid::random_id(start), start, end, duration_ms)
}

/// Turns and their places in the report; gives the ids by place.
pub(super) fn add_turns<'a>(
    id: pgrx::Uuid,
    tenant: &str,
    start: i64,
    turns: impl Iterator<Item = (usize, &'a Turn)>,
) -> HashMap<usize, i64> {
    // In spoken order, so that the sequence counts in it.
    let mut turns: Vec<_> = turns
        .map(|(place, turn)| {
            let began = moment(start, &turn.started_at, turn.start_ms).unwrap_or(start);
            (place, (began, moment(start, &turn.ended_at, turn.end_ms), turn))
        })
        .collect();
    turns.sort_by_key(|(_, (began, ..))| *began);
    let (places, turns): (Vec<_>, Vec<_>) = turns.into_iter().unzip();
    let ids = store::turns(id, tenant, &turns).unwrap_or_else(|e| rethrow(e));
    places.into_iter().zip(ids).collect()
}

/// Tool calls; `turn_id` gives the id of the turn at a place.
pub(super) fn add_tool_calls<'a>(
    id: pgrx::Uuid,
    tenant: &str,
    start: i64,
    tool_calls: impl Iterator<Item = &'a ToolCall>,
    turn_id: impl Fn(usize) -> Option<i64>,
) {
    let mut tool_calls: Vec<_> = tool_calls
        .map(|tool_call| {
            let invoked = moment(start, &tool_call.invoked_at, tool_call.offset_ms).unwrap_or(start);
            (invoked, tool_call.turn.and_then(&turn_id), tool_call)
        })
        .collect();
    tool_calls.sort_by_key(|(invoked, ..)| *invoked);
    store::tool_calls(id, tenant, &tool_calls).unwrap_or_else(|e| rethrow(e));
}

/// Microseconds since 1970 of a moment of a call that began at `start`.
pub(super) fn moment(start: i64, said: &Option<Time>, ms: Option<f64>) -> Option<i64> {
    match said {
        Some(time) => Some(unix_us(time)),
        None => ms.map(|ms| start.saturating_add((ms * MS).round() as i64)),
    }
}

/// Microseconds since 1970.
pub(super) fn unix_us(time: &Time) -> i64 {
    match time {
        Time::Text(text) => clock::parse(text),
        Time::EpochMs(ms) => (ms * MS).round() as i64,
    }
}

/// `voice._lock_external_id(external_id)`: `voice_start_call` waits for imports of the same call, and they for it.
fn lock_arrival(sql: function::FunctionCall<'_>) -> pg_sys::Datum {
    if let Some(external_id) = sql.text(0) {
        arrival::lock(&[external_id.as_str()], &super::tenant::current());
    }
    pg_sys::Datum::null()
}

/// The agent of an imported call: named by id, described by an object, or one a vertical. Made if it is not known yet.
pub(super) fn agent(call: &Import, tenant: &str) -> String {
    let described = &call.agent;
    // Agent ids are unique in the database: another tenant's agent of the same vertical gets an id of its own.
    let of_vertical = || match tenant {
        "" => described.vertical.clone(),
        tenant => format!("{tenant}/{}", described.vertical),
    };
    let id = described.id.clone().unwrap_or_else(of_vertical);
    if !store::agent(&id, tenant, described).unwrap_or_else(|e| rethrow(e)) {
        raise(
            PgSqlErrorCode::ERRCODE_FOREIGN_KEY_VIOLATION,
            "there is no such agent",
            &format!("The id '{id}' is taken, and not by an agent of tenant \"{tenant}\"."),
            "Give the agent another id: they are unique in the database.",
        );
    }
    id
}

pub(super) fn in_progress(external_id: &str, known: &Known) -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION,
        "the call is here already, and was not imported",
        &format!("External id '{external_id}' is that of call {}, which is in progress.", known.id),
        "Finish it with voice_add_turn() and voice_end_call(), or import under another id.",
    );
}

pub(super) fn refuse_with(refused: &ImportError, hint: &str) -> ! {
    const MOST: usize = 200;
    let value = refused.value.as_ref().map_or("missing".to_owned(), |json| json.chars().take(MOST).collect());
    raise(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        &format!("the call cannot be imported: {} must be {}", refused.path, refused.expected),
        &format!("{} is {value}.", refused.path),
        hint,
    );
}
