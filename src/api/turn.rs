//! The triggers on what is said and done in a call: its rules, and words that come after its end. In Rust for the
//! reason that `call.rs` gives. Declared in `sql/ingest/call_rules.sql`.

use crate::db::rethrow;
use crate::db::{correct, enqueue};
use crate::declare_function;
use crate::guc;
use crate::host::error::raise;
use crate::host::trigger::{self, Row};
use crate::host::{clock, commit_hooks, user};
use pgrx::pg_sys;
use pgrx::prelude::*;
use voice_core::time::is_infinite;
use voice_core::turn::{Confidence, Turn, TurnError};

declare_function!(voice_turn_written, pg_finfo_voice_turn_written, trigger::TriggerCall, turn_written);
declare_function!(voice_chunk_written, pg_finfo_voice_chunk_written, trigger::TriggerCall, chunk_written);
declare_function!(voice_tool_call_written, pg_finfo_voice_tool_call_written, trigger::TriggerCall, tool_call_written);

/// `voice._turn_written()`, AFTER: the rules of a turn; its call is looked at before the transaction commits.
fn turn_written(trigger: trigger::TriggerCall<'_>) -> pg_sys::Datum {
    let (new, old) = (trigger.new_row(), trigger.old_row());
    if let Some(new) = &new {
        check(new);
        let is_reversed = new.time("started_at").zip(new.time("ended_at")).is_some_and(|(start, end)| end < start);
        if let (true, Some(call_id), Some(id)) = (is_reversed, new.uuid("call_id"), new.long("id")) {
            user::as_voice_worker(|| correct::turn(call_id, id)).unwrap_or_else(|e| rethrow(e));
        }
    }
    // A turn that moves to another call changes the words of two.
    for row in [&new, &old].into_iter().flatten() {
        look_before_commit(trigger, row);
    }
    pg_sys::Datum::null()
}

/// `voice._chunk_written()`, AFTER: the rules of a chunk; a final one is taken into a turn that was closed without it.
/// Pieces that the recogniser may still change are nobody's words yet, and replace none that are.
fn chunk_written(trigger: trigger::TriggerCall<'_>) -> pg_sys::Datum {
    let Some(new) = trigger.new_row() else { return pg_sys::Datum::null() };
    let key = (new.uuid("call_id"), new.long("turn_id"), new.integer("seq"));
    let old = trigger.old_row();
    if let (Some(call_id), Some(turn_id), Some(seq)) = key {
        if let (Some(was), Some(false)) = (old.as_ref().and_then(is_final_chunk), new.boolean("is_final")) {
            user::as_voice_worker(|| correct::keep_final(call_id, turn_id, seq, &was)).unwrap_or_else(|e| rethrow(e));
            return pg_sys::Datum::null();
        }
        let is_reversed = new.integer("start_ms").zip(new.integer("end_ms")).is_some_and(|(start, end)| end < start);
        let confidence = new.real("confidence").map(f64::from).map_or(Confidence::IsOne, Confidence::of);
        if let Confidence::IsNone(given) = confidence {
            raise(
                PgSqlErrorCode::ERRCODE_CHECK_VIOLATION,
                "a confidence is a share",
                &format!("confidence is {given}."),
                "Write 0 to 1, or NULL for what was not measured; a percentage is to be divided by 100.",
            );
        }
        if is_reversed || matches!(confidence, Confidence::IsRounded) {
            user::as_voice_worker(|| correct::chunk(call_id, turn_id, seq)).unwrap_or_else(|e| rethrow(e));
        }
        if new.boolean("is_final") == Some(true) {
            let before = old.as_ref().and_then(|old| Some((old.text("text")?, old.boolean("is_final")?)));
            user::as_voice_worker(|| correct::take_in(call_id, turn_id, seq, before)).unwrap_or_else(|e| rethrow(e));
            look_before_commit(trigger, &new);
        }
    }
    pg_sys::Datum::null()
}

