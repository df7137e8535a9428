//! The form `voice`: importing it again gives the same call.

use crate::import::fields::{Json, array_json};
use crate::import::time::rfc3339;
use crate::import::{Import, Time, ToolCall, Turn};

/// The whole call. Moments are in UTC; `notes` are about an import, and no part of a call.
pub fn voice(call: &Import) -> String {
    let mut json = call_json(call);
    let turns: Vec<String> = call
        .turns
        .iter()
        .map(|turn| {
            let mut json = turn_json(turn);
            json.text("text", &turn.text);
            json.finish()
        })
        .collect();
    json.raw("turns", &array_json(&turns));
    let tool_calls: Vec<String> = call.tool_calls.iter().map(|tool| tool_call_json(tool).finish()).collect();
    json.raw("tool_calls", &array_json(&tool_calls));
    json.finish()
}

/// Everything but turns and tool calls.
pub(super) fn call_json(call: &Import) -> Json {
    let mut json = Json::object();
    json.optional("external_id", call.external_id.as_ref());
    let mut agent = Json::object();
    agent.optional("id", call.agent.id.as_ref());
    agent.optional("name", call.agent.name.as_ref());
    agent.text("vertical", &call.agent.vertical);
    agent.optional("prompt_hash", call.agent.prompt_hash.as_ref());
    agent.optional("voice", call.agent.voice.as_ref());
    json.raw("agent", &agent.finish());
    json.text("direction", &call.direction);
    json.text("status", &call.status);
    json.optional("from", call.from.as_ref());
    json.optional("to", call.to.as_ref());
    json.optional("end_reason", call.end_reason.as_ref());
    json.optional("recording_url", call.recording_url.as_ref());
    json.optional("language", call.language.as_ref());
    moment(&mut json, "started_at", call.started_at.as_ref());
    moment(&mut json, "ended_at", call.ended_at.as_ref());
    number(&mut json, "duration_ms", call.duration_ms);
    if let Some(cost) = &call.cost {
        json.number("cost", cost.amount);
        json.text("currency", &cost.currency);
    }
    if let Some(meta) = &call.meta {
        json.raw("meta", meta);
    }
    json
}

/// A turn but its words.
pub(super) fn turn_json(turn: &Turn) -> Json {
    let mut json = Json::object();
    json.text("role", &turn.role);
    json.optional("speaker", turn.speaker.as_ref());
    number(&mut json, "start_ms", turn.start_ms);
    number(&mut json, "end_ms", turn.end_ms);
    moment(&mut json, "started_at", turn.started_at.as_ref());
    moment(&mut json, "ended_at", turn.ended_at.as_ref());
    json.optional("audio_url", turn.audio_url.as_ref());
    if turn.interrupted {
        json.raw("interrupted", "true");
    }
    let names = ["transcription_ms", "llm_ttft_ms", "tts_ttfb_ms", "e2e_latency_ms"];
    for (name, ms) in names.into_iter().zip(turn.latencies) {
        number(&mut json, name, ms.map(f64::from));
    }
    json
}

pub(super) fn tool_call_json(tool: &ToolCall) -> Json {
    let mut json = Json::object();
    json.text("name", &tool.name);
    number(&mut json, "turn", tool.turn.map(|turn| turn as f64));
    for (key, value) in [("args", &tool.args), ("result", &tool.result)] {
        if let Some(value) = value {
            json.raw(key, value);
        }
    }
    json.optional("error_text", tool.error_text.as_ref());
    number(&mut json, "latency_ms", tool.latency_ms.map(f64::from));
    number(&mut json, "offset_ms", tool.offset_ms);
    moment(&mut json, "invoked_at", tool.invoked_at.as_ref());
    json
}

fn number(json: &mut Json, key: &str, number: Option<f64>) {
    if let Some(number) = number {
        json.number(key, number);
    }
}

fn moment(json: &mut Json, key: &str, time: Option<&Time>) {
    match time {
        None => {}
        Some(Time::Text(text)) => json.text(key, text),
        Some(Time::EpochMs(ms)) => json.text(key, &rfc3339(*ms)),
    }
}
