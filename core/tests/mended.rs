//! What a reader would read is read, and counted as mended; what could be read in two ways is refused.

use serde_json::{Value, json};
use voice_core::analysis::{self, Analysis, Intent};
use voice_core::protocol::{OPENAI_CHAT, Protocol};
use voice_core::question::Question;

fn good() -> Value {
    json!({
        "summary": "Maria booked a consultation.", "sentiment": 0.6, "intent": "booking", "lead_score": 85,
        "entities": {"name": "Maria", "email": null, "phone": "+1 555 010 2000", "topic": "Botox"},
        "next_action": "Confirm by text message."
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut spoilt = good();
    *spoilt.pointer_mut(field).unwrap() = value;
    spoilt
}

/// Read, and counted as mended.
#[track_caller]
fn mended(content: &str) -> Analysis {
    let read = analysis::read(content).unwrap_or_else(|error| panic!("{error}: {content}"));
    assert!(read.mended, "{content}");
    read.analysis
}

#[track_caller]
fn refused(content: &str) -> String {
    analysis::read(content).expect_err(content).to_string()
}

fn as_it_stands() -> Analysis {
    let read = analysis::read(&good().to_string()).unwrap();
    assert!(!read.mended);
    read.analysis
}

#[test]
fn an_object_in_a_known_frame_is_read() {
    let json = good();
    let pretty = serde_json::to_string_pretty(&json).unwrap();
    for content in [
        format!("```json\n{pretty}\n```"),
        format!("```\n{json}\n```"),
        format!("```JSON {json}```\n"),
        format!("~~~~json\n{json}\n~~~~"),
        format!("`{json}`"),
        format!("\u{feff}```json\n{json}\n```"),
        // Cut off by a stop sequence.
        format!("```json\n{json}"),
        format!("<think>\nIs {{a cut}} a lead? {{\"lead_score\": 3}}\n</think>\n{json}"),
        format!("So {{she}} wants </think> and then </think>\n\n```json\n{json}\n```"),
        format!("<think></think>{json}"),
        format!("<thinking>hm</thinking> {json}"),
        format!("[THINK]hm[/THINK]{json}"),
        format!("<|channel|>final<|message|>{json}"),
        format!(
            "<|channel|>analysis<|message|>She wants a cut.<|end|><|start|>assistant<|channel|>final<|message|>{json}<|return|>"
        ),
        format!("<|channel|>final <|constrain|>json<|message|>{json}"),
        format!("{json}<|im_end|>"),
        format!("{json}\n<|im_end|>\n<|endoftext|>"),
        format!("<|im_start|>assistant\n{json}<|im_end|>"),
        format!("{json}</s>"),
        format!("<s> {json} </s>"),
        format!("{json}<｜end▁of▁sentence｜>"),
        format!("{json}<end_of_turn>"),
        format!("<answer>{json}</answer>"),
    ] {
        assert_eq!(mended(&content), as_it_stands(), "{content}");
    }
}

#[test]
fn a_mark_of_byte_order_is_white_space() {
    let read = analysis::read(&format!("\u{feff}{}", good())).unwrap();
    assert_eq!((read.analysis, read.mended), (as_it_stands(), false));
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let (json, other) = (good(), with("/lead_score", json!(5)));
    for content in [
        format!("{json}\n{other}"),
        format!("```json\n{json}\n```\n```json\n{other}\n```"),
        format!("```json\n{json}\n{other}\n```"),
        format!("<think>{json}</think>{other}{json}"),
        format!("<answer>{json}</answer><answer>{other}</answer>"),
        format!("Here is the JSON: {json}"),
        format!("Here it is:\n```json\n{json}\n```"),
        format!("```json\n{json}\n```\nI hope this helps!"),
        format!("{json} I hope this helps!"),
        format!("[{json}]"),
        json.to_string().replacen('{', r#"{"intent":"sales","#, 1),
        format!("```json\n{}\n```", json.to_string().replacen('{', r#"{"intent":"sales","#, 1)),
        Value::String(json.to_string()).to_string(),
        "<think>I do not know</think>".to_owned(),
        // What a caller has said, in an answer that was cut off after it.
        format!("{{\"summary\": \"She said </think>{other}"),
        format!("```json\n{{\"summary\": \"She said <|channel|>final<|message|>{other}"),
        "```json\n```".to_owned(),
    ] {
        refused(&content);
    }
}

#[test]
fn words_of_frames_inside_of_the_object_are_its_own() {
    for said in ["</think>", "```json {} ```", "<|im_end|>", "<|channel|>final<|message|>{}", "</s>"] {
        let content = with("/summary", json!(format!("Asked what {said} means."))).to_string();
        let read = analysis::read(&content).unwrap();
        assert_eq!((read.analysis.summary, read.mended), (format!("Asked what {said} means."), false));
        let framed = mended(&format!("<think>hm</think>\n```json\n{content}\n```"));
        assert_eq!(framed.summary, format!("Asked what {said} means."));
    }
}

#[test]
fn a_long_text_is_cut_at_its_last_sentence_or_word() {
    let sentences = "Maria asked for Botox. She wants Tuesday at ten. ".repeat(5);
    assert_eq!(sentences.trim().chars().count(), 244);
    let summary = mended(&with("/summary", json!(sentences)).to_string()).summary;
    assert_eq!(summary, format!("{} …", &sentences[..218]));
    for length in [241, 260, 300, 5000] {
        let words: String = "word ".repeat(1000).chars().take(length).collect();
        let words = format!("{}x", &words[..length - 1]);
        let summary = mended(&with("/summary", json!(words)).to_string()).summary;
        assert!(summary.chars().count() <= 240 && summary.ends_with("word…"), "{summary}");
    }
    assert_eq!(mended(&with("/summary", json!("é".repeat(241))).to_string()).summary.chars().count(), 239);
    let whole = analysis::read(&with("/summary", json!("é".repeat(240))).to_string()).unwrap();
    assert_eq!((whole.analysis.summary.chars().count(), whole.mended), (240, false));
    let action = mended(&with("/next_action", json!("call back ".repeat(51))).to_string()).next_action;
    assert!(action.chars().count() <= 500 && (action.ends_with("call…") || action.ends_with("back…")), "{action}");
    let topic = mended(&with("/entities/topic", json!("x".repeat(321))).to_string()).entities.topic.unwrap();
    assert!(topic.chars().count() <= 320 && topic.ends_with("x…"), "{topic}");
}

#[test]
fn near_misses_that_say_one_thing_are_read() {
    let read = |field: &str, value: Value| mended(&with(field, value).to_string());
    for intent in ["Booking", "BOOKING", "booking ", " Booking\n"] {
        assert_eq!(read("/intent", json!(intent)).intent, Intent::Booking);
    }
    assert_eq!(read("/lead_score", json!("85")).lead_score, 85);
    assert_eq!(read("/lead_score", json!(" 85.0 ")).lead_score, 85);
    assert_eq!(read("/sentiment", json!("-0.2")).sentiment, -0.2);
    assert_eq!(read("/next_action", json!(null)).next_action, "none");
    assert_eq!(read("/next_action", json!("")).next_action, "none");
    assert_eq!(read("/next_action", json!("N/A")).next_action, "none");
    assert_eq!(read("/entities", json!(null)).entities, analysis::Entities::default());
    for field in ["name", "email", "phone", "topic"] {
        let mut content = good();
        content["entities"].as_object_mut().unwrap().remove(field);
        let mut expected = as_it_stands().entities;
        match field {
            "name" => expected.name = None,
            "phone" => expected.phone = None,
            "topic" => expected.topic = None,
            _ => {}
        }
        assert_eq!(mended(&content.to_string()).entities, expected);
    }
}

#[test]
fn numbers_are_never_bent_and_guesses_never_made() {
    for (field, value) in [
        ("/lead_score", json!(85.5)),
        ("/lead_score", json!("85.5")),
        ("/lead_score", json!("250")),
        ("/lead_score", json!(250)),
        ("/lead_score", json!("85/100")),
        ("/lead_score", json!("high")),
        ("/lead_score", json!("")),
        ("/lead_score", json!(null)),
        ("/sentiment", json!("1.5")),
        ("/sentiment", json!("0,6")),
        ("/sentiment", json!("positive")),
        ("/sentiment", json!("1e999")),
        ("/intent", json!("book")),
        ("/intent", json!("booking, sales")),
        ("/intent", json!(null)),
        ("/summary", json!("")),
        ("/summary", json!("\u{200b}")),
        ("/summary", json!(null)),
        ("/entities/topic", json!(["cut"])),
        ("/entities/phone", json!(2125550142_u64)),
        ("/entities", json!([])),
        ("/entities", json!("none")),
    ] {
        refused(&with(field, value).to_string());
    }
}

#[test]
fn words_for_nothing_are_nothing() {
    for word in [
        "N/A",
        "n/a",
        "not provided",
        "null",
        "None",
        "Unknown",
        "-",
        "not given",
        "(none)",
        "No name given",
        "[unknown]",
    ] {
        for field in ["name", "email", "phone"] {
            let entities = mended(&with(&format!("/entities/{field}"), json!(word)).to_string()).entities;
            let value = match field {
                "name" => entities.name,
                "email" => entities.email,
                _ => entities.phone,
            };
            assert_eq!(value, None, "{field}: {word}");
        }
    }
    let email =
        |value: &str| analysis::parse(&with("/entities/email", json!(value)).to_string()).unwrap().entities.email;
    assert_eq!(email("the one on file"), None, "an address has an @");
    assert_eq!(email("dana@example.com").as_deref(), Some("dana@example.com"));
    assert_eq!(email("[EMAIL_1]").as_deref(), Some("[EMAIL_1]"), "redaction's placeholder is one");
    let phone =
        |value: &str| analysis::parse(&with("/entities/phone", json!(value)).to_string()).unwrap().entities.phone;
    assert_eq!(phone("the number they called from"), None, "a number has digits");
    assert_eq!(phone("٢١٢ ٥٥٥ ٠١٤٢").as_deref(), Some("٢١٢ ٥٥٥ ٠١٤٢"));
    assert_eq!(phone("[PHONE_1]").as_deref(), Some("[PHONE_1]"));
    let name = |value: &str| analysis::parse(&with("/entities/name", json!(value)).to_string()).unwrap().entities.name;
    for kept in ["Na", "Nan", "Noah Null", "Ann Known", "Mr. Given"] {
        assert_eq!(name(kept).as_deref(), Some(kept));
    }
}

fn reply(message: Value) -> Result<voice_core::reply::Reply, String> {
    let body = json!({"choices": [{"message": message, "finish_reason": "stop"}]}).to_string();
    OPENAI_CHAT.parse(&Question::fixed_fields(), body.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn a_list_of_parts_is_joined_without_the_thoughts() {
    let text = good().to_string();
    let (one, two) = text.split_at(40);
    for parts in [
        json!([{"type": "text", "text": text}]),
        json!([{"type": "text", "text": one}, {"type": "text", "text": two}]),
        json!([{"type": "thinking", "thinking": [{"type": "text", "text": "{\"a\": 1}"}]}, {"type": "text", "text": text}]),
        json!([{"type": "reasoning", "text": "hm"}, {"type": "output_text", "text": text}]),
        json!([one, two]),
    ] {
        let reply = reply(json!({"content": parts})).unwrap();
        assert_eq!((reply.answer.analysis.unwrap(), reply.answer.mended), (as_it_stands(), true));
    }
    let image = json!([{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": text}]);
    // An object instead of text could be the answer, a part of one, or anything.
    for content in [image, good(), json!({"type": "text", "text": text}), json!({})] {
        assert_eq!(reply(json!({"content": content})).unwrap_err(), "the content has a part that is not text");
    }
}

#[test]
fn where_the_content_is_empty_the_one_field_that_is_an_analysis_is_read() {
    let text = good().to_string();
    let call =
        |arguments: Value| json!({"type": "function", "function": {"name": "call_analysis", "arguments": arguments}});
    for message in [
        json!({"content": null, "reasoning_content": text}),
        json!({"content": "", "reasoning_content": text}),
        json!({"content": " \n", "reasoning": text}),
        json!({"reasoning": text}),
        json!({"content": null, "tool_calls": [call(json!(text))]}),
        json!({"content": null, "tool_calls": [call(good())]}),
        json!({"content": null, "function_call": {"name": "x", "arguments": text}}),
    ] {
        let reply = reply(message.clone()).unwrap_or_else(|error| panic!("{error}: {message}"));
        assert_eq!((reply.answer.analysis.unwrap(), reply.answer.mended), (as_it_stands(), true));
    }
    let thoughts = format!("She wants a cut. {text}");
    assert_eq!(
        reply(json!({"content": null, "reasoning_content": thoughts})).unwrap_err(),
        "the message has no content, and reasoning_content is not an analysis either"
    );
    let two = json!({"content": null, "tool_calls": [call(json!(text)), call(json!(text))]});
    assert_eq!(reply(two).unwrap_err(), "the message has no content");
    // Thoughts beside an answer are none of our business.
    let beside = reply(json!({"content": text, "reasoning_content": "{\"lead_score\": 1}"})).unwrap();
    assert_eq!((beside.answer.analysis.unwrap(), beside.answer.mended), (as_it_stands(), false));
}