fn is_final_chunk<'a>(row: &'a Row<'_>) -> Option<correct::Final<'a>> {
    (row.boolean("is_final") == Some(true)).then_some(correct::Final {
        text: row.text("text")?,
        start_ms: row.integer("start_ms"),
        end_ms: row.integer("end_ms"),
        confidence: row.real("confidence"),
    })
}

/// `voice._tool_call_written()`, AFTER: the rules of a tool call, which is judged with the words of its call.
fn tool_call_written(trigger: trigger::TriggerCall<'_>) -> pg_sys::Datum {
    if let Some(new) = trigger.new_row() {
        look_before_commit(trigger, &new);
        if new.text("name") == Some("") {
            raise(
                PgSqlErrorCode::ERRCODE_CHECK_VIOLATION,
                "a tool call needs a name",
                "name is ''.",
                "Write the function's name as the model called it.",
            );
        } else if let Some(latency) = new.integer("latency_ms").filter(|ms| *ms < 0) {
            raise(
                PgSqlErrorCode::ERRCODE_CHECK_VIOLATION,
                "a latency cannot be negative",
                &format!("latency_ms is {latency}."),
                "Write milliseconds from 0 up, or NULL for what was not measured.",
            );
        } else if let Some(invoked_at) = new.time("invoked_at").filter(|time| is_infinite(*time)) {
            raise(
                PgSqlErrorCode::ERRCODE_CHECK_VIOLATION,
                "a tool call has a time that a clock can show",
                &format!("invoked_at is {}.", clock::shown(invoked_at)),
                "Leave invoked_at out: it is the moment of the statement.",
            );
        }
    }
    pg_sys::Datum::null()
}

/// Once a transaction and call, and as late as can be: all of its turns are written by then.
fn look_before_commit(trigger: trigger::TriggerCall<'_>, row: &Row<'_>) {
    if let (Some(call_id), Some(tenant)) = (row.uuid("call_id"), row.text("tenant_id")) {
        commit_hooks::on_pre_commit(call_id, trigger.leaf(), tenant, look);
    }
}

/// A call that ended before gets its job (back), one that goes on the job of its looks.
fn look(call_id: [u8; 16], leaf: pg_sys::Oid, tenant: &str) {
    let live_interval_ms = guc::LIVE_INTERVAL.get();
    if enqueue::enqueue_if_late_or_live(leaf, call_id, tenant, live_interval_ms).unwrap_or_else(|e| rethrow(e)) {
        commit_hooks::wake_at_commit();
    }
}

fn check(row: &Row<'_>) {
    const LATENCIES: [&str; 4] = ["transcription_ms", "llm_ttft_ms", "tts_ttfb_ms", "e2e_latency_ms"];
    const TIMES: [&str; 2] = ["started_at", "ended_at"];
    let Some(role) = row.text("role") else { return };
    let times = TIMES.map(|name| row.time(name));
    let turn = Turn { role, latencies: LATENCIES.map(|name| row.integer(name)), times };
    let Err(refusal) = turn.check() else { return };
    let (message, detail, hint) = match refusal {
        TurnError::UnknownRole => (
            "there is no such role",
            format!("role is '{role}'."),
            "The roles are user (the caller), assistant (the agent) and system.",
        ),
        TurnError::NegativeLatency => (
            "a latency cannot be negative",
            LATENCIES
                .iter()
                .zip(turn.latencies)
                .filter_map(|(name, ms)| ms.filter(|ms| *ms < 0).map(|ms| format!("{name} is {ms}.")))
                .collect::<Vec<_>>()
                .join(" "),
            "Write milliseconds from 0 up, or NULL for what was not measured.",
        ),
        TurnError::NoClockShowsIt => (
            "a turn has times that a clock can show",
            TIMES
                .iter()
                .zip(turn.times)
                .filter_map(|(name, time)| {
                    time.filter(|time| is_infinite(*time)).map(|time| format!("{name} is {}.", clock::shown(time)))
                })
                .collect::<Vec<_>>()
                .join(" "),
            "Leave an end that is not known NULL.",
        ),
    };
    raise(PgSqlErrorCode::ERRCODE_CHECK_VIOLATION, message, &detail, hint);
}
