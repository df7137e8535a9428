//! Retell: the webhooks `call_ended` and `call_analyzed`, or the call alone as its API returns it.
//! Sources: retell-sdk 6.2.13; docs.retellai.com/features/webhook-overview.

use super::draft::{Draft, DraftResult, DraftTurn, When, in_progress, name_of};
use super::fields::{Fields, Item, error, parsed};
use super::options::Speaker;
use super::time::Unit;
use super::{Cost, ImportError};

pub fn parse(payload: &Item<'_>) -> Result<Draft, ImportError> {
    let mut root = Fields::of(payload)?;
    if let Some(event) = root.take_any(&["event", "event_type"]) {
        match event.text()?.as_str() {
            "call_ended" | "call_analyzed" => {}
            other => return Err(in_progress(&event.path, other)),
        }
    }
    let mut call = if root.has("call") { root.object("call")?.unwrap_or(root) } else { root };
    let mut draft = Draft { id: call.id("call_id")?, ..Draft::default() };
    if draft.id.is_none() {
        return Err(call.error("call_id", "the id of a call"));
    }
    if !["call_status", "transcript_object", "transcript_with_tool_calls"].into_iter().any(|key| call.has(key)) {
        return Err(call.error("call_status", "the status of a call"));
    }
    draft.agent_id = call.id("agent_id")?;
    draft.agent_name = call.text("agent_name")?;
    draft.direction = match call.text("direction")?.as_deref() {
        Some("outbound") => Some("outbound"),
        Some("inbound") => Some("inbound"),
        _ => None,
    };
    (draft.from, draft.to) = (call.text("from_number")?, call.text("to_number")?);
    draft.started_at(&mut call, "start_timestamp", Unit::EpochMilliseconds)?;
    draft.ended_at(&mut call, "end_timestamp", Unit::EpochMilliseconds)?;
    draft.duration_ms = call.duration("duration_ms", Unit::Milliseconds)?;
    draft.recording_url = call.text("recording_url")?;
    draft.end_reason = call.text("disconnection_reason")?;
    draft.status = Some(status(&mut call, draft.end_reason.as_deref())?);
    if let Some(cost) = call.item("call_cost").filter(Item::is_object)
        && let Some(cents) = Fields::of(&cost)?.number("combined_cost")?
    {
        draft.cost = Some(Cost { amount: (cents * 1e6).round() / 1e8, currency: "USD".into() });
    }

    let spoken = call.take("transcript_with_tool_calls");
    let spoken = spoken.or(call.take("transcript_object")).map(|item| item.elements()).transpose()?;
    if spoken.is_none()
        && let Some(text) = call.text("transcript")?
    {
        return Err(error(
            &call.path_of("transcript_object"),
            None,
            &format!("the transcript in pieces: \"transcript\" alone ({} characters) names no roles", text.len()),
        ));
    }
    // Copies of what is taken.
    call.drop(&["transcript", "transcript_object", "scrubbed_transcript_with_tool_calls"]);
    for item in spoken.unwrap_or_default() {
        utterance(&mut draft, &item)?;
    }
    call.into_json(&mut draft.meta);
    Ok(draft)
}

fn status(call: &mut Fields<'_>, reason: Option<&str>) -> Result<&'static str, ImportError> {
    let path = call.path_of("call_status");
    Ok(match (call.text("call_status")?.as_deref(), reason.unwrap_or_default()) {
        (Some(state @ ("registered" | "ongoing")), _) => return Err(in_progress(&path, state)),
        (Some("error" | "not_connected"), _) => "failed",
        (_, "call_transfer" | "transfer_bridged" | "call_take_over") => "transferred",
        (_, reason) if reason.starts_with("error_") || reason.starts_with("dial_") => "failed",
        _ => "completed",
    })
}

fn utterance(draft: &mut Draft, item: &Item<'_>) -> Result<(), ImportError> {
    let mut said = Fields::of(item)?;
    let role = said.required("role", "a role")?;
    let at = said.item("time_sec");
    let at = at.map(|at| Unit::Seconds.offset(at.number()?).map_err(|expected| at.error(&expected))).transpose()?;
    let who = match role.text()?.as_str() {
        "agent" => Speaker::ASSISTANT,
        "user" => Speaker::USER,
        // Whoever the call was transferred to: a person.
        "transfer_target" => Speaker::HUMAN,
        "tool_call_invocation" => {
            let id = said.id("tool_call_id")?;
            let args = said.take("arguments").map(|args| parsed(&args)).transpose()?.flatten();
            let name = name_of(&mut said, "name")?;
            said.drop(&["time_sec"]);
            draft.tool(&item.path, id, name, args, When::offset(at));
            if let (Some(tool), Some(_)) = (draft.tools.last_mut(), said.first_left()) {
                said.into_json(&mut tool.left);
            }
            return Ok(());
        }
        "tool_call_result" => {
            let id = said.id("tool_call_id")?;
            // `true` says that the tool was reached; missing: not known.
            let failed = said.peek("successful") == Some("false");
            let mut result = DraftResult::new(id, said.take("content").as_ref(), failed)?;
            result.at = When::offset(at);
            said.into_json(&mut result.left);
            draft.results.push(result);
            return Ok(());
        }
        // node_transition, dtmf, sms, injected and what comes to be: nobody spoke.
        kind => {
            draft.event(kind, said);
            return Ok(());
        }
    };
    let text = said.take("content").map(|content| content.text()).transpose()?.unwrap_or_default();
    let mut turn = DraftTurn::new(item, who, text);
    let words = said.array("words")?.unwrap_or_default();
    if let (Some(first), Some(last)) = (words.first(), words.last()) {
        turn.start = When::offset(Fields::of(first)?.offset("start", Unit::Seconds)?);
        turn.end = When::offset(Fields::of(last)?.offset("end", Unit::Seconds)?);
    } else {
        turn.start = When::offset(at);
    }
    said.into_json(&mut turn.left);
    draft.turn(turn);
    Ok(())
}
