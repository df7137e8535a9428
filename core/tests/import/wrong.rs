//! What cannot be a call, by the path of what is wrong; what is odd and can be one.

use serde_json::{Value, json};
use voice_core::import::{Format, Import, ImportError, detect, from_format};

const SAMPLES: [(&str, &str); 10] = [
    ("retell", include_str!("samples/retell.json")),
    ("vapi", include_str!("samples/vapi.json")),
    ("elevenlabs", include_str!("samples/elevenlabs.json")),
    ("livekit", include_str!("samples/livekit.json")),
    ("pipecat", include_str!("samples/pipecat.json")),
    ("openai_realtime", include_str!("samples/openai_realtime.json")),
    ("bland", include_str!("samples/bland.json")),
    ("twilio", include_str!("samples/twilio_relay.json")),
    ("deepgram", include_str!("samples/deepgram.json")),
    ("vcon", include_str!("samples/vcon.json")),
];

fn sample(format: &str) -> Value {
    let (_, json) = SAMPLES.into_iter().find(|(name, _)| *name == format).unwrap();
    serde_json::from_str(json).unwrap()
}

/// The sample with another value at a JSON pointer.
fn with(format: &str, pointer: &str, value: Value) -> Result<Import, ImportError> {
    let mut payload = sample(format);
    *payload.pointer_mut(pointer).unwrap_or_else(|| panic!("{format} has no {pointer}")) = value;
    from_format(format, &payload.to_string(), "{}")
}

fn refused(format: &str, pointer: &str, value: Value) -> ImportError {
    with(format, pointer, value).expect_err(&format!("{format} {pointer}"))
}

#[test]
fn another_unit_is_refused_with_the_unit_that_was_read() {
    for (format, pointer, value, path, unit) in [
        (
            "retell",
            "/call/start_timestamp",
            json!(1_785_312_000),
            "call.start_timestamp",
            "in milliseconds since 1970, from 2000 to 2099; read so, it is in the year 1970",
        ),
        (
            "vapi",
            "/message/artifact/messages/1/time",
            json!(1_785_312_000),
            "message.artifact.messages[1].time",
            "milliseconds since 1970",
        ),
        (
            "elevenlabs",
            "/data/metadata/start_time_unix_secs",
            json!(1_785_312_000_000_i64),
            "data.metadata.start_time_unix_secs",
            "in seconds since 1970, from 2000 to 2099; read so, it is in the year 58544",
        ),
        ("livekit", "/timestamp", json!(30.5), "timestamp", "seconds or milliseconds since 1970"),
        ("vcon", "/dialog/0/start", json!("yesterday"), "dialog[0].start", "an ISO 8601 time"),
        ("bland", "/corrected_duration", json!("39000000"), "corrected_duration", "seconds"),
    ] {
        let refused = refused(format, pointer, value);
        assert_eq!(refused.path, path, "{refused:?}");
        assert!(refused.expected.contains(unit), "{refused:?}");
    }
    // Milliseconds where seconds belong: the second sentence would be 40 minutes after a call of 12 seconds.
    let mut payload: Value = serde_json::from_str(include_str!("samples/twilio_intelligence.json")).unwrap();
    payload["sentences"][2]["start_time"] = json!("5000000");
    let refused = from_format("twilio", &payload.to_string(), "{}").unwrap_err();
    assert_eq!(refused.path, "sentences[2].start_time");
    payload["sentences"][2]["start_time"] = json!("50000");
    let refused = from_format("twilio", &payload.to_string(), "{}").unwrap_err();
    assert_eq!(refused.path, "sentences[2]");
    assert!(refused.expected.contains("50000.000 s from its start"), "{refused:?}");
}

#[test]
fn a_call_in_progress_is_no_import() {
    for (format, pointer, state, path) in [
        ("retell", "/event", "call_started", "event"),
        ("retell", "/event", "transcript_updated", "event"),
        ("retell", "/call/call_status", "ongoing", "call.call_status"),
        ("vapi", "/message/type", "status-update", "message.type"),
        ("elevenlabs", "/data/status", "processing", "data.status"),
        ("elevenlabs", "/type", "post_call_audio", "type"),
    ] {
        let refused = refused(format, pointer, json!(state));
        assert_eq!(refused.path, path, "{refused:?}");
        assert_eq!(refused.value, Some(json!(state).to_string()));
    }
    assert_eq!(refused("bland", "/status", json!({})).path, "status");
    let mut payload = sample("bland");
    (payload["completed"], payload["status"]) = (json!(false), json!("in-progress"));
    assert_eq!(from_format("bland", &payload.to_string(), "{}").unwrap_err().path, "completed");
    let transcript = r#"{"id": "a", "status": "processing", "audio_url": "https://example.com/a.wav"}"#;
    assert_eq!(from_format("assemblyai", transcript, "{}").unwrap_err().path, "status");
}

