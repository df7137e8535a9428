//! What receivers and listeners are told is well-formed, whatever the analysis says.

use harness::stub::Request;
use serde_json::{Value, json};

const DATA: [&str; 16] = [
    "agent",
    "agent_id",
    "analyzed_at",
    "call_id",
    "contact_number",
    "direction",
    "ended_at",
    "entities",
    "external_id",
    "intent",
    "lead_score",
    "next_action",
    "sentiment",
    "started_at",
    "summary",
    "vertical",
];

/// A delivery as the official library received it: signed, one JSON value without a key twice, its headers ours, and the
/// words those of the row.
pub fn is_signed_and_well_formed(seen: &Value, headers: &Value, row: &Value, title: &str) {
    assert_eq!(seen["verified"], true, "{title}: {seen}");
    assert_eq!(&seen["headers"], headers, "{title}: a header more or less");
    let body = seen["body"].as_object().expect("an object");
    assert_eq!(body.keys().collect::<Vec<_>>(), ["data", "timestamp", "type"], "{title}");
    assert!(["lead.hot", "call.analyzed"].contains(&body["type"].as_str().unwrap()), "{title}");
    let data = body["data"].as_object().expect("an object");
    let keys: Vec<&str> = data.keys().map(String::as_str).filter(|key| *key != "results").collect();
    assert_eq!(keys, DATA, "{title}");
    for result in data.get("results").and_then(Value::as_array).into_iter().flatten() {
        assert_eq!(result["analysis"], "worth", "{title}: {result}");
    }
    for field in ["call_id", "lead_score", "intent", "entities", "summary", "next_action", "agent_id", "vertical"] {
        assert_eq!(data[field], row[field], "{title}: {field}");
    }
    assert_eq!(data["sentiment"].as_f64(), row["sentiment"].as_f64(), "{title}");
}

/// A message for Slack has our lines and no others, and none of its control characters but ours.
pub fn is_escaped_for_slack(request: &Request, call: &str, title: &str) {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_else(|e| panic!("{title}: {e}"));
    assert_eq!(body.as_object().expect("an object").keys().collect::<Vec<_>>(), ["blocks", "text"], "{title}");
    let text = body["text"].as_str().expect("a text");
    let lines: Vec<&str> = text.split('\n').collect();
    assert!((4..=5).contains(&lines.len()), "{title}: {lines:?}");
    assert!(lines[0].starts_with("*Hot lead*: score ") || lines[0].starts_with("*Call analyzed*: score "), "{title}");
    assert_eq!(lines.last(), Some(&format!("> Call {call}").as_str()), "{title}");
    for (at, line) in lines.iter().enumerate() {
        let words = if at == 0 { line } else { line.strip_prefix("> ").unwrap_or_else(|| panic!("{title}: {line}")) };
        assert!(!words.contains(['<', '>']) && !words.contains(char::is_control), "{title}: {words:?}");
        let bare = ["&amp;", "&lt;", "&gt;"].iter().fold(words.to_owned(), |words, entity| words.replace(entity, ""));
        assert!(!bare.contains('&'), "{title}: {words:?}");
    }
    let block = |line: &&str| json!({"type": "section", "text": {"type": "mrkdwn", "text": line, "verbatim": true}});
    assert_eq!(body["blocks"], lines.iter().map(block).collect::<Value>(), "{title}: no address becomes a link");
}

/// The calls that a notification names, each with its headline and nothing of its words.
pub fn calls_in(payload: &str) -> Vec<Value> {
    let calls: Vec<Value> = serde_json::from_str(payload).expect("a notification is a list of calls");
    for call in &calls {
        let keys: Vec<&String> = call.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["call_id", "intent", "lead_score", "sentiment"]);
        assert!((0..=100).contains(&call["lead_score"].as_i64().expect("a score")), "{call}");
        assert!((-1.0..=1.0).contains(&call["sentiment"].as_f64().expect("a sentiment")), "{call}");
    }
    calls
}
