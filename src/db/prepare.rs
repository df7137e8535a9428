//! Reads the calls that claimed analyses are of.

use super::DbError;
use super::claim::{Claimed, PreparedJobs};
use super::partition::{PartitionScope, PartitionStatement};
use pgrx::Uuid;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::spi::{SpiClient, SpiHeapTupleData};
use std::collections::HashMap;
use voice_core::transcript::{Line, Role, ToolCall, Turn};

/// A call as it is stored now.
#[derive(Debug)]
pub struct PreparedCall {
    pub in_progress: bool,
    pub deleted: bool,
    pub agent: String,
    pub vertical: String,
    /// Unix milliseconds of the hang-up.
    pub ended_ms: Option<i64>,
    /// Turns and tool calls, in the order in which they happened.
    pub lines: Vec<Line>,
    /// Hash of `lines`; empty where there are no turns.
    pub hash: Vec<u8>,
    /// The stored analysis, if there is one.
    pub known: Option<Known>,
    /// The stored results of analyses that the tenant has defined, where it has.
    pub results: Vec<KnownResult>,
}

/// A stored result.
#[derive(Debug)]
pub struct KnownResult {
    pub analysis: String,
    pub version: i32,
    /// Hash of the words that it is of.
    pub hash: Vec<u8>,
}

/// What the stored analysis was made of.
#[derive(Debug)]
pub struct Known {
    pub hash: Vec<u8>,
    pub prompt_version: String,
    pub model: String,
}

/// Pairs each claimed job with its call; `None` where the call is gone. `defines`: whether a tenant has defined analyses.
///
/// # Errors
/// A statement failed; so must its transaction.
pub fn prepare(
    client: &mut SpiClient<'_>,
    claimed: Vec<Claimed>,
    defines: impl Fn(&str) -> bool,
) -> Result<PreparedJobs<PreparedCall>, DbError> {
    thread_local! {
        static PREPARE: PartitionStatement = const {
            PartitionStatement::new(include_str!("../../sql/queries/prepare.sql"), &[UUIDARRAYOID, UUIDOID, UUIDOID])
        };
    }
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = claimed.iter().map(|c| c.call_id).collect();
    let scope = PartitionScope::of(&ids);
    let mut calls = Vec::with_capacity(claimed.len());
    let arguments = [ids.into(), scope.bounds.0.into(), scope.bounds.1.into()];
    for row in PREPARE.with(|s| s.run(client, &scope, &arguments))? {
        if row.get::<bool>(2)? != Some(true) {
            calls.push(None);
            continue;
        }
        let tool_calls = tool_calls(&row)?;
        let lines = in_order(turns(&row)?, tool_calls);
        calls.push(Some(PreparedCall {
            in_progress: row.get::<String>(3)?.as_deref() == Some("in_progress"),
            deleted: row.get(7)?.unwrap_or(false),
            agent: row.get(4)?.unwrap_or_default(),
            vertical: row.get(5)?.unwrap_or_default(),
            ended_ms: row.get(6)?,
            lines,
            hash: row.get(13)?.unwrap_or_default(),
            known: match (row.get::<Vec<u8>>(8)?, row.get::<String>(9)?, row.get::<String>(10)?) {
                // voice_reanalyze() removes the hash: the analysis is then made again.
                (Some(hash), Some(prompt_version), Some(model)) => Some(Known { hash, prompt_version, model }),
                _ => None,
            },
            results: Vec::new(),
        }));
    }
    let mut prepared: PreparedJobs<PreparedCall> = claimed.into_iter().zip(calls).collect();
    let asked: Vec<Uuid> =
        prepared.iter().filter(|(job, _)| defines(&job.tenant)).map(|(job, _)| job.call_id).collect();
    if !asked.is_empty() {
        let mut known = results(client, asked, scope.bounds)?;
        for (job, call) in &mut prepared {
            if let Some(call) = call {
                call.results = known.remove(&job.call_id).unwrap_or_default();
            }
        }
    }
    Ok(prepared)
}

fn results(
    client: &mut SpiClient<'_>,
    calls: Vec<Uuid>,
    bounds: (Uuid, Uuid),
) -> Result<HashMap<Uuid, Vec<KnownResult>>, DbError> {
    let mut known: HashMap<Uuid, Vec<KnownResult>> = HashMap::new();
    let sql = include_str!("../../sql/queries/prepare_results.sql");
    for row in client.select(sql, None, &[calls.into(), bounds.0.into(), bounds.1.into()])? {
        if let (Some(call), Some(analysis), Some(version), Some(hash)) =
            (row.get::<Uuid>(1)?, row.get(2)?, row.get(3)?, row.get(4)?)
        {
            known.entry(call).or_default().push(KnownResult { analysis, version, hash });
        }
    }
    Ok(known)
}

fn turns(row: &SpiHeapTupleData<'_>) -> Result<Vec<Turn>, DbError> {
    let roles: Vec<Option<String>> = row.get(11)?.unwrap_or_default();
    let texts: Vec<Option<String>> = row.get(12)?.unwrap_or_default();
    let mut speakers = row.get::<Vec<Option<String>>>(14)?.unwrap_or_default().into_iter();
    let turns = roles.iter().zip(texts).map(|(role, text)| Turn {
        role: match role.as_deref() {
            Some("user") => Role::User,
            Some("system") => Role::System,
            _ => Role::Assistant,
        },
        speaker: speakers.next().flatten(),
        text: text.unwrap_or_default(),
    });
    Ok(turns.collect())
}

/// The tool calls of a row, each with the number of turns before it.
fn tool_calls(row: &SpiHeapTupleData<'_>) -> Result<Vec<(usize, ToolCall)>, DbError> {
    let Some(turns_before) = row.get::<Vec<Option<i32>>>(15)? else { return Ok(Vec::new()) };
    let texts = |column| row.get::<Vec<Option<String>>>(column).map(|texts| texts.unwrap_or_default().into_iter());
    let (mut names, mut args, mut results, mut errors) = (texts(16)?, texts(17)?, texts(18)?, texts(19)?);
    let mut latencies = row.get::<Vec<Option<i32>>>(20)?.unwrap_or_default().into_iter();
    let calls = turns_before.into_iter().map(|before| {
        let call = ToolCall {
            name: names.next().flatten().unwrap_or_default(),
            args: args.next().flatten().unwrap_or_default(),
            result: results.next().flatten(),
            error: errors.next().flatten(),
            latency_ms: latencies.next().flatten(),
        };
        (before.map_or(0, |n| n.max(0) as usize), call)
    });
    Ok(calls.collect())
}

fn in_order(turns: Vec<Turn>, tool_calls: Vec<(usize, ToolCall)>) -> Vec<Line> {
    let mut lines = Vec::with_capacity(turns.len() + tool_calls.len());
    let mut tool_calls = tool_calls.into_iter().peekable();
    for (at, turn) in turns.into_iter().enumerate() {
        while let Some((_, call)) = tool_calls.next_if(|(before, _)| *before <= at) {
            lines.push(Line::Tool(call));
        }
        lines.push(Line::Turn(turn));
    }
    lines.extend(tool_calls.map(|(_, call)| Line::Tool(call)));
    lines
}
