//! What an export reads, as whoever asks: row-level security and privileges are theirs.

use super::cached_query::{CachedQuery, Row};
use crate::host::clock;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::{IntoDatum, Uuid};
use std::collections::HashMap;
use voice_core::import::{Agent, Cost, Import, Time, ToolCall, Turn};

thread_local! {
    static CALL: CachedQuery = CachedQuery::new(include_str!("../../sql/queries/export_call.sql"), &[UUIDOID]);
    static TURNS: CachedQuery = CachedQuery::new(include_str!("../../sql/queries/export_turns.sql"), &[UUIDOID]);
    static TOOL_CALLS: CachedQuery =
        CachedQuery::new(include_str!("../../sql/queries/export_tool_calls.sql"), &[UUIDOID]);
    static ANALYTICS: CachedQuery =
        CachedQuery::new(include_str!("../../sql/queries/export_analytics.sql"), &[UUIDOID]);
    static RESULTS: CachedQuery = CachedQuery::new(include_str!("../../sql/queries/export_results.sql"), &[UUIDOID]);
}

/// What was made of a call; `summary` and `all` are JSON.
pub struct Analytics {
    pub model: String,
    pub summary: String,
    pub all: String,
}

/// What an analysis that the tenant defined says of a call. `schema` names the analysis and its version, `body` is JSON.
pub struct AnalysisResult {
    pub model: String,
    pub schema: String,
    pub body: String,
}

/// The call as an import would say it; `None`: no such call.
pub fn call(id: Uuid) -> Option<Import> {
    let mut call = None;
    CALL.with(|question| question.execute(&[id.into_datum()], |row| call = Some(call_of(&row))));
    let mut call: Import = call?;
    let mut places = HashMap::new();
    TURNS.with(|question| {
        question.execute(&[id.into_datum()], |row| {
            if let Some(id) = row.get::<i64>(1) {
                places.insert(id, call.turns.len());
            }
            call.turns.push(turn_of(&row));
        });
    });
    TOOL_CALLS.with(|question| {
        question.execute(&[id.into_datum()], |row| {
            let turn = row.get::<i64>(1).and_then(|id| places.get(&id).copied());
            call.tool_calls.push(tool_call_of(&row, turn));
        });
    });
    Some(call)
}

pub fn analytics(id: Uuid) -> Option<Analytics> {
    let mut found = None;
    ANALYTICS.with(|question| {
        question.execute(&[id.into_datum()], |row| {
            found = Some(Analytics {
                model: row.get(1).unwrap_or_default(),
                summary: voice_core::import::quoted(&row.get::<String>(2).unwrap_or_default()),
                all: row.get(3).unwrap_or_default(),
            });
        });
    });
    found
}

/// By name of the analysis.
pub fn results(id: Uuid) -> Vec<AnalysisResult> {
    let mut found = Vec::new();
    RESULTS.with(|question| {
        question.execute(&[id.into_datum()], |row| {
            found.push(AnalysisResult {
                model: row.get(1).unwrap_or_default(),
                schema: row.get(2).unwrap_or_default(),
                body: row.get(3).unwrap_or_default(),
            });
        });
    });
    found
}

fn call_of(row: &Row) -> Import {
    let text = |column| row.get::<String>(column);
    Import {
        external_id: text(6),
        agent: Agent {
            id: text(1),
            name: text(2),
            vertical: text(3).unwrap_or_else(|| "general".to_owned()),
            prompt_hash: text(4),
            voice: text(5),
        },
        direction: text(7).unwrap_or_default(),
        status: text(8).unwrap_or_default(),
        from: text(9),
        to: text(10),
        end_reason: text(11),
        recording_url: text(12),
        language: text(13),
        started_at: time(row, 14),
        ended_at: time(row, 15),
        duration_ms: row.get::<i32>(16).map(f64::from),
        cost: row.get(17).zip(text(18)).map(|(amount, currency)| Cost { amount, currency }),
        meta: text(19),
        turns: Vec::new(),
        tool_calls: Vec::new(),
        scores: None,
        notes: Vec::new(),
    }
}

fn turn_of(row: &Row) -> Turn {
    let text = |column| row.get::<String>(column);
    Turn {
        role: text(2).unwrap_or_default(),
        speaker: text(3),
        text: text(4).unwrap_or_default(),
        start_ms: None,
        end_ms: None,
        started_at: time(row, 5),
        ended_at: time(row, 6),
        audio_url: text(7),
        interrupted: row.get(8).unwrap_or(false),
        latencies: [row.get(9), row.get(10), row.get(11), row.get(12)],
    }
}

fn tool_call_of(row: &Row, turn: Option<usize>) -> ToolCall {
    let text = |column| row.get::<String>(column);
    ToolCall {
        turn,
        name: text(2).unwrap_or_default(),
        args: text(3),
        result: text(4),
        error_text: text(5),
        latency_ms: row.get(6),
        offset_ms: None,
        invoked_at: time(row, 7),
    }
}

fn time(row: &Row, column: i32) -> Option<Time> {
    row.get::<i64>(column).map(|at| Time::EpochMs(clock::unix_us(at) as f64 / 1000.0))
}
