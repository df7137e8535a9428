//! What a receiver is told of an alert that was raised or cleared: figures, and whose calls they are of. No call is named.

use serde::{Deserialize, Serialize};

use super::body::{Message, escaped};
use super::{Event, Format};
use crate::scrub::shortened;

/// An event of an alert, as its receiver sees it. Times are RFC 3339, in UTC.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AlertEvent {
    pub event_id: String,
    /// The alert's name.
    pub alert: String,
    pub metric: String,
    pub op: String,
    /// In the unit of the metric, as `value` is.
    pub threshold: f64,
    /// Seconds.
    pub window_s: i64,
    /// `None`: nothing was measured any more.
    pub value: Option<f64>,
    /// Calls that the value is made of; `None`: it is of none.
    pub calls: Option<i64>,
    /// `None`, here and below: of all.
    pub agent_id: Option<String>,
    pub vertical: Option<String>,
    pub analysis: Option<String>,
    pub currency: Option<String>,
    pub reason: String,
    /// The minute of the evaluation.
    pub at: String,
    pub raised_at: String,
}

#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'a str,
    timestamp: &'a str,
    data: &'a AlertEvent,
}

/// Of names, which callers of the API choose: Slack refuses a block of more than 3,000 characters.
const NAME_MAX_CHARS: usize = 100;

/// The body of the request, to the byte that is signed.
pub fn of(event: Event, format: Format, alert: &AlertEvent) -> Vec<u8> {
    let body = match format {
        Format::Standard => serde_json::to_vec(&Envelope { r#type: event.as_str(), timestamp: &alert.at, data: alert }),
        Format::Slack => serde_json::to_vec(&Message::of(&lines(event, alert))),
    };
    // Strings and finite numbers are JSON whatever they say.
    body.unwrap_or_default()
}

/// What people read in a channel.
fn lines(event: Event, alert: &AlertEvent) -> Vec<String> {
    let name = |words: &str| escaped(&shortened(words, NAME_MAX_CHARS));
    let what = if event == Event::AlertCleared { "Cleared" } else { "Alert" };
    let value =
        alert.value.map_or("nothing measured".to_owned(), |value| format!("{} is {}", alert.metric, figure(value)));
    let calls = alert.calls.map_or(String::new(), |calls| format!(", of {calls} calls"));
    let mut lines = vec![
        format!("*{what}*: {}", name(&alert.alert)),
        format!(
            "> {}{calls} (alert: {} {} over {})",
            escaped(&value),
            escaped(&alert.op),
            figure(alert.threshold),
            stretch(alert.window_s)
        ),
    ];
    let scope: Vec<String> = [&alert.agent_id, &alert.vertical, &alert.analysis, &alert.currency]
        .into_iter()
        .flatten()
        .map(|words| name(words))
        .collect();
    if !scope.is_empty() {
        lines.push(format!("> {}", scope.join(", ")));
    }
    if event == Event::AlertCleared {
        lines.push(format!("> {}; raised {}", escaped(&alert.reason), escaped(&alert.raised_at)));
    }
    lines
}

/// A number with three digits after the point at most.
fn figure(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A stretch of time in the largest unit that it is a whole number of.
fn stretch(seconds: i64) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "min")];
    let (size, unit) = units.into_iter().find(|(size, _)| seconds % size == 0).unwrap_or((1, "s"));
    format!("{} {unit}", seconds / size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn alert() -> AlertEvent {
        let row = json!({
            "event_id": "01912d68-783e-7a03-8467-5661c1243ad4", "alert": "too <many> transfers", "metric": "transfer_share",
            "op": ">", "threshold": 0.5, "window_s": 1800, "value": 0.518_518_518, "calls": 27, "agent_id": "iris",
            "vertical": null, "analysis": null, "currency": null, "reason": "back",
            "at": "2026-03-04T12:47:00.000Z", "raised_at": "2026-03-04T12:47:00.000Z"
        });
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn the_payload_is_the_row_of_the_event() {
        let body: Value = serde_json::from_slice(&of(Event::AlertRaised, Format::Standard, &alert())).unwrap();
        assert_eq!((&body["type"], &body["timestamp"]), (&json!("alert.raised"), &json!("2026-03-04T12:47:00.000Z")));
        let data = &body["data"];
        assert_eq!(
            (&data["alert"], &data["value"], &data["calls"], &data["vertical"]),
            (&json!("too <many> transfers"), &json!(0.518_518_518), &json!(27), &Value::Null)
        );
    }

    #[test]
    fn slack_reads_what_is_wrong_and_what_is_over_without_a_link() {
        let text = |event| {
            let body: Value = serde_json::from_slice(&of(event, Format::Slack, &alert())).unwrap();
            body["text"].as_str().unwrap().to_owned()
        };
        let raised = "*Alert*: too &lt;many&gt; transfers\n> transfer_share is 0.519, of 27 calls (alert: &gt; 0.5 over 30 min)\n> iris";
        assert_eq!(text(Event::AlertRaised), raised);
        assert!(text(Event::AlertCleared).ends_with("\n> iris\n> back; raised 2026-03-04T12:47:00.000Z"));
    }

    #[test]
    fn figures_and_stretches_are_short() {
        assert_eq!([figure(3059.0), figure(0.25), figure(0.0)], ["3059", "0.25", "0"]);
        assert_eq!([stretch(604_800), stretch(7200), stretch(5400)], ["7 d", "2 h", "90 min"]);
    }
}
