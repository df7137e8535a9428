//! What a receiver is told: the figures and the words of the analysis, never the transcript.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Event, Format};

/// An analysed call, as its receiver sees it. Times are RFC 3339, in UTC.
#[derive(Debug, Clone, Serialize)]
pub struct Lead {
    pub call_id: String,
    pub agent_id: String,
    pub agent: String,
    pub vertical: String,
    pub lead_score: i32,
    pub sentiment: f64,
    pub intent: String,
    pub entities: Box<RawValue>,
    pub summary: String,
    pub next_action: String,
    pub started_at: Option<String>,
    pub ended_at: Option<String>,
    pub analyzed_at: String,
}

#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'a str,
    timestamp: &'a str,
    data: &'a Lead,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

/// The body of the request, to the byte that is signed.
pub fn of(event: Event, format: Format, lead: &Lead) -> Vec<u8> {
    let body = match format {
        Format::Standard => {
            serde_json::to_vec(&Envelope { r#type: event.as_str(), timestamp: &lead.analyzed_at, data: lead })
        }
        Format::Slack => serde_json::to_vec(&Message { text: text(event, lead) }),
    };
    // Strings and finite numbers are JSON whatever they say.
    body.unwrap_or_default()
}

/// What people read in a channel.
fn text(event: Event, lead: &Lead) -> String {
    let what = match event {
        Event::LeadHot => "Hot lead",
        Event::CallAnalyzed => "Call analyzed",
    };
    let agent = if lead.agent.is_empty() { &lead.agent_id } else { &lead.agent };
    let said = |words: &str| escaped(words).replace('\n', " ");
    let mut text = format!(
        "*{what}*: score {}, {}, sentiment {:+.2} ({}, {})",
        lead.lead_score,
        lead.intent,
        lead.sentiment,
        said(agent),
        said(&lead.vertical)
    );
    for (label, words) in [("", &lead.summary), ("Next: ", &lead.next_action)] {
        if !words.is_empty() {
            text += &format!("\n> {label}{}", said(words));
        }
    }
    text + &format!("\n> Call {}", lead.call_id)
}

/// As Slack wants it; and then nobody's words are a link, or call the whole channel.
fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead() -> Lead {
        Lead {
            call_id: "01912d68-783e-7a03-8467-5661c1243ad4".into(),
            agent_id: "iris".into(),
            agent: "Iris".into(),
            vertical: "healthcare".into(),
            lead_score: 92,
            sentiment: 0.6,
            intent: "sales".into(),
            entities: RawValue::from_string(r#"{"name": "Dana", "email": null}"#.into()).unwrap(),
            summary: "Wants <!channel> implants & soon.".into(),
            next_action: "Call\nback.".into(),
            started_at: Some("2026-11-24T10:00:00.000Z".into()),
            ended_at: None,
            analyzed_at: "2026-11-24T10:03:21.512Z".into(),
        }
    }

    #[test]
    fn the_payload_says_what_and_when_and_no_word_of_the_transcript() {
        let body = of(Event::LeadHot, Format::Standard, &lead());
        assert_eq!(
            String::from_utf8(body).unwrap(),
            concat!(
                r#"{"type":"lead.hot","timestamp":"2026-11-24T10:03:21.512Z","data":{"#,
                r#""call_id":"01912d68-783e-7a03-8467-5661c1243ad4","agent_id":"iris","agent":"Iris","vertical":"healthcare","#,
                r#""lead_score":92,"sentiment":0.6,"intent":"sales","entities":{"name": "Dana", "email": null},"#,
                r#""summary":"Wants <!channel> implants & soon.","next_action":"Call\nback.","#,
                r#""started_at":"2026-11-24T10:00:00.000Z","ended_at":null,"analyzed_at":"2026-11-24T10:03:21.512Z"}}"#
            )
        );
    }

    #[test]
    fn a_callers_words_neither_link_nor_ring_in_slack() {
        let body: serde_json::Value = serde_json::from_slice(&of(Event::LeadHot, Format::Slack, &lead())).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"text": "*Hot lead*: score 92, sales, sentiment +0.60 (Iris, healthcare)\n> Wants &lt;!channel&gt; implants &amp; soon.\n> Next: Call back.\n> Call 01912d68-783e-7a03-8467-5661c1243ad4"})
        );
    }
}
