//! The same call again: a later and fuller report completes what is stored. What is compared and what is kept:
//! core/src/import/merge.rs. Only the comparison runs as `voice_worker`; what it finds is written as whoever imports.

use super::import::{add_tool_calls, add_turns, moment, unix_us};
use crate::db::complete::{self as store, StoredCall};
use crate::db::{enqueue, rethrow};
use crate::host::{commit_hooks, error, user};
use pgrx::Uuid;
use voice_core::import::Import;
use voice_core::import::merge::Merge;

/// Adds to a stored call what the report has more, and tells it. A call that is deleted takes in nothing.
pub fn complete(id: Uuid, tenant: &str, report: &Import) {
    let Some(stored) = store::stored(id, tenant, report) else { return };
    if stored.call.is_deleted {
        return error::notice(&format!(
            "call {id} is deleted and takes in nothing; voice_restore_call() brings it back"
        ));
    }
    let start = report.started_at.as_ref().map_or(stored.call.started_us, unix_us);
    let mut spoken: Vec<_> = report.turns.iter().enumerate().collect();
    spoken.sort_by_key(|(_, turn)| moment(start, &turn.started_at, turn.start_ms).unwrap_or(start));
    let incoming: Vec<_> =
        spoken.iter().map(|(_, turn)| (moment(start, &turn.started_at, turn.start_ms), *turn)).collect();
    let tools: Vec<_> = report.tool_calls.iter().collect();
    let merge = Merge::of(&stored.turns, &incoming, &stored.tool_calls, &tools);

    let extended: Vec<_> = merge
        .extended
        .iter()
        .map(|(id, at)| (*id, moment(start, &incoming[*at].1.ended_at, incoming[*at].1.end_ms), incoming[*at].1))
        .collect();
    if !extended.is_empty() {
        store::extend_turns(id, tenant, &extended);
    }
    let measured: Vec<_> = merge
        .turns
        .iter()
        .zip(&incoming)
        .filter_map(|(known, (_, turn))| known.map(|id| (id, *turn)))
        .filter(|(_, turn)| turn.latencies.iter().any(Option::is_some))
        .collect();
    let filled = if measured.is_empty() { 0 } else { store::fill_latencies(id, tenant, &measured) };
    let is_new = |at: &usize| merge.turns[*at].is_none();
    let mut turn_ids = add_turns(id, tenant, start, (0..spoken.len()).filter(is_new).map(|at| spoken[at]));
    let known = spoken.iter().zip(&merge.turns).filter_map(|((place, _), id)| id.map(|id| (*place, id)));
    turn_ids.extend(known);
    let new_tools = tools.iter().zip(&merge.tool_calls).filter(|(_, known)| known.is_none()).map(|(tool, _)| *tool);
    add_tool_calls(id, tenant, start, new_tools, |turn| turn_ids.get(&turn).copied());
    let answered: Vec<_> = merge.answered.iter().map(|(id, at)| (*id, tools[*at])).collect();
    if !answered.is_empty() {
        store::answer_tool_calls(id, tenant, &answered);
    }
    let (completed, columns) = completed(&stored.call, report);
    if !columns.is_empty() {
        store::update_call(id, tenant, &completed);
    }

    let words = merge.new_turns() + merge.extended.len();
    if words > 0 {
        user::as_voice_worker(|| enqueue::enqueue_again(id, tenant)).unwrap_or_else(|e| rethrow(e));
        commit_hooks::wake_at_commit();
    }
    let counts = [
        (merge.new_turns(), "turns added"),
        (merge.extended.len(), "turns extended"),
        (filled, "turns measured"),
        (merge.new_tool_calls(), "tool calls added"),
        (merge.answered.len(), "tool calls answered"),
    ];
    let mut changes: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    changes.extend(columns.into_iter().map(str::to_owned));
    if !changes.is_empty() {
        error::notice(&format!("call {id} was here already and is completed: {}", changes.join(", ")));
    }
}

/// The call with what the report says, and the columns that changed.
fn completed(stored: &StoredCall, report: &Import) -> (StoredCall, Vec<&'static str>) {
    let mut call = stored.clone();
    let mut changed = Vec::new();
    // What the provider says of the call later is over what it said before.
    let mut over = |name, column: &mut Option<String>, said: &Option<String>| {
        if said.is_some() && said != column {
            column.clone_from(said);
            changed.push(name);
        }
    };
    over("recording_url", &mut call.recording_url, &report.recording_url);
    over("end_reason", &mut call.end_reason, &report.end_reason);
    over("language", &mut call.language, &report.language);
    let mut fill = |name, column: &mut Option<String>, said: &Option<String>| {
        if column.is_none() {
            over(name, column, said);
        }
    };
    fill("from_number", &mut call.from, &report.from);
    fill("to_number", &mut call.to, &report.to);
    if let Some(cost) = &report.cost
        && (stored.costs_differ || stored.cost_currency.as_ref() != Some(&cost.currency))
    {
        call.cost = Some(cost.amount.to_string());
        call.cost_currency = Some(cost.currency.clone());
        changed.push("cost");
    }
    if call.status == "completed" && report.status != "completed" {
        call.status.clone_from(&report.status);
        changed.push("status");
    }
    if let Some(end) = report.ended_at.as_ref().map(unix_us)
        && stored.ended_us.is_none_or(|ended| ended < end)
    {
        call.ended_us = Some(end);
        let between = (end - stored.started_us) / 1000;
        call.duration_ms = report.duration_ms.map(|ms| ms.round() as i32).or(i32::try_from(between).ok());
        changed.push("ended_at");
    }
    if let Some(meta) = &stored.merged_meta {
        call.meta = Some(meta.clone());
        changed.push("meta");
    }
    (call, changed)
}
