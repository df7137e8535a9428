//! The triggers on `voice.call`. In Rust, and without conditions of their own: Postgres parses a CHECK or a WHEN anew at
//! every statement, which was a third of the cost of writing a call (docs/decisions/0005). Declared in
//! `sql/ingest/call_rules.sql`.

use crate::db::enqueue;
use crate::db::rethrow;
use crate::declare_function;
use crate::guc;
use crate::host::error::{raise, warn};
use crate::host::trigger::{self, Row};
use crate::host::{clock, commit_hooks, user};
use pgrx::prelude::*;
use pgrx::{IntoDatum, pg_sys};
use std::cell::Cell;
use voice_core::call::{Call, CallError, IN_PROGRESS};

declare_function!(voice_complete_call, pg_finfo_voice_complete_call, trigger::TriggerCall, complete);
declare_function!(voice_call_written, pg_finfo_voice_call_written, trigger::TriggerCall, written);

/// `voice._complete_call()`, BEFORE: fills in what the end of a call leaves open.
fn complete(trigger: trigger::TriggerCall<'_>) -> pg_sys::Datum {
    let (Some(new_row), old_row) = (trigger.new_row(), trigger.old_row()) else { return trigger.unchanged() };
    // What must not be NULL and is, the table refuses by itself.
    let Some(new) = read(&new_row) else { return trigger.stored_with(&new_row, []) };
    let old = old_row.as_ref().and_then(read);
    if old.is_none() {
        warn_of_distance(&new);
    }
    match new.completed(old.as_ref(), clock::now) {
        Ok(same) if same == new => trigger.stored_with(&new_row, []),
        Ok(completed) => trigger.stored_with(
            &new_row,
            [
                ("status", pg_sys::TEXTOID, completed.status.into_datum()),
                ("ended_at", pg_sys::TIMESTAMPTZOID, completed.ended_at.and_then(clock::time_datum)),
                ("duration_ms", pg_sys::INT4OID, completed.duration_ms.into_datum()),
            ],
        ),
        Err(refusal) => refuse(refusal, &new, old.as_ref()),
    }
}

/// `voice._call_written()`, AFTER: holds the row to the rules as it stands, whatever the triggers of others made of it;
/// a call that has ended in this transaction gets its job in it.
fn written(trigger: trigger::TriggerCall<'_>) -> pg_sys::Datum {
    let (Some(new_row), old_row) = (trigger.new_row(), trigger.old_row()) else { return pg_sys::Datum::null() };
    if let Some(new) = read(&new_row) {
        let old = old_row.as_ref().and_then(read);
        if let Err(refusal) = new.check() {
            refuse(refusal, &new, old.as_ref());
        }
        let deleted = |row: &Row<'_>| row.time("deleted_at").is_some();
        // A call that is no longer deleted comes back.
        let is_new = match (&old, &old_row) {
            (Some(old), Some(row)) => !deleted(&new_row) && (old.status == IN_PROGRESS || deleted(row)),
            _ => true,
        };
        if new.status != IN_PROGRESS && is_new {
            let id = pgrx::Uuid::from_bytes(new.id);
            let enqueue = || enqueue::enqueue(id, new.tenant, guc::ANALYZE_DELAY.get());
            user::as_voice_worker(enqueue).unwrap_or_else(|e| rethrow(e));
            commit_hooks::call_is_enqueued(new.id);
            commit_hooks::wake_at_commit();
        }
    }
    pg_sys::Datum::null()
}

thread_local! {
    /// The statement that was told last.
    static WARNED: Cell<i64> = const { Cell::new(0) };
}

/// Once a statement: a client that sends local times as UTC (or UTC as local) does it with all its calls.
fn warn_of_distance(new: &Call<'_>) {
    let Some(us) = new.noticed_distance() else { return };
    if WARNED.replace(clock::statement_start()) == clock::statement_start() {
        return;
    }
    let minutes = (us.abs() + 30_000_000) / 60_000_000;
    warn(
        "the start of a call is not the time in its id",
        &format!(
            "Call {} starts at {}, {} h {} min {} the time in its id.",
            pgrx::Uuid::from_bytes(new.id),
            clock::shown(new.started_at),
            minutes / 60,
            minutes % 60,
            if us > 0 { "after" } else { "before" },
        ),
        "Some clients send times without their zone: let their sessions run in UTC (docs/orm.md). For a call that began \
         earlier, set id = voice_uuidv7(started_at).",
    );
}

