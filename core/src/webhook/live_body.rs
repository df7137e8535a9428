//! What a receiver is told of a call in progress: the last look, never the transcript.

use serde::Serialize;
use serde_json::value::RawValue;

use super::body::{Message, escaped};
use super::{Event, Format};
use crate::scrub::shortened;

/// A call in progress, as its receiver sees it. Times are RFC 3339, in UTC.
#[derive(Debug, Clone, Serialize)]
pub struct LiveCall {
    pub call_id: String,
    pub agent_id: String,
    pub agent: String,
    pub vertical: String,
    /// As of which turn.
    pub turn: Option<i32>,
    pub looks: i32,
    /// `None`, here and below: not asked for.
    pub sentiment: Option<f64>,
    pub lead_score: Option<i32>,
    pub intent: Option<String>,
    pub criteria: Box<RawValue>,
    /// What alerts were raised for so far.
    pub alerts: Vec<String>,
    pub summary: String,
    pub started_at: Option<String>,
    pub asked_at: Option<String>,
    pub computed_at: String,
    /// When the last alert was raised; not part of what is told.
    #[serde(skip)]
    pub alerted_at: String,
    pub direction: String,
    /// The other party's number.
    pub contact_number: Option<String>,
    pub external_id: Option<String>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'a str,
    timestamp: &'a str,
    data: &'a LiveCall,
}

/// Of an agent's name and of alerts, which nothing limits: Slack refuses a block of more than 3,000 characters.
const NAME_MAX_CHARS: usize = 100;
const ALERTS_MAX_CHARS: usize = 1000;

/// The body of the request, to the byte that is signed.
pub fn of(event: Event, format: Format, call: &LiveCall) -> Vec<u8> {
    let body = match format {
        Format::Standard => {
            serde_json::to_vec(&Envelope { r#type: event.as_str(), timestamp: &call.computed_at, data: call })
        }
        Format::Slack => serde_json::to_vec(&Message::of(&lines(event, call))),
    };
    // Strings and finite numbers are JSON whatever they say.
    body.unwrap_or_default()
}

/// What people read in a channel.
fn lines(event: Event, call: &LiveCall) -> Vec<String> {
    let name = |words: &str| escaped(&shortened(words, NAME_MAX_CHARS));
    let what = if event == Event::CallAlert { "Alert" } else { "Call in progress" };
    let agent = if call.agent.is_empty() { &call.agent_id } else { &call.agent };
    let figures: Vec<String> = [
        call.sentiment.map(|sentiment| format!("sentiment {sentiment:+.2}")),
        call.lead_score.map(|score| format!("score {score}")),
        call.intent.clone(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut lines = vec![format!("*{what}*: {} ({}, {})", figures.join(", "), name(agent), name(&call.vertical))];
    if !call.alerts.is_empty() {
        lines.push(format!("> {}", escaped(&shortened(&call.alerts.join(", "), ALERTS_MAX_CHARS))));
    }
    if !call.summary.is_empty() {
        lines.push(format!("> {}", escaped(&call.summary)));
    }
    let external_id = call.external_id.as_deref().map_or(String::new(), |id| format!(" ({})", name(id)));
    lines.push(format!("> Call {}{external_id}", call.call_id));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn call() -> LiveCall {
        LiveCall {
            call_id: "01912d68-783e-7a03-8467-5661c1243ad4".into(),
            agent_id: "iris".into(),
            agent: "Iris".into(),
            vertical: "healthcare".into(),
            turn: Some(12),
            looks: 3,
            sentiment: Some(-0.7),
            lead_score: None,
            intent: Some("complaint".into()),
            criteria: RawValue::from_string(r#"{"care": {"greeting": {"verdict": "fail"}}}"#.into()).unwrap(),
            alerts: vec!["sentiment".into(), "criteria.care.greeting".into()],
            summary: "Wants <!channel> a manager.".into(),
            started_at: Some("2026-11-24T10:00:00.000Z".into()),
            asked_at: Some("2026-11-24T10:03:20.000Z".into()),
            computed_at: "2026-11-24T10:03:21.512Z".into(),
            alerted_at: "2026-11-24T10:03:20.000Z".into(),
            direction: "inbound".into(),
            contact_number: None,
            external_id: Some("CA<9>".into()),
        }
    }

    #[test]
    fn the_payload_is_the_look_and_no_word_of_the_transcript() {
        let body: Value = serde_json::from_slice(&of(Event::CallLive, Format::Standard, &call())).unwrap();
        assert_eq!((&body["type"], &body["timestamp"]), (&json!("call.live"), &json!("2026-11-24T10:03:21.512Z")));
        let data = &body["data"];
        assert_eq!((&data["turn"], &data["sentiment"], &data["lead_score"]), (&json!(12), &json!(-0.7), &Value::Null));
        assert_eq!(data["criteria"]["care"]["greeting"]["verdict"], "fail");
        assert_eq!(data["alerts"], json!(["sentiment", "criteria.care.greeting"]));
        assert!(data.get("alerted_at").is_none());
    }

    #[test]
    fn slack_reads_an_alert_that_neither_links_nor_rings() {
        let body: Value = serde_json::from_slice(&of(Event::CallAlert, Format::Slack, &call())).unwrap();
        let text = body["text"].as_str().unwrap();
        assert_eq!(
            text,
            "*Alert*: sentiment -0.70, complaint (Iris, healthcare)\n> sentiment, criteria.care.greeting\n\
             > Wants &lt;!channel&gt; a manager.\n> Call 01912d68-783e-7a03-8467-5661c1243ad4 (CA&lt;9&gt;)"
        );
        assert_eq!(body["blocks"].as_array().unwrap().len(), 4);
    }
}
