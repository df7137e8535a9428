//! What a receiver is told: the figures and the words of the analysis, never the transcript.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Event, Format};
use crate::scrub::shortened;

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
    pub direction: String,
    /// The other party's number: who rang or, of an outbound call, who was rung.
    pub contact_number: Option<String>,
    /// The telephony provider's id of the call.
    pub external_id: Option<String>,
    /// What the tenant's analyses made of the call, a list of objects; `None`: nothing, or the event carries none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'a str,
    timestamp: &'a str,
    data: &'a Lead,
}

/// What Slack shows: the blocks, and in notifications the text.
#[derive(Serialize)]
pub(super) struct Message {
    text: String,
    blocks: Vec<Block>,
}

impl Message {
    /// A block a line.
    pub(super) fn of(lines: &[String]) -> Message {
        let block = |line: &String| Block {
            r#type: "section",
            text: Words { r#type: "mrkdwn", text: line.clone(), verbatim: true },
        };
        Message { text: lines.join("\n"), blocks: lines.iter().map(block).collect() }
    }
}

#[derive(Serialize)]
struct Block {
    r#type: &'static str,
    text: Words,
}

/// Verbatim, or Slack makes links of whatever addresses a caller has spoken; the `parse` of a message does not keep it
/// from that where it comes through an incoming webhook.
#[derive(Serialize)]
struct Words {
    r#type: &'static str,
    text: String,
    verbatim: bool,
}

/// Of an agent's name and vertical, which nothing limits: Slack refuses a block of more than 3,000 characters.
const NAME_MAX_CHARS: usize = 100;

/// The body of the request, to the byte that is signed.
pub fn of(event: Event, format: Format, lead: &Lead) -> Vec<u8> {
    let body = match format {
        Format::Standard => {
            serde_json::to_vec(&Envelope { r#type: event.as_str(), timestamp: &lead.analyzed_at, data: lead })
        }
        Format::Slack => serde_json::to_vec(&Message::of(&lines(event, lead))),
    };
    // Strings and finite numbers are JSON whatever they say.
    body.unwrap_or_default()
}

/// What people read in a channel.
fn lines(event: Event, lead: &Lead) -> Vec<String> {
    let what = match event {
        Event::LeadHot => "Hot lead",
        Event::CallUpdated => "Call judged again",
        _ => "Call analyzed",
    };
    let agent = if lead.agent.is_empty() { &lead.agent_id } else { &lead.agent };
    let name = |words: &str| escaped(&shortened(words, NAME_MAX_CHARS));
    let mut lines = vec![format!(
        "*{what}*: score {}, {}, sentiment {:+.2} ({}, {})",
        lead.lead_score,
        lead.intent,
        lead.sentiment,
        name(agent),
        name(&lead.vertical)
    )];
    for (label, words) in [("", &lead.summary), ("Next: ", &lead.next_action)] {
        if !words.is_empty() {
            lines.push(format!("> {label}{}", escaped(words)));
        }
    }
    if let Some(number) = lead.contact_number.as_deref().filter(|number| !number.is_empty()) {
        let way = if lead.direction == "outbound" { "Called" } else { "Called from" };
        lines.push(format!("> {way} {}", escaped(&shortened(number, NAME_MAX_CHARS))));
    }
    let external_id = lead.external_id.as_deref().map_or(String::new(), |id| format!(" ({})", name(id)));
    lines.push(format!("> Call {}{external_id}", lead.call_id));
    lines
}

/// As Slack wants it, in one line; and then nobody's words are a link, or call the whole channel.
pub(super) fn escaped(words: &str) -> String {
    let one_line = words.replace(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'), " ");
    one_line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

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
            direction: "inbound".into(),
            contact_number: Some("+12125550142".into()),
            external_id: Some("CA<9>".into()),
            results: None,
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
                r#""started_at":"2026-11-24T10:00:00.000Z","ended_at":null,"analyzed_at":"2026-11-24T10:03:21.512Z","#,
                r#""direction":"inbound","contact_number":"+12125550142","external_id":"CA<9>"}}"#
            )
        );
    }

    #[test]
    fn results_stand_at_the_end_of_the_payload() {
        let results = RawValue::from_string(r#"[{"analysis": "booking"}]"#.into()).unwrap();
        let body = of(Event::CallAnalyzed, Format::Standard, &Lead { results: Some(results), ..lead() });
        let body = String::from_utf8(body).unwrap();
        assert!(body.ends_with(r#""external_id":"CA<9>","results":[{"analysis": "booking"}]}}"#), "{body}");
    }

    #[test]
    fn a_callers_words_neither_link_nor_ring_in_slack() {
        let body: Value = serde_json::from_slice(&of(Event::LeadHot, Format::Slack, &lead())).unwrap();
        let lines = [
            "*Hot lead*: score 92, sales, sentiment +0.60 (Iris, healthcare)",
            "> Wants &lt;!channel&gt; implants &amp; soon.",
            "> Next: Call back.",
            "> Called from +12125550142",
            "> Call 01912d68-783e-7a03-8467-5661c1243ad4 (CA&lt;9&gt;)",
        ];
        let block = |line| json!({"type": "section", "text": {"type": "mrkdwn", "text": line, "verbatim": true}});
        assert_eq!(body, json!({"text": lines.join("\n"), "blocks": lines.map(block)}));
    }

    #[test]
    fn no_block_is_longer_than_slack_takes() {
        let long = |chars| "<".repeat(chars);
        let lead =
            Lead { agent: long(9000), vertical: long(9000), summary: long(240), next_action: long(500), ..lead() };
        let body: Value = serde_json::from_slice(&of(Event::LeadHot, Format::Slack, &lead)).unwrap();
        for block in body["blocks"].as_array().unwrap() {
            assert!(block["text"]["text"].as_str().unwrap().chars().count() <= 3000);
        }
    }
}
