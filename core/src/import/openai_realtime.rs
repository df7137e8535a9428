//! OpenAI Realtime: the server events of a session as a client got them, or its conversation items.
//! Source: openai 3.57.0 (types).
//!
//! Nothing in them says when it was. A client that adds `received_at` (ISO, or a number since 1970) to each event gives
//! turns the time of their arrival; without it the order is kept and nothing is timed.

use super::ImportError;
use super::draft::{Draft, DraftResult, DraftTurn, When, name_of};
use super::fields::{Fields, Item, Json, parsed};
use super::options::Speaker;
use super::time::Unit;
use std::collections::HashMap;

const EPOCH: Unit = Unit::EpochSecondsOrMilliseconds;

/// What is known of a conversation item, whatever event told it.
#[derive(Default)]
struct Known<'a> {
    item: Option<Item<'a>>,
    next: Option<usize>,
    at: When,
    /// The words that came apart from the item.
    transcript: Option<String>,
    interrupted: bool,
    beside: Json,
}

#[derive(Default)]
struct Conversation<'a> {
    items: Vec<Known<'a>>,
    by_id: HashMap<String, usize>,
    first: Option<usize>,
    last: Option<usize>,
}

impl<'a> Conversation<'a> {
    fn know(&mut self, id: &str) -> &mut Known<'a> {
        let next = self.items.len();
        let at = *self.by_id.entry(id.to_owned()).or_insert(next);
        if at == next {
            self.items.push(Known::default());
        }
        &mut self.items[at]
    }

    /// Puts an item behind another, or last where that one is not known.
    fn place(&mut self, id: &str, item: Item<'a>, previous: Option<&str>, at: When) {
        let known = self.know(id);
        known.at = known.at.or(at);
        if known.item.replace(item).is_some() {
            return;
        }
        let here = self.by_id[id];
        let behind = previous.and_then(|id| self.by_id.get(id)).copied().filter(|at| self.items[*at].item.is_some());
        match behind.filter(|behind| *behind != here).or(self.last) {
            None => (self.first, self.last) = (Some(here), Some(here)),
            Some(behind) => {
                self.items[here].next = self.items[behind].next.replace(here);
                if self.last == Some(behind) {
                    self.last = Some(here);
                }
            }
        }
    }
}

pub fn parse(payload: &Item<'_>) -> Result<Draft, ImportError> {
    let mut draft = Draft::default();
    let events = match payload.is_array() {
        true => payload.elements()?,
        false => {
            let mut call = Fields::of(payload)?;
            let events = call.array("events")?.or(call.array("items")?);
            draft.id = call.id("call_id")?.or(call.id("session_id")?);
            draft.started_at(&mut call, "started_at", EPOCH)?;
            draft.ended_at(&mut call, "ended_at", EPOCH)?;
            let events = events.ok_or_else(|| call.error("events", "an array of events"))?;
            call.into_json(&mut draft.meta);
            events
        }
    };
    let mut conversation = Conversation::default();
    for (at, item) in events.iter().enumerate() {
        event(&mut draft, &mut conversation, item, at)?;
    }
    if conversation.first.is_none() && !events.is_empty() {
        return Err(payload.error("events of a conversation (conversation.item.done) or its items"));
    }
    let mut next = conversation.first;
    while let Some(at) = next {
        let known = std::mem::take(&mut conversation.items[at]);
        next = known.next;
        conversation_item(&mut draft, known)?;
    }
    Ok(draft)
}

