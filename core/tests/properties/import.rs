//! Whatever JSON is imported is refused by the place of what is wrong, or says nothing that the tables refuse, and the
//! same again when it is written down.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use voice_core::import::{Import, ToolCall, Turn};
use voice_core::turn;

const MAX_MS: f64 = 2_147_483_647.0;

pub fn holds(bytes: &[u8]) {
    let Ok(json) = str::from_utf8(bytes) else { return };
    match Import::parse(json) {
        Ok(call) => {
            is_what_the_tables_take(&call);
            assert_eq!(Import::parse(&written(&call)).as_ref(), Ok(&call));
        }
        Err(refused) => {
            assert!(!refused.path.is_empty() && !refused.expected.is_empty(), "{refused:?}");
            assert!(refused.value.is_none_or(|value| json.contains(&value)), "a value that nobody gave");
        }
    }
}

pub fn is_what_the_tables_take(call: &Import) {
    assert!(["completed", "failed", "transferred"].contains(&call.status.as_str()), "{}", call.status);
    assert!(["inbound", "outbound"].contains(&call.direction.as_str()), "{}", call.direction);
    assert!(call.external_id.as_ref().is_none_or(|id| !id.is_empty()));
    assert!(call.agent.id.as_ref().is_none_or(|id| !id.is_empty()) && !call.agent.vertical.is_empty());
    let texts = [
        &call.external_id,
        &call.from,
        &call.to,
        &call.end_reason,
        &call.recording_url,
        &call.language,
        &call.agent.id,
        &call.agent.name,
        &call.agent.prompt_hash,
        &call.agent.voice,
    ];
    texts.into_iter().flatten().chain([&call.agent.vertical]).for_each(is_text);
    [&call.started_at, &call.ended_at].into_iter().flatten().for_each(is_moment);
    call.duration_ms.into_iter().chain(call.last_word_ms()).for_each(is_duration);
    call.meta.iter().for_each(is_json);
    for t in &call.turns {
        let whole = |ms: Option<f64>| ms.map(|ms| ms as i64);
        // The rules of the table, where both times are in one unit; a time of day is Postgres' to compare.
        let (started_at, ended_at) = (whole(t.start_ms).unwrap_or(0), whole(t.end_ms));
        assert_eq!(turn::Turn { role: &t.role, started_at, ended_at, latencies: t.latencies }.check(), Ok(()));
        t.start_ms.into_iter().chain(t.end_ms).for_each(is_duration);
        [&t.started_at, &t.ended_at].into_iter().flatten().for_each(is_moment);
        t.audio_url.iter().chain([&t.text]).for_each(is_text);
    }
    for tool in &call.tool_calls {
        assert!(!tool.name.is_empty() && tool.latency_ms.is_none_or(|ms| ms >= 0));
        tool.error_text.iter().chain([&tool.name]).for_each(is_text);
        tool.args.iter().chain(&tool.result).for_each(is_json);
        tool.invoked_at.iter().for_each(is_moment);
        tool.offset_ms.into_iter().for_each(is_duration);
    }
}

fn is_text(text: &String) {
    assert!(!text.contains('\0'), "Postgres stores no NUL: {text:?}");
}

fn is_moment(text: &String) {
    assert!(text.is_ascii() && text.len() >= 10 && text.as_bytes()[4] == b'-' && !text.contains('\0'), "{text:?}");
}

fn is_duration(ms: f64) {
    assert!((0.0..=MAX_MS).contains(&ms), "{ms}");
}

fn is_json(json: &String) {
    assert!(serde_json::from_str::<&RawValue>(json).is_ok() && json != "null", "{json:?}");
}

/// The call as the JSON that says it.
fn written(call: &Import) -> String {
    let agent = object([
        ("id", json!(call.agent.id)),
        ("name", json!(call.agent.name)),
        ("vertical", json!(call.agent.vertical)),
        ("prompt_hash", json!(call.agent.prompt_hash)),
        ("voice", json!(call.agent.voice)),
    ]);
    let plain = object([
        ("external_id", json!(call.external_id)),
        ("agent", Value::Object(agent)),
        ("direction", json!(call.direction)),
        ("status", json!(call.status)),
        ("from", json!(call.from)),
        ("to", json!(call.to)),
        ("end_reason", json!(call.end_reason)),
        ("recording_url", json!(call.recording_url)),
        ("language", json!(call.language)),
        ("started_at", json!(call.started_at)),
        ("ended_at", json!(call.ended_at)),
        ("duration_ms", json!(call.duration_ms)),
        ("turns", call.turns.iter().map(turn_json).collect()),
    ]);
    let plain = serde_json::to_string(&plain).expect("a map is JSON");
    let tool_calls: Vec<String> = call.tool_calls.iter().map(tool_call_json).collect();
    let meta = call.meta.as_deref().unwrap_or("null");
    format!(r#"{},"meta":{meta},"tool_calls":[{}]}}"#, &plain[..plain.len() - 1], tool_calls.join(","))
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn turn_json(turn: &Turn) -> Value {
    json!({
        "role": turn.role, "text": turn.text, "start_ms": turn.start_ms, "end_ms": turn.end_ms,
        "started_at": turn.started_at, "ended_at": turn.ended_at, "audio_url": turn.audio_url,
        "interrupted": turn.interrupted, "transcription_ms": turn.latencies[0], "llm_ttft_ms": turn.latencies[1],
        "tts_ttfb_ms": turn.latencies[2], "e2e_latency_ms": turn.latencies[3],
    })
}

/// Arguments and results keep their digits: they are written as they were read.
fn tool_call_json(tool: &ToolCall) -> String {
    let plain = json!({
        "name": tool.name, "error_text": tool.error_text, "latency_ms": tool.latency_ms, "offset_ms": tool.offset_ms,
        "invoked_at": tool.invoked_at,
    });
    let plain = plain.to_string();
    let json = |json: &Option<String>| json.clone().unwrap_or("null".into());
    format!(r#"{},"args":{},"result":{}}}"#, &plain[..plain.len() - 1], json(&tool.args), json(&tool.result))
}