#[test]
fn what_is_missing_is_named() {
    for (format, parent, key, path) in [
        ("retell", "/call", "call_id", "call.call_id"),
        ("retell", "/call/transcript_with_tool_calls/0", "role", "call.transcript_with_tool_calls[0].role"),
        ("retell", "/call/transcript_with_tool_calls/4", "name", "call.transcript_with_tool_calls[4].name"),
        ("vapi", "/message/call", "id", "message.call.id"),
        ("elevenlabs", "/data", "transcript", "data.transcript"),
        ("elevenlabs", "/data", "conversation_id", "data.conversation_id"),
        ("livekit", "/chat_history/items/1", "content", "chat_history.items[1].content"),
        ("bland", "", "transcripts", "transcripts"),
        ("deepgram", "", "results", "results"),
        ("vcon", "", "uuid", "uuid"),
        ("vcon", "/dialog/0", "body", "dialog[0].body"),
    ] {
        let mut payload = sample(format);
        payload.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
        assert_eq!(from_format(format, &payload.to_string(), "{}").unwrap_err().path, path);
    }
}

#[test]
fn a_payload_of_another_format_is_told_by_name() {
    let retell = include_str!("samples/retell.json");
    let refused = from_format("vapi", retell, "{}").unwrap_err();
    assert!(refused.expected.ends_with("(the payload looks like retell, not vapi)"), "{refused:?}");
    let refused = from_format("voice", retell, "{}").unwrap_err();
    assert!(refused.expected.ends_with("(the payload looks like retell, not voice)"), "{refused:?}");
    for (format, _) in SAMPLES {
        for (other, json) in SAMPLES {
            let options = r#"{"speakers": {"0": "user", "1": "assistant"}, "started_at": "2026-07-29T08:00:00Z"}"#;
            assert_eq!(from_format(format, json, options).is_ok(), format == other, "{other} as {format}");
        }
    }
}

#[test]
fn a_format_is_told_by_the_payload_or_its_candidates_are_named() {
    for (format, json) in SAMPLES {
        assert_eq!(detect(json).map(Format::name), Ok(format));
    }
    let both = r#"{"call_id": "c", "call_status": "ended", "transcripts": [], "queue_status": "complete"}"#;
    assert_eq!(detect(both).unwrap_err().expected, "the name of a format: the payload may be retell or bland");
    for neither in ["{}", "[]", "5", "", "{", r#"{"hello": 1}"#] {
        assert!(detect(neither).unwrap_err().expected.contains("not plainly of any"), "{neither}");
    }
    let refused = from_format("retel", "{}", "{}").unwrap_err();
    assert_eq!(refused.path, "format");
    assert!(refused.expected.contains("retell, vapi"));
}

