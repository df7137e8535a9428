//! What the form `voice` has, and what a payload has beside it.

use super::json::Object;
use crate::scrub::shortened;

/// What the form `voice` says of a call, as [`Import::parse`] reads it.
const KEYS: [&str; 23] = [
    "agent",
    "agent_id",
    "cost",
    "currency",
    "direction",
    "duration_ms",
    "end_reason",
    "ended_at",
    "external_id",
    "from",
    "from_number",
    "id",
    "language",
    "meta",
    "recording_url",
    "scores",
    "started_at",
    "status",
    "to",
    "to_number",
    "tool_calls",
    "turns",
    "vertical",
];

/// A note of keys that are none of the form: `startedAt` is not `started_at`.
pub(super) fn left_out(call: &Object<'_>) -> Option<String> {
    const SHOWN: usize = 5;
    let others = call.others(&KEYS);
    if others.is_empty() {
        return None;
    }
    let shown: Vec<String> = others.iter().take(SHOWN).map(|key| shortened(key, 40)).collect();
    let more = if others.len() > SHOWN { " and more" } else { "" };
    Some(format!("the form voice has no {}{more}: left out (what has no place goes into meta)", shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::Import;

    #[test]
    fn what_the_form_does_not_know_is_named() {
        let notes = |json: &str| Import::parse(json).unwrap().notes;
        assert_eq!(
            notes(r#"{"turns": [], "startedAt": "2026-03-01T09:30:00Z", "endedAt": null, "started_at": null}"#),
            ["the form voice has no endedAt, startedAt: left out (what has no place goes into meta)"]
        );
        assert_eq!(notes(r#"{"turns": [], "vertical": "salon", "meta": {"startedAt": 1}}"#), [""; 0]);
        let many: String = (0..9).map(|n| format!(r#", "x{n}": {n}"#)).collect();
        assert!(
            notes(&format!(r#"{{"turns": []{many}}}"#))[0]
                .starts_with("the form voice has no x0, x1, x2, x3, x4 and more: ")
        );
    }
}