fn read<'row>(row: &'row Row<'_>) -> Option<Call<'row>> {
    Some(Call {
        id: row.uuid("id")?,
        tenant: row.text("tenant_id")?,
        status: row.text("status")?,
        direction: row.text("direction")?,
        started_at: row.time("started_at")?,
        ended_at: row.time("ended_at"),
        duration_ms: row.integer("duration_ms"),
    })
}

fn refuse(refusal: CallError, new: &Call<'_>, old: Option<&Call<'_>>) -> ! {
    // Not restrict_violation (23001): ORMs call that one a foreign key.
    use PgSqlErrorCode::ERRCODE_CHECK_VIOLATION as CHECK;
    let id = |call: &Call<'_>| pgrx::Uuid::from_bytes(call.id).to_string();
    let end = |call: &Call<'_>| call.ended_at.map_or("NULL".to_owned(), clock::shown);
    let before = old.unwrap_or(new);
    let start = clock::shown(new.started_at);
    match refusal {
        CallError::Moved => raise(
            CHECK,
            "a call keeps its id and its tenant",
            &format!(
                "Call {} of tenant \"{}\" was to become {} of tenant \"{}\".",
                id(before),
                before.tenant,
                id(new),
                new.tenant
            ),
            "Insert another call and delete this one.",
        ),
        CallError::Restarted => raise(
            CHECK,
            "a call that has ended does not start again",
            &format!("Call {} is {} since {}.", id(before), before.status, end(before)),
            "Start a new call; external_id or meta can say that it continues this one.",
        ),
        CallError::UnknownStatus => raise(
            CHECK,
            "there is no such status",
            &format!("status is '{}'.", new.status),
            "A call is in_progress, then completed, failed or transferred.",
        ),
        CallError::UnknownDirection => raise(
            CHECK,
            "there is no such direction",
            &format!("direction is '{}'.", new.direction),
            "A call is inbound (the caller rang) or outbound (the agent did).",
        ),
        CallError::NoTime => raise(
            CHECK,
            "the id of a call must carry its start",
            &format!("{} is not a UUIDv7.", id(new)),
            "Leave id out, or set id = voice_uuidv7(started_at).",
        ),
        CallError::FarFromStart => raise(
            CHECK,
            "the id of a call must carry its start",
            &format!(
                "Id {} is of {}, more than 24 hours from started_at, {start}.",
                id(new),
                clock::shown(voice_core::uuid7::unix_ms(&new.id) * 1000)
            ),
            match old {
                None => "set id = voice_uuidv7(started_at)",
                Some(_) => "A call keeps its id, and with it its day: insert another call and delete this one.",
            },
        ),
        CallError::NegativeDuration => raise(
            CHECK,
            "a call cannot last less than no time",
            &format!("duration_ms is {}.", new.duration_ms.unwrap_or_default()),
            "Leave duration_ms NULL: it is computed from started_at and ended_at.",
        ),
        CallError::NoClockShowsTheEnd => raise(
            CHECK,
            "a call has an end that a clock can show",
            &format!("ended_at is {}.", end(new)),
            "Leave ended_at NULL: it becomes the moment of the end.",
        ),
        CallError::EndsBeforeItStarts => raise(
            CHECK,
            "a call cannot end before it starts",
            &format!("started_at is {start}, ended_at {}.", end(new)),
            "Set both from the same clock, or leave ended_at NULL: it becomes the moment of the end.",
        ),
        CallError::HalfEnded => raise(
            CHECK,
            "a call is in progress or it has an end",
            &format!("status is '{}', ended_at {}.", new.status, end(new)),
            "Set both, or neither; a BEFORE trigger of yours may have changed one of them.",
        ),
    }
}
