//! Which format a payload has, by the fields that only it has.

use super::fields::{Fields, Item, error};
use super::{Format, ImportError};

/// So many elements of an array are looked at.
const LOOKED_AT: usize = 20;

/// The format of a payload; where it is not plain, an error that names what it may be.
pub fn detect(payload: &str) -> Result<Format, ImportError> {
    let item = Item { json: payload, path: String::new() };
    let found = if item.is_array() { of_array(&item) } else { of_object(&item) };
    match found[..] {
        [format] => Ok(format),
        [] => Err(error("format", None, "the name of a format: the payload is not plainly of any that is known")),
        ref several => {
            let names: Vec<_> = several.iter().map(|format| format.name()).collect();
            Err(error("format", None, &format!("the name of a format: the payload may be {}", names.join(" or "))))
        }
    }
}

fn text(fields: &Fields<'_>, key: &str) -> Option<String> {
    fields.item(key)?.text().ok()
}

fn object<'a>(fields: &Fields<'a>, key: &str) -> Option<Fields<'a>> {
    Fields::of(&fields.item(key)?).ok()
}

fn of_object(item: &Item<'_>) -> Vec<Format> {
    let Ok(root) = Fields::of(item) else { return Vec::new() };
    let has = |key: &str| root.has(key);
    let kind = text(&root, "type").unwrap_or_default();
    let mut found = Vec::new();
    let mut is = |format: Format, holds: bool| {
        if holds {
            found.push(format);
        }
    };
    let in_call = |key: &str| object(&root, "call").is_some_and(|call| call.has(key));
    let event = text(&root, "event").or(text(&root, "event_type"));
    let retell_call = has("call_id")
        && ["transcript_object", "transcript_with_tool_calls", "call_status", "disconnection_reason"]
            .into_iter()
            .any(has);
    is(Format::Retell, (event.is_some() && in_call("call_id")) || retell_call);
    let vapi_message = object(&root, "message").is_some_and(|message| message.has("type") && !message.has("role"));
    let vapi_call =
        matches!(kind.as_str(), "inboundPhoneCall" | "outboundPhoneCall" | "webCall" | "vapi.websocketCall");
    is(Format::Vapi, vapi_message || vapi_call || kind == "end-of-call-report");
    let is_envelope = (kind.starts_with("post_call_") || kind == "call_initiation_failure") && has("data");
    is(Format::Elevenlabs, is_envelope || (has("conversation_id") && has("transcript")));
    let is_history = || {
        let items = root.item("items").and_then(|items| items.elements().ok()).unwrap_or_default();
        items.iter().take(LOOKED_AT).any(|item| {
            Fields::of(item).is_ok_and(|item| {
                matches!(text(&item, "type").as_deref(), Some("message" | "function_call" | "agent_handoff"))
            })
        })
    };
    is(Format::Livekit, has("chat_history") || has("chatHistory") || (has("items") && is_history()));
    let bland = ["transcripts", "concatenated_transcript", "corrected_duration", "queue_status"].into_iter().any(has);
    is(Format::Bland, has("call_id") && bland);
    is(Format::Deepgram, object(&root, "metadata").is_some_and(|m| m.has("request_id")) && has("results"));
    let assemblyai =
        ["audio_duration", "speech_model", "speech_models", "audio_url", "language_code"].into_iter().any(has);
    is(Format::Assemblyai, has("id") && (has("utterances") || has("words")) && assemblyai);
    is(Format::Vcon, has("vcon") || (has("uuid") && has("created_at") && (has("parties") || has("dialog"))));
    is(Format::Twilio, has("sentences") || has("communications"));
    let element_kinds =
        |key: &str| root.item(key).filter(Item::is_array).map(|item| of_array(&item)).unwrap_or_default();
    let mut of_elements = element_kinds("messages");
    of_elements.extend(element_kinds("events"));
    let first_turn = root.item("turns").and_then(|turns| turns.elements().ok()?.into_iter().next());
    if first_turn.is_some_and(|turn| Fields::of(&turn).is_ok_and(|turn| turn.has("event"))) {
        of_elements.extend(element_kinds("turns"));
    }
    if !has("items") && !has("chat_history") && !has("call_id") && kind.is_empty() || has("messages") && !vapi_call {
        for format in [Format::Pipecat, Format::OpenaiRealtime, Format::Twilio] {
            is(format, of_elements.contains(&format));
        }
    }
    // Turns with a role and text, and nothing that another format has.
    let turns = root.item("turns").and_then(|turns| turns.elements().ok());
    let is_turn = |turn: &Item<'_>| Fields::of(turn).is_ok_and(|turn| turn.has("role") && turn.has("text"));
    is(Format::Voice, turns.is_some_and(|turns| turns.iter().take(LOOKED_AT).all(is_turn)));
    found.dedup();
    found
}

fn of_array(item: &Item<'_>) -> Vec<Format> {
    let mut found: Vec<Format> = Vec::new();
    for item in item.elements().unwrap_or_default().iter().take(LOOKED_AT) {
        let Ok(element) = Fields::of(item) else { continue };
        let kind = text(&element, "type").unwrap_or_default();
        let event = text(&element, "event").unwrap_or_default();
        let dotted = ["conversation.", "response.", "input_audio_buffer.", "session.", "output_audio_buffer."];
        let format = if dotted.iter().any(|prefix| kind.starts_with(prefix)) || text(&element, "object").is_some() {
            Format::OpenaiRealtime
        } else if kind == "setup" && element.has("callSid") || element.has("voicePrompt") {
            Format::Twilio
        } else if event.starts_with("on_") || (element.has("role") && kind.is_empty()) {
            Format::Pipecat
        } else {
            continue;
        };
        if !found.contains(&format) {
            found.push(format);
        }
    }
    found
}
