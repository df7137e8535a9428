//! Bland: a call as its webhook and its API give it. There is no official package of now with its types: this is by the
//! documentation (docs.bland.ai, get a call's details) and by samples that others published.

use super::draft::{Draft, DraftTurn, When, in_progress};
use super::fields::{Fields, Item};
use super::options::Speaker;
use super::time::Unit;
use super::{Cost, ImportError};

/// Every time of it is an ISO string.
const ISO: Unit = Unit::EpochMilliseconds;

pub fn parse(payload: &Item<'_>) -> Result<Draft, ImportError> {
    let mut call = Fields::of(payload)?;
    let mut draft = Draft { id: call.id("call_id")?.or(call.id("c_id")?), ..Draft::default() };
    if draft.id.is_none() {
        return Err(call.error("call_id", "the id of a call"));
    }
    let path = call.path_of("completed");
    let status = call.text("status")?.unwrap_or_default();
    if call.boolean("completed")? == Some(false)
        && !matches!(status.as_str(), "failed" | "busy" | "no-answer" | "canceled")
    {
        return Err(in_progress(&path, if status.is_empty() { "not completed" } else { &status }));
    }
    (draft.from, draft.to) = (call.text("from")?, call.text("to")?);
    draft.direction = call.boolean("inbound")?.map(|inbound| if inbound { "inbound" } else { "outbound" });
    draft.agent_id = call.id("pathway_id")?.or(call.id("persona_id")?);
    draft.started_at(&mut call, "started_at", ISO)?;
    draft.ended_at(&mut call, "end_at", ISO)?;
    // Seconds in a string; `call_length` is in minutes, rounded.
    let minutes = call.duration("call_length", Unit::Minutes)?;
    draft.duration_ms = call.duration("corrected_duration", Unit::Seconds)?.or(minutes);
    draft.cost = call.number("price")?.map(|amount| Cost { amount, currency: "USD".into() });
    draft.recording_url = call.text("recording_url")?;
    draft.end_reason = call.text("error_message")?;
    let failed = draft.end_reason.is_some() || matches!(status.as_str(), "failed" | "busy" | "no-answer" | "canceled");
    draft.end_reason = draft.end_reason.or(call.text("call_ended_by")?);
    draft.status = Some(match (call.has("transferred_to"), failed) {
        (true, _) => "transferred",
        (false, true) => "failed",
        (false, false) => "completed",
    });
    if !status.is_empty() {
        draft.meta.text("status", &status);
    }
    let Some(transcripts) = call.array("transcripts")? else {
        return Err(call.error("transcripts", "an array of what was said"));
    };
    for item in &transcripts {
        let mut said = Fields::of(item)?;
        let user = said.required("user", "user, assistant, robot or agent-action")?;
        let who = match user.text()?.as_str() {
            "user" => Speaker::USER,
            "assistant" | "robot" => Speaker::ASSISTANT,
            // What the agent did, in words: there are no structured tool calls.
            "agent-action" => Speaker::SYSTEM,
            _ => return Err(user.error("user, assistant, robot or agent-action")),
        };
        let text = said.text("text")?.unwrap_or_default();
        let mut turn = DraftTurn::new(item, who, text);
        // When it was stored.
        turn.start = When::epoch(said.moment("created_at", ISO)?);
        said.drop(&["c_id"]);
        said.into_json(&mut turn.left);
        draft.turn(turn);
    }
    call.drop(&["concatenated_transcript"]);
    call.into_json(&mut draft.meta);
    Ok(draft)
}
