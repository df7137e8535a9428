//! samples/NAME.json becomes expected/NAME.json (the form `voice`, in which every field stands), with these notes.

use serde_json::{Value, json};
use voice_core::export::voice::voice;
use voice_core::import::{Format, from_format};

/// What the caller knows where the format does not say it.
const NONE: &str = "{}";
const NO_START: &str = "no start of the call is given: it is the time of its first turn";

fn becomes(name: &str, format: Format, sample: &str, options: &str, expected: &str, notes: &[&str]) {
    for format in [format.name(), "auto"] {
        let call = from_format(format, sample, options).unwrap_or_else(|e| panic!("{name} as {format}: {e:?}"));
        let (is, expected): (Value, Value) =
            (serde_json::from_str(&voice(&call)).unwrap(), serde_json::from_str(expected).unwrap());
        assert_eq!(is, expected, "{name} as {format}: {is:#}");
        assert_eq!(call.notes, notes, "{name} as {format}");
    }
}

macro_rules! formats {
    ($($test:ident: $name:literal, $format:ident, $options:expr, $notes:expr;)*) => {$(
        #[test]
        fn $test() {
            let sample = include_str!(concat!("samples/", $name, ".json"));
            let expected = include_str!(concat!("expected/", $name, ".json"));
            becomes($name, Format::$format, sample, $options, expected, $notes);
        }
    )*};
}

formats! {
    a_call_of_our_own_form_keeps_untimed_turns_in_their_place: "voice", Voice, NONE, &[];
    a_retell_call_has_its_tools_its_cost_and_the_words_of_whom_it_went_to: "retell", Retell, NONE, &[];
    a_vapi_report_has_times_of_one_clock_and_no_configuration: "vapi", Vapi, NONE, &[];
    an_elevenlabs_conversation_has_what_was_heard_and_results_of_later_turns: "elevenlabs", Elevenlabs, NONE, &[];
    a_livekit_report_has_speaking_times_and_answers_that_python_wrote: "livekit", Livekit, NONE, &[];
    pipecat_turns_have_times_and_its_messages_tools: "pipecat", Pipecat, r#"{"agent": {"name": "Rosa"}, "vertical": "automotive"}"#, &[];
    realtime_items_are_in_the_order_of_the_conversation: "openai_realtime", OpenaiRealtime, NONE, &[];
    a_bland_call_has_its_duration_from_seconds_in_a_string: "bland", Bland, NONE, &[];
    a_relayed_answer_ends_where_it_was_interrupted: "twilio_relay", Twilio, NONE, &[];
    twilio_sentences_have_the_roles_of_their_channels: "twilio_intelligence", Twilio, NONE, &[];
    twilio_communications_keep_people_and_agents_apart: "twilio_communications", Twilio, NONE, &[NO_START];
    deepgram_words_of_one_speaker_are_a_turn: "deepgram", Deepgram,
        r#"{"speakers": {"0": "user", "1": "assistant"}, "started_at": "2026-07-29T08:00:00Z", "direction": "outbound"}"#, &[];
    assemblyai_utterances_are_whose_the_caller_says: "assemblyai", Assemblyai,
        r#"{"speakers": {"A": "human_agent", "B": "user"}, "started_at": "2026-07-29T10:00:00+02:00", "from": "+12125550122"}"#, &[];
    a_vcon_is_read_in_the_order_of_time: "vcon", Vcon, NONE, &[];
}

#[test]
fn the_whole_payload_is_kept_where_that_is_asked() {
    let sample = include_str!("samples/retell.json");
    let call = from_format("retell", sample, r#"{"keep_raw": true}"#).unwrap();
    let meta: Value = serde_json::from_str(&call.meta.unwrap()).unwrap();
    assert_eq!(meta["retell"]["raw"], serde_json::from_str::<Value>(sample).unwrap());
}

#[test]
fn what_the_caller_says_is_over_what_the_payload_says() {
    let options = json!({
        "agent": "desk", "vertical": "salon", "from": "+1", "to": "+2", "direction": "inbound", "external_id": "mine",
        "started_at": "2026-07-29T08:00:01Z",
    });
    let call = from_format("retell", include_str!("samples/retell.json"), &options.to_string()).unwrap();
    assert_eq!((call.agent.id.as_deref(), call.agent.vertical.as_str()), (Some("desk"), "salon"));
    assert_eq!(
        (call.from.as_deref(), call.to.as_deref(), call.direction.as_str()),
        (Some("+1"), Some("+2"), "inbound")
    );
    assert_eq!(call.external_id.as_deref(), Some("retell:mine"));
    assert_eq!(call.started_at, Some(voice_core::import::Time::EpochMs(1_785_312_001_000.0)));
}
