//! `voice_import_call`: one whole finished call in a few statements, or nothing of it. In Rust because reading it with
//! SQL's JSON functions cost more than storing it (docs/decisions/0012). What a call may say: `core/src/import.rs`.

use crate::db::import::{self as store, Known};
use crate::db::rethrow;
use crate::declare_function;
use crate::host::error::raise;
use crate::host::{clock, function, lock};
use pgrx::prelude::*;
use pgrx::{IntoDatum, pg_sys};

use voice_core::import::{Import, ImportError, Time};

declare_function!(voice_import_call, pg_finfo_voice_import_call, function::FunctionCall, import_call);
declare_function!(voice_lock_arrival, pg_finfo_voice_lock_arrival, function::FunctionCall, lock_arrival);

const MS: f64 = 1000.0;

/// `voice_import_call(call)`.
fn import_call(sql: function::FunctionCall<'_>) -> pg_sys::Datum {
    let json = sql.json(0).unwrap_or_else(|| {
        refuse(&ImportError { path: "the call".into(), value: None, expected: "a JSON object".into() })
    });
    let call = Import::parse(&json).unwrap_or_else(|refused| refuse(&refused));
    let tenant = super::tenant::current();
    if let Some(external_id) = &call.external_id {
        match store::known(external_id, &tenant) {
            None => {}
            Some(known) if known.in_progress || (!known.has_turns && !call.turns.is_empty()) => {
                taken(external_id, &known)
            }
            Some(known) => return known.id.into_datum().unwrap_or_else(|| sql.null()),
        }
    }
    let agent = agent(&call, &tenant);

    // Without a start the call has just ended; without an end it ends with its duration, or its last word.
    let given = call.started_at.as_ref().map(unix_us);
    let over = call.ended_at.as_ref().map(unix_us);
    let last_word = || if given.is_some() && over.is_some() { None } else { call.last_word_ms() };
    let duration_us = (call.duration_ms.or_else(last_word).unwrap_or(0.0) * MS).round() as i64;
    let start = given.unwrap_or_else(|| over.unwrap_or_else(clock::transaction_start).saturating_sub(duration_us));
    let end = over.unwrap_or_else(|| start.saturating_add(duration_us));
    let id = super::uuid::random_id(start);
    let at = |said: &Option<Time>, ms: Option<f64>| match said {
        Some(time) => Some(unix_us(time)),
        None => ms.map(|ms| start.saturating_add((ms * MS).round() as i64)),
    };

    let duration_ms = call.duration_ms.or_else(last_word).map(|ms| ms.round() as i32);
    store::call(id, &tenant, &agent, &call, start, end, duration_ms).unwrap_or_else(|e| rethrow(e));
    // In spoken order, so that the sequence counts in it.
    let mut turns: Vec<_> = call
        .turns
        .iter()
        .map(|turn| (at(&turn.started_at, turn.start_ms).unwrap_or(start), at(&turn.ended_at, turn.end_ms), turn))
        .collect();
    turns.sort_by_key(|(began, ..)| *began);
    store::turns(id, &tenant, &turns).unwrap_or_else(|e| rethrow(e));
    let mut tool_calls: Vec<_> = call
        .tool_calls
        .iter()
        .map(|tool_call| (at(&tool_call.invoked_at, tool_call.offset_ms).unwrap_or(start), tool_call))
        .collect();
    tool_calls.sort_by_key(|(invoked, _)| *invoked);
    store::tool_calls(id, &tenant, &tool_calls).unwrap_or_else(|e| rethrow(e));
    id.into_datum().unwrap_or_else(|| sql.null())
}

/// Microseconds since 1970.
fn unix_us(time: &Time) -> i64 {
    match time {
        Time::Text(text) => clock::parse(text),
        Time::EpochMs(ms) => (ms * MS).round() as i64,
    }
}

/// `voice._lock_external_id(external_id)`: `voice_start_call` waits for imports of the same call, and they for it.
fn lock_arrival(sql: function::FunctionCall<'_>) -> pg_sys::Datum {
    if let Some(external_id) = sql.text(0) {
        lock::lock_external_id(&external_id, &super::tenant::current());
    }
    pg_sys::Datum::null()
}

/// The agent of an imported call: named by id, described by an object, or one a vertical. Made if it is not known yet.
fn agent(call: &Import, tenant: &str) -> String {
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

fn taken(external_id: &str, known: &Known) -> ! {
    let what = if known.in_progress { "is in progress" } else { "has no turns" };
    raise(
        PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION,
        "the call is here already, and was not imported",
        &format!("External id '{external_id}' is that of call {}, which {what}.", known.id),
        "Finish it with voice_add_turn() and voice_end_call(), or import under another id.",
    );
}

fn refuse(refused: &ImportError) -> ! {
    const MOST: usize = 200;
    let value = refused.value.as_ref().map_or("missing".to_owned(), |json| json.chars().take(MOST).collect());
    raise(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        &format!("the call cannot be imported: {} must be {}", refused.path, refused.expected),
        &format!("{} is {value}.", refused.path),
        "A call is {\"id\", \"duration_ms\" | \"started_at\" and \"ended_at\", \"agent\" | \"vertical\", \"status\", \"from\", \
         \"to\", \"turns\": [{\"role\", \"text\", \"start_ms\", \"end_ms\"}], \"tool_calls\": [{\"name\", \"args\", \"result\", \
         \"offset_ms\"}]}; of these only turns is required.",
    );
}
