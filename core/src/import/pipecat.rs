//! Pipecat has no record of a call: the application collects the messages of its `LLMContext`, what `on_user_turn_stopped`
//! and `on_assistant_turn_stopped` get, or both: `{"messages": […], "turns": […]}` with what is known of the call beside.
//! Source: pipecat-ai 1.14.0, as the package writes them.

use super::ImportError;
use super::draft::{Draft, DraftResult, DraftTurn, When, in_progress};
use super::fields::{Fields, Item, error, parsed};
use super::options::Speaker;
use super::time::Unit;
use std::collections::{HashMap, VecDeque};

const EPOCH: Unit = Unit::EpochSecondsOrMilliseconds;

pub fn parse(payload: &Item<'_>) -> Result<Draft, ImportError> {
    let mut draft = Draft::default();
    let (messages, turns);
    if payload.is_array() {
        let items = payload.elements()?;
        let is_event = |item: &Item<'_>| Fields::of(item).is_ok_and(|item| item.has("event"));
        (messages, turns) = if items.iter().any(is_event) { (None, Some(items)) } else { (Some(items), None) };
    } else {
        let mut call = Fields::of(payload)?;
        messages = call.array("messages")?;
        turns = call.array("turns")?.or(call.array("events")?);
        if messages.is_none() && turns.is_none() {
            return Err(call.error("messages", "an array of messages, or turns an array of the events of turns"));
        }
        call_facts(&mut draft, &mut call)?;
        call.into_json(&mut draft.meta);
    }
    for item in turns.iter().flatten() {
        turn_event(&mut draft, item)?;
    }
    // Of both, the events have the times, and the messages the tools.
    let mut place = turns.is_some().then(|| Place::among(&draft));
    for item in messages.iter().flatten() {
        message(&mut draft, item, &mut place)?;
    }
    Ok(draft)
}

fn call_facts(draft: &mut Draft, call: &mut Fields<'_>) -> Result<(), ImportError> {
    draft.id = call.id("call_id")?.or(call.id("id")?).or(call.id("session_id")?);
    draft.agent_id = call.id("agent_id")?;
    draft.agent_name = call.text("agent_name")?;
    draft.started_at(call, "started_at", EPOCH)?;
    draft.ended_at(call, "ended_at", EPOCH)?;
    (draft.from, draft.to) = (call.text("from")?, call.text("to")?);
    draft.direction = match call.text("direction")?.as_deref() {
        Some("outbound") => Some("outbound"),
        _ => None,
    };
    draft.end_reason = call.text("end_reason")?;
    draft.recording_url = call.text("recording_url")?;
    draft.language = call.text("language")?;
    let path = call.path_of("status");
    draft.status = match call.text("status")?.as_deref() {
        Some(state @ "in_progress") => return Err(in_progress(&path, state)),
        Some("failed") => Some("failed"),
        Some("transferred") => Some("transferred"),
        _ => None,
    };
    Ok(())
}

fn turn_event(draft: &mut Draft, item: &Item<'_>) -> Result<(), ImportError> {
    let mut event = Fields::of(item)?;
    let name = event.required("event", "the name of an event")?.text()?;
    let who = match name.as_str() {
        "on_user_turn_stopped" | "on_user_turn_message_added" => Speaker::USER,
        "on_assistant_turn_stopped" => Speaker::ASSISTANT,
        kind => {
            draft.event(kind, event);
            return Ok(());
        }
    };
    // None in realtime mode; '' of an answer that was only tools.
    let text = event.text("content")?.unwrap_or_default();
    let mut turn = DraftTurn::new(item, who, text);
    turn.start = When::epoch(event.moment("timestamp", EPOCH)?);
    turn.interrupted = event.boolean("interrupted")?.unwrap_or(false);
    turn.latencies[1] = event.latency("ttfb", Unit::Seconds)?;
    event.into_json(&mut turn.left);
    draft.turn(turn);
    Ok(())
}

fn message(draft: &mut Draft, item: &Item<'_>, place: &mut Option<Place>) -> Result<(), ImportError> {
    let mut message = Fields::of(item)?;
    let role = message.required("role", "a role")?;
    let content = message.take("content");
    let text = content.as_ref().map(spoken).transpose()?.unwrap_or_default();
    match role.text()?.as_str() {
        who @ ("user" | "assistant") => {
            let who = if who == "user" { Speaker::USER } else { Speaker::ASSISTANT };
            let calls = message.array("tool_calls")?.unwrap_or_default();
            match place {
                Some(place) => place.come_to(&text),
                None => {
                    draft.turn(DraftTurn::new(item, who, text));
                }
            }
            for call in calls {
                tool_call(draft, &call)?;
                if let (Some(place), Some(tool)) = (&place, draft.tools.last_mut()) {
                    tool.turn = place.at;
                }
            }
        }
        "system" | "developer" => {
            if !text.is_empty() {
                draft.system(text, place.as_ref().map_or_else(|| draft.last_turn(), |place| place.at));
            }
        }
        "tool" => {
            let id = message.id("tool_call_id")?;
            let answer = match text.as_str() {
                // Still at work, or done without a result.
                "IN_PROGRESS" | "COMPLETED" => DraftResult::new(id, None, false)?,
                "CANCELLED" => DraftResult::new(id, content.as_ref(), true)?,
                text => {
                    let failed = text.trim_matches('"');
                    let failed =
                        failed.starts_with("The function `") && failed.ends_with("failed and returned no result.");
                    let mut answer = DraftResult::new(id, content.as_ref(), failed)?;
                    answer.error_text = answer.error_text.map(|text| text.trim_matches('"').to_owned());
                    answer
                }
            };
            draft.results.push(answer);
        }
        _ => return Err(role.error("user, assistant, system, developer or tool")),
    }
    Ok(())
}

fn tool_call(draft: &mut Draft, item: &Item<'_>) -> Result<(), ImportError> {
    let mut call = Fields::of(item)?;
    let id = call.id("id")?;
    let path = call.path_of("function");
    let mut function = call.object("function")?.ok_or_else(|| error(&path, None, "an object with a name"))?;
    let args = function.take("arguments").map(|args| parsed(&args)).transpose()?.flatten();
    let name = super::draft::name_of(&mut function, "name")?;
    draft.tool(&item.path, id, name, args, When::Unknown);
    Ok(())
}

fn spoken(content: &Item<'_>) -> Result<String, ImportError> {
    if !content.is_array() {
        return content.text();
    }
    let mut said = Vec::new();
    for part in content.elements()? {
        said.extend(Fields::of(&part)?.text("text")?);
    }
    Ok(said.join("\n"))
}

/// Where the messages are among the turns of the events: both say the same words, in the same order.
struct Place {
    /// Turns of these words that are still to come.
    coming: HashMap<String, VecDeque<usize>>,
    at: Option<usize>,
}

impl Place {
    fn among(draft: &Draft) -> Place {
        let mut coming: HashMap<String, VecDeque<usize>> = HashMap::new();
        for (at, turn) in draft.turns.iter().enumerate() {
            coming.entry(turn.text.clone()).or_default().push_back(at);
        }
        Place { coming, at: None }
    }

    fn come_to(&mut self, text: &str) {
        if let Some(turns) = self.coming.get_mut(text) {
            while let Some(turn) = turns.pop_front() {
                if self.at.is_none_or(|at| turn > at) {
                    self.at = Some(turn);
                    break;
                }
            }
        }
    }
}
