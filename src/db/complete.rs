//! What is stored of a call that comes again, read as `voice_worker` for one tenant, and what a report adds to it, written
//! as whoever imports.

use super::cached_query::CachedQuery;
use crate::host::{clock, user};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::{IntoDatum, Uuid, pg_sys};
use voice_core::import::merge::{StoredToolCall, StoredTurn};
use voice_core::import::{Import, ToolCall, Turn};

thread_local! {
    static CALL: CachedQuery = CachedQuery::fresh_snapshot(
        include_str!("../../sql/queries/complete_call.sql"),
        &[UUIDOID, TEXTOID, TEXTOID, TEXTOID],
    );
    static TURNS: CachedQuery =
        CachedQuery::fresh_snapshot(include_str!("../../sql/queries/complete_turns.sql"), &[UUIDOID, TEXTOID]);
    static TOOL_CALLS: CachedQuery =
        CachedQuery::fresh_snapshot(include_str!("../../sql/queries/complete_tool_calls.sql"), &[UUIDOID, TEXTOID]);
    static EXTEND: CachedQuery = CachedQuery::fresh_snapshot(
        include_str!("../../sql/queries/extend_turns.sql"),
        &[
            UUIDOID, TEXTOID, INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, BOOLARRAYOID, INT4ARRAYOID, INT4ARRAYOID,
            INT4ARRAYOID, INT4ARRAYOID,
        ],
    );
    static FILL: CachedQuery = CachedQuery::fresh_snapshot(
        include_str!("../../sql/queries/fill_latencies.sql"),
        &[UUIDOID, TEXTOID, INT8ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID],
    );
    static ANSWER: CachedQuery = CachedQuery::fresh_snapshot(
        include_str!("../../sql/queries/answer_tool_calls.sql"),
        &[UUIDOID, TEXTOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID],
    );
    static UPDATE: CachedQuery = CachedQuery::fresh_snapshot(
        include_str!("../../sql/queries/update_call.sql"),
        &[
            UUIDOID, TEXTOID, TIMESTAMPTZOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
            TEXTOID, TEXTOID,
        ],
    );
}

/// The columns of a call, and whether the report has others.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCall {
    pub is_deleted: bool,
    /// Microseconds since 1970, as is `ended_us`.
    pub started_us: i64,
    pub ended_us: Option<i64>,
    pub duration_ms: Option<i32>,
    pub status: String,
    pub from: Option<String>,
    pub to: Option<String>,
    pub end_reason: Option<String>,
    pub recording_url: Option<String>,
    pub language: Option<String>,
    /// A number.
    pub cost: Option<String>,
    pub cost_currency: Option<String>,
    /// JSON.
    pub meta: Option<String>,
    /// With what the report adds; `None`: nothing.
    pub merged_meta: Option<String>,
    /// The report's cost is another one.
    pub costs_differ: bool,
}

/// All that is stored of a call.
pub struct Stored {
    pub call: StoredCall,
    pub turns: Vec<StoredTurn>,
    pub tool_calls: Vec<StoredToolCall>,
}

/// The call, which stays locked until the transaction ends; `None`: it is gone.
pub fn stored(id: Uuid, tenant: &str, report: &Import) -> Option<Stored> {
    user::as_voice_worker(|| {
        let cost = report.cost.as_ref().map(|cost| cost.amount.to_string());
        let arguments = [id.into_datum(), tenant.into_datum(), report.meta.clone().into_datum(), cost.into_datum()];
        let mut call = None;
        CALL.with(|question| {
            question.execute(&arguments, |row| {
                let text = |column| row.get::<String>(column);
                call = Some(StoredCall {
                    is_deleted: row.get(1).unwrap_or(false),
                    started_us: row.get(2).map(clock::unix_us).unwrap_or_default(),
                    ended_us: row.get(3).map(clock::unix_us),
                    duration_ms: row.get(4),
                    status: text(5).unwrap_or_default(),
                    from: text(6),
                    to: text(7),
                    end_reason: text(8),
                    recording_url: text(9),
                    language: text(10),
                    cost: text(11),
                    cost_currency: text(12),
                    meta: text(13),
                    merged_meta: text(14),
                    costs_differ: row.get(15).unwrap_or(false),
                });
            });
        });
        let of_call = [id.into_datum(), tenant.into_datum()];
        let (mut turns, mut tool_calls) = (Vec::new(), Vec::new());
        TURNS.with(|question| {
            question.execute(&of_call, |row| {
                turns.push(StoredTurn {
                    id: row.get(1).unwrap_or_default(),
                    role: row.get(2).unwrap_or_default(),
                    speaker: row.get(3),
                    words: row.get(4).unwrap_or_default(),
                    started_us: row.get(5).map(clock::unix_us).unwrap_or_default(),
                });
            });
        });
        TOOL_CALLS.with(|question| {
            question.execute(&of_call, |row| {
                tool_calls.push(StoredToolCall {
                    id: row.get(1).unwrap_or_default(),
                    name: row.get(2).unwrap_or_default(),
                    args: row.get(3).unwrap_or_default(),
                    answered: row.get(4).unwrap_or(false),
                });
            });
        });
        Some(Stored { call: call?, turns, tool_calls })
    })
}

