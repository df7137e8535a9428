//! Whatever is done to a payload of any format, it is refused by a path or becomes a call that the tables take; and a call
//! that goes out, as `voice` or as a vCon, comes in again as the same call.

use super::import::is_what_the_tables_take;
use serde_json::Value;
use voice_core::export::vcon::{Envelope, vcon};
use voice_core::export::voice::voice;
use voice_core::import::{Format, Import, Time, from_format};

pub const SAMPLES: [&str; 14] = [
    include_str!("../import/samples/voice.json"),
    include_str!("../import/samples/retell.json"),
    include_str!("../import/samples/vapi.json"),
    include_str!("../import/samples/elevenlabs.json"),
    include_str!("../import/samples/livekit.json"),
    include_str!("../import/samples/pipecat.json"),
    include_str!("../import/samples/openai_realtime.json"),
    include_str!("../import/samples/bland.json"),
    include_str!("../import/samples/twilio_relay.json"),
    include_str!("../import/samples/twilio_intelligence.json"),
    include_str!("../import/samples/twilio_communications.json"),
    include_str!("../import/samples/deepgram.json"),
    include_str!("../import/samples/assemblyai.json"),
    include_str!("../import/samples/vcon.json"),
];
const OPTIONS: &str = r#"{"speakers": {"0": "user", "1": "assistant", "A": "human_agent", "B": "user"}, "started_at": "2026-07-29T08:00:00Z"}"#;
const UUID: &str = "019f0000-0000-8000-8000-00000000000f";

/// Every format is asked to read it.
pub fn holds(payload: &str) {
    for format in Format::ALL.into_iter().map(Format::name).chain(["auto"]) {
        for options in ["{}", OPTIONS] {
            match from_format(format, payload, options) {
                Ok(call) => {
                    is_what_the_tables_take(&call);
                    assert!(call.tool_calls.iter().all(|tool| tool.turn.is_none_or(|turn| turn < call.turns.len())));
                    comes_back(&call);
                }
                Err(refused) => assert!(!refused.path.is_empty() && !refused.expected.is_empty(), "{refused:?}"),
            }
        }
    }
}

/// Puts `value` at the `at`th place of the document, counted through it.
pub fn replace(document: &mut Value, at: &mut usize, value: &Value) -> bool {
    if *at == 0 {
        *document = value.clone();
        return true;
    }
    *at -= 1;
    match document {
        Value::Array(elements) => elements.iter_mut().any(|element| replace(element, at, value)),
        Value::Object(fields) => fields.values_mut().any(|field| replace(field, at, value)),
        _ => false,
    }
}

pub fn comes_back(call: &Import) {
    let expected = written(call.clone());
    let back = from_format("voice", &voice(call), "{}").expect("what we wrote");
    assert_eq!(written(back), expected);
    let envelope = Envelope { uuid: UUID, created_ms: 1_785_400_000_000.0, analyses: &[] };
    let back = from_format("vcon", &vcon(call, &envelope), "{}").expect("a vCon that we wrote");
    let external_id = expected.external_id.clone().or(Some(format!("vcon:{UUID}")));
    assert_eq!(written(back), Import { external_id, ..expected });
}

/// As the form `voice` says it: moments are text, untimed turns have their place, and notes are not of the call.
fn written(call: Import) -> Import {
    let text = |time: Option<Time>| match time {
        Some(Time::EpochMs(ms)) => Some(Time::Text(voice_core::import::time::rfc3339(ms))),
        time => time,
    };
    let read = from_format("voice", &voice(&call), "{}").expect("what we wrote");
    let turns = call.turns.into_iter().zip(read.turns).map(|(turn, read)| {
        let was_untimed = turn.start_ms.is_none() && turn.started_at.is_none();
        let (start_ms, started_at) =
            if was_untimed { (read.start_ms, read.started_at) } else { (turn.start_ms, text(turn.started_at)) };
        voice_core::import::Turn { start_ms, started_at, ended_at: text(turn.ended_at), ..turn }
    });
    Import {
        started_at: text(call.started_at),
        ended_at: text(call.ended_at),
        turns: turns.collect(),
        scores: None,
        notes: Vec::new(),
        ..call
    }
}