fn event<'a>(
    draft: &mut Draft,
    conversation: &mut Conversation<'a>,
    item: &Item<'a>,
    number: usize,
) -> Result<(), ImportError> {
    let mut event = Fields::of(item)?;
    let kind = event.required("type", "the type of an event")?.text()?;
    let at = When::epoch(event.moment("received_at", EPOCH)?);
    match kind.as_str() {
        // Items themselves.
        "message" | "function_call" | "function_call_output" | "mcp_call" => {
            let id = event.id("id")?.unwrap_or_else(|| format!("#{number}"));
            conversation.place(&id, item.clone(), None, at);
        }
        "conversation.item.added" | "conversation.item.created" | "conversation.item.done" => {
            let added = event.required("item", "a conversation item")?;
            let id = Fields::of(&added)?.id("id")?.unwrap_or_else(|| format!("#{number}"));
            let previous = event.id("previous_item_id")?;
            conversation.place(&id, added, previous.as_deref(), at);
        }
        "conversation.item.input_audio_transcription.completed"
        | "response.output_audio_transcript.done"
        | "response.audio_transcript.done" => {
            let id = event.required("item_id", "the id of an item")?.text()?;
            let transcript = event.text("transcript")?;
            let known = conversation.know(&id);
            known.transcript = transcript.or(known.transcript.take());
        }
        "conversation.item.truncated" => {
            let id = event.required("item_id", "the id of an item")?.text()?;
            let heard = event.duration("audio_end_ms", Unit::Milliseconds)?;
            let known = conversation.know(&id);
            known.interrupted = true;
            if let Some(heard) = heard {
                known.beside.number("heard_ms", heard);
            }
        }
        "input_audio_buffer.speech_started" | "input_audio_buffer.speech_stopped" => {
            let Some(id) = event.id("item_id")? else { return Ok(()) };
            for key in ["audio_start_ms", "audio_end_ms"] {
                if let Some(ms) = event.offset(key, Unit::Milliseconds)? {
                    conversation.know(&id).beside.number(key, ms);
                }
            }
        }
        "response.done" => response(draft, conversation, event)?,
        "session.created" | "session.updated" => {
            let Some(mut session) = event.object("session")? else { return Ok(()) };
            draft.id = session.id("id")?.or(draft.id.take());
            draft.prompt = session.text("instructions")?.or(draft.prompt.take());
            if let Some(voice) = session.item("voice").filter(Item::is_text) {
                draft.voice = Some(voice.text()?);
            }
        }
        "error" => draft.event("error", event),
        // Deltas and states: what they lead to is told whole.
        _ => {}
    }
    Ok(())
}

fn response(draft: &mut Draft, conversation: &mut Conversation<'_>, mut event: Fields<'_>) -> Result<(), ImportError> {
    let Some(mut response) = event.object("response")? else { return Ok(()) };
    let cancelled = response.peek("status") == Some("\"cancelled\"");
    for output in response.array("output")?.unwrap_or_default() {
        if let Some(id) = Fields::of(&output)?.id("id")? {
            conversation.know(&id).interrupted |= cancelled;
        }
    }
    let mut kept = Json::object();
    kept.text("kind", "response");
    for key in ["id", "status", "status_details", "usage"] {
        if let Some(json) = response.peek(key) {
            kept.raw(key, json);
        }
    }
    draft.events.push(kept.finish());
    Ok(())
}

fn conversation_item(draft: &mut Draft, known: Known<'_>) -> Result<(), ImportError> {
    let Some(item) = known.item else { return Ok(()) };
    let mut fields = Fields::of(&item)?;
    match fields.required("type", "the type of an item")?.text()?.as_str() {
        "message" => {
            let role = fields.required("role", "a role")?;
            let mut said = Vec::new();
            for part in fields.array("content")?.unwrap_or_default() {
                let mut part = Fields::of(&part)?;
                said.extend(part.text("transcript")?.or(part.text("text")?));
            }
            let said = if said.is_empty() { known.transcript.unwrap_or_default() } else { said.join("\n") };
            let who = match role.text()?.as_str() {
                "user" => Speaker::USER,
                "assistant" => Speaker::ASSISTANT,
                "system" => {
                    if !said.is_empty() {
                        draft.system(said, draft.last_turn());
                    }
                    return Ok(());
                }
                _ => return Err(role.error("user, assistant or system")),
            };
            let mut turn = DraftTurn::new(&item, who, said);
            turn.start = known.at;
            turn.interrupted = known.interrupted;
            turn.left = known.beside;
            fields.drop(&["object", "status"]);
            if let Some(id) = fields.id("id")? {
                turn.left.text("id", &id);
            }
            draft.turn(turn);
        }
        "function_call" => {
            let id = fields.id("call_id")?;
            let args = fields.take("arguments").map(|args| parsed(&args)).transpose()?.flatten();
            let name = name_of(&mut fields, "name")?;
            draft.tool(&item.path, id, name, args, known.at);
        }
        "function_call_output" => {
            let id = fields.id("call_id")?;
            let mut result = DraftResult::new(id, fields.take("output").as_ref(), false)?;
            result.at = known.at;
            draft.results.push(result);
        }
        "mcp_call" => {
            let args = fields.take("arguments").map(|args| parsed(&args)).transpose()?.flatten();
            let name = name_of(&mut fields, "name")?;
            draft.tool(&item.path, None, name, args, known.at);
            let failure = fields.take("error");
            let answer = match &failure {
                Some(failure) => DraftResult::new(None, Some(failure), true)?,
                None => DraftResult::new(None, fields.take("output").as_ref(), false)?,
            };
            if let Some(tool) = draft.tools.last_mut() {
                tool.result = Some(answer);
            }
        }
        kind => draft.event(kind, fields),
    }
    Ok(())
}