/// Stored turns get the text of these, with the moment of their end.
pub fn extend_turns(id: Uuid, tenant: &str, turns: &[(i64, Option<i64>, &Turn)]) {
    let latency = |at: usize| turns.iter().map(|(.., turn)| turn.latencies[at]).collect::<Vec<_>>().into_datum();
    let arguments = [
        id.into_datum(),
        tenant.into_datum(),
        turns.iter().map(|(id, ..)| *id).collect::<Vec<_>>().into_datum(),
        turns.iter().map(|(.., turn)| turn.text.as_str()).collect::<Vec<_>>().into_datum(),
        turns.iter().map(|(_, over, _)| over.and_then(clock::timestamp)).collect::<Vec<_>>().into_datum(),
        turns.iter().map(|(.., turn)| turn.interrupted).collect::<Vec<_>>().into_datum(),
        latency(0),
        latency(1),
        latency(2),
        latency(3),
    ];
    run(&EXTEND, &arguments);
}

/// Stored turns get the latencies that they have none of. Gives how many did.
pub fn fill_latencies(id: Uuid, tenant: &str, turns: &[(i64, &Turn)]) -> usize {
    let latency = |at: usize| turns.iter().map(|(_, turn)| turn.latencies[at]).collect::<Vec<_>>().into_datum();
    let ids = turns.iter().map(|(id, _)| *id).collect::<Vec<_>>().into_datum();
    let arguments = [id.into_datum(), tenant.into_datum(), ids, latency(0), latency(1), latency(2), latency(3)];
    let mut filled = 0;
    FILL.with(|question| question.execute(&arguments, |_| filled += 1));
    filled
}

/// Stored tool calls get the results of these.
pub fn answer_tool_calls(id: Uuid, tenant: &str, tool_calls: &[(i64, &ToolCall)]) {
    let text = |of: fn(&ToolCall) -> Option<&str>| {
        tool_calls.iter().map(|(_, tool_call)| of(tool_call)).collect::<Vec<_>>().into_datum()
    };
    let arguments = [
        id.into_datum(),
        tenant.into_datum(),
        tool_calls.iter().map(|(id, _)| *id).collect::<Vec<_>>().into_datum(),
        text(|tool_call| tool_call.result.as_deref()),
        text(|tool_call| tool_call.error_text.as_deref()),
        tool_calls.iter().map(|(_, tool_call)| tool_call.latency_ms).collect::<Vec<_>>().into_datum(),
    ];
    run(&ANSWER, &arguments);
}

pub fn update_call(id: Uuid, tenant: &str, call: &StoredCall) {
    let text = |value: &Option<String>| value.clone().into_datum();
    let ended_at: Option<TimestampWithTimeZone> = call.ended_us.and_then(clock::timestamp);
    let arguments = [
        id.into_datum(),
        tenant.into_datum(),
        ended_at.into_datum(),
        call.duration_ms.into_datum(),
        call.status.as_str().into_datum(),
        text(&call.from),
        text(&call.to),
        text(&call.end_reason),
        text(&call.recording_url),
        text(&call.language),
        text(&call.cost),
        text(&call.cost_currency),
        text(&call.meta),
    ];
    run(&UPDATE, &arguments);
}

fn run(statement: &'static std::thread::LocalKey<CachedQuery>, arguments: &[Option<pg_sys::Datum>]) {
    statement.with(|statement| statement.execute(arguments, |_| {}));
}