#[test]
fn options_are_read_as_strictly() {
    for (options, path) in [
        (r#"{"speaker": {}}"#, "options.speaker"),
        (r#"{"speakers": {"0": "agent"}}"#, "options.speakers.0"),
        (r#"{"started_at": "2026-07-29T08:00:00"}"#, "options.started_at"),
        (r#"{"direction": "in"}"#, "options.direction"),
        (r#"{"keep_raw": 1}"#, "options.keep_raw"),
        ("[]", "options"),
    ] {
        assert_eq!(from_format("auto", include_str!("samples/bland.json"), options).unwrap_err().path, path);
    }
    let deepgram = include_str!("samples/deepgram.json");
    let said = |options| from_format("deepgram", deepgram, options).map(|_| ()).unwrap_err().path;
    assert_eq!(said(r#"{"speakers": {"0": "user"}, "started_at": "2026-07-29T08:00:00Z"}"#), "options.speakers.1");
    assert_eq!(said(r#"{"speakers": {"0": "user", "1": "assistant"}}"#), "options.started_at");
}

#[test]
fn clocks_that_differ_are_mended_and_noted() {
    // A turn a second before the call, and one that ends before it starts.
    let call = with("livekit", "/chat_history/items/1/metrics/started_speaking_at", json!(1_785_311_998.5)).unwrap();
    assert_eq!((call.turns[0].start_ms, call.turns[0].end_ms), (Some(0.0), Some(1750.0)));
    assert!(call.notes[0].contains("by up to 1.500 s (first: chat_history.items[1])"), "{:?}", call.notes);
    let call = with("livekit", "/chat_history/items/1/metrics/stopped_speaking_at", json!(1_785_312_000.25)).unwrap();
    assert_eq!((call.turns[0].start_ms, call.turns[0].end_ms), (Some(500.0), Some(500.0)));
    // A server in another time zone: all turns together.
    let call = with("bland", "/started_at", json!("2026-07-29T02:00:00Z")).unwrap();
    assert!(call.turns.iter().all(|turn| turn.start_ms.unwrap() < 100_000_000.0));
    let mut payload = sample("bland");
    (payload["started_at"], payload["end_at"]) = (json!("2026-07-29T02:00:00Z"), json!("2026-07-29T02:00:39Z"));
    let call = from_format("bland", &payload.to_string(), "{}").unwrap();
    let starts: Vec<_> = call.turns.iter().map(|turn| turn.start_ms.unwrap()).collect();
    assert_eq!(starts, [0.0, 3500.0, 4000.0, 6000.0]);
    assert!(call.notes[0].contains("the clock of the turns differs"), "{:?}", call.notes);
    // The call ends a little before it starts; and a day.
    let call = with("retell", "/call/end_timestamp", json!(1_785_311_999_000_i64)).unwrap();
    assert_eq!(call.ended_at, call.started_at);
    assert_eq!(refused("retell", "/call/end_timestamp", json!(1_785_200_000_000_i64)).path, "call.end_timestamp");
}

#[test]
fn a_nul_a_cut_and_no_json_are_refused() {
    for (format, json) in SAMPLES {
        let nul = json.replacen("Is my car", "Is\\u0000 my car", 1);
        if nul != json {
            assert_eq!(
                from_format(format, &nul, "{}").unwrap_err().expected,
                "JSON without a NUL character",
                "{format}"
            );
        }
        for cut in [0, 1, json.len() / 3, json.len() / 2, json.len() - 2] {
            assert!(from_format(format, &json[..cut], "{}").is_err(), "{format} cut at {cut}");
        }
    }
    // A NUL in the JSON of a string stays in the string.
    let call = with("retell", "/call/transcript_with_tool_calls/4/arguments", json!(r#"{"plate": "\u0000"}"#)).unwrap();
    assert_eq!(call.tool_calls[0].args.as_deref(), Some(r#""{\"plate\": \"\\u0000\"}""#));
}

#[test]
fn what_is_nested_deep_is_kept() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let payload = include_str!("samples/retell.json").replacen("\"deep\"", &format!("\"deeper\": {deep}, \"deep\""), 1);
    let call = from_format("retell", &payload, "{}").unwrap();
    assert!(call.meta.unwrap().contains(&deep));
    let call = with("retell", "/call/transcript_with_tool_calls/4/arguments", json!(deep)).unwrap();
    assert_eq!(call.tool_calls[0].args, Some(format!("\"{deep}\"")), "text that nobody reads as JSON");
}

#[test]
fn a_call_of_50_000_turns_and_10_megabytes_is_a_call() {
    let turn = |at: usize| {
        json!({"role": if at.is_multiple_of(2) { "agent" } else { "user" }, "content": "word ".repeat(30), "words": [
        {"word": "a", "start": at as f64 / 100.0, "end": at as f64 / 100.0}]})
    };
    let mut payload = sample("retell");
    let tools = (0..2000).flat_map(|at| {
        let id = format!("t{}", at % 7);
        [
            json!({"role": "tool_call_invocation", "tool_call_id": id, "name": "n", "arguments": "{}"}),
            json!({"role": "tool_call_result", "tool_call_id": id, "content": "{}"}),
        ]
    });
    payload["call"]["transcript_with_tool_calls"] = (0..50_000).map(turn).chain(tools).collect();
    let json = payload.to_string();
    assert!(json.len() > 10_000_000);
    let call = from_format("auto", &json, "{}").unwrap();
    assert_eq!((call.turns.len(), call.tool_calls.len()), (50_000, 2000));
    assert!(call.tool_calls.iter().all(|tool| tool.result.as_deref() == Some("{}")));
}
