//! Answers that do not hold to the form that was asked for, and can be read all the same, cost no call; how many there are
//! is no secret.

use crate::voice::Voice;
use harness::stub::{Reply, StubLlm};
use serde_json::json;

const HELLO: &[(&str, &str)] = &[("user", "I want a cut")];

fn good_but(field: &str, value: serde_json::Value) -> Reply {
    let mut content = Reply::good();
    content[field] = value;
    Reply::content(&content.to_string())
}

#[test]
fn an_answer_in_a_known_frame_is_stored_at_once_and_counted_as_mended() {
    let good = Reply::good().to_string();
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let replies = [
        Reply::content(&format!("```json\n{good}\n```")),
        Reply::content(&format!("<think>Is she {{a lead}}?</think>\n{good}")),
        Reply::content(&format!("<|channel|>final<|message|>{good}")),
        Reply::content(&format!("{good}<|im_end|>")),
        Reply::message(json!({"content": [{"type": "text", "text": good}]}), "stop"),
        Reply::message(json!({"content": null, "reasoning_content": good}), "stop"),
        Reply::message(
            json!({"content": null, "tool_calls": [{"function": {"name": "f", "arguments": good}}]}),
            "tool_calls",
        ),
        good_but("summary", json!("word ".repeat(60))),
        good_but("lead_score", json!("85")),
        good_but("intent", json!("Booking ")),
        good_but("next_action", json!(null)),
        good_but("entities", json!({"name": "N/A", "email": "not provided", "phone": "null", "topic": "cut"})),
    ];
    let count = replies.len();
    for reply in replies {
        stub.answer_always(reply);
        let call = voice.call(HELLO);
        voice.drained();
        assert_eq!(voice.attempts(&call), [("ok".to_owned(), None)]);
    }
    assert_eq!(stub.count(), count, "each was asked once");
    stub.answer_always(Reply::analysis());
    for _ in 0..4 {
        voice.call(HELLO);
        voice.drained();
    }
    let row = "SELECT analyses, mended, mended_share FROM voice.metrics_by_model";
    let row = voice.client.query_one(row, &[]).unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (16, 12));
    assert_eq!(row.get::<_, f64>(2), 0.75);
    assert_eq!(voice.count("SELECT count(*) FROM voice.attempt WHERE mended") as usize, count);
    assert_eq!(voice.count("SELECT count(*) FROM voice.attempt WHERE outcome = 'ok' AND mended IS NULL"), 4);
}

#[test]
fn what_is_stored_of_a_mended_answer_is_what_a_reader_would_read() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let mut content = Reply::good();
    content["summary"] = json!(format!("Asked for a cut. {}", "And so on and on ".repeat(20)));
    content["entities"] = json!({"name": "N/A", "email": "not provided", "phone": "null", "topic": "cut"});
    content["next_action"] = json!("N/A");
    stub.answer_always(Reply::content(&content.to_string()));
    voice.call(HELLO);
    voice.drained();
    let row = voice.client.query_one("SELECT summary, next_action, entities::text FROM voice.analytics", &[]).unwrap();
    let summary: String = row.get(0);
    assert!(summary.chars().count() <= 240 && summary.ends_with("…"), "{summary}");
    assert_eq!(row.get::<_, String>(1), "none");
    assert_eq!(row.get::<_, String>(2), r#"{"name": null, "email": null, "phone": null, "topic": "cut"}"#);
}

#[test]
fn what_could_be_read_in_two_ways_is_refused_with_its_reason() {
    let good = Reply::good().to_string();
    let stub = StubLlm::start();
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_attempts", 1));
    for (reply, reason) in [
        (Reply::content(&format!("{good}\n{good}")), "there is text after the JSON object"),
        (Reply::content(&good.replacen('{', r#"{"lead_score": 3, "#, 1)), "the key lead_score is there twice"),
        (good_but("lead_score", json!(85.5)), "lead_score must be an integer, not 85.5"),
        (good_but("entities", json!([])), "entities must be an object, not an array"),
        (good_but("summary", json!(" ")), "summary is blank"),
    ] {
        stub.answer_always(reply);
        let call = voice.call(HELLO);
        voice.drained();
        let expected = format!("the model's reply was refused: {reason}");
        assert_eq!(voice.attempts(&call), [("dead".to_owned(), Some(expected))]);
    }
}
