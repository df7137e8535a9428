//! Whatever is said, a value that has the form of a card's number, an address or a social security number does not
//! leave; what does leave is otherwise the caller's own words, and the values come back to their places.

use serde_json::value::RawValue;
use voice_core::pii::{Kind, find};
use voice_core::redact::PlaceholderMap;
use voice_core::transcript::{Line, ToolCall, Turn, numbered};

/// The turns of a call without tools, redacted.
pub fn redact(turns: &[Turn]) -> (Vec<Turn>, PlaceholderMap) {
    let lines: Vec<Line> = turns.iter().cloned().map(Line::from).collect();
    let (redacted, secrets) = voice_core::redact::redact(&lines);
    (redacted.iter().filter_map(Line::turn).cloned().collect(), secrets)
}

pub fn holds(bytes: &[u8]) {
    held(&super::speech::turns(bytes));
    of_a_tool(&String::from_utf8_lossy(bytes));
}

/// A text that a tool got and gave.
fn of_a_tool(text: &str) {
    let text = text.to_owned();
    let call =
        ToolCall { name: text.clone(), args: text.clone(), result: Some(text.clone()), error: None, latency_ms: None };
    let (once, secrets) = voice_core::redact::redact(&[call.into()]);
    let Line::Tool(redacted) = &once[0] else { panic!("a tool call stays one") };
    assert_eq!(Some(&redacted.args), redacted.result.as_ref());
    if serde_json::from_str::<&RawValue>(&text).is_ok() {
        assert!(serde_json::from_str::<&RawValue>(&redacted.args).is_ok(), "JSON stays JSON: {}", redacted.args);
    }
    assert!(!secrets.is_empty() || redacted.args == text);
    let (twice, none) = voice_core::redact::redact(&once);
    assert_eq!((&twice, none.is_empty()), (&once, true), "once is enough");
    assert_eq!(numbered(&once)[0].lines().count(), 1, "a tool call is a line");
}

pub fn held(turns: &[Turn]) {
    let (redacted, secrets) = redact(turns);
    assert_eq!(redacted.len(), turns.len());
    let mut before = "";
    // With and without its country code a number is the same one, and comes back as it was first said.
    let (mut with_code, mut without) = (false, false);
    for (turn, redacted) in turns.iter().zip(&redacted) {
        assert_eq!(turn.role, redacted.role);
        let found = find(&turn.text, before);
        let (mut restored, mut at, mut all_come_back) = (String::new(), 0, true);
        for one in &found {
            assert!(at <= one.place.start && one.place.start < one.place.end, "{found:?}");
            restored += &turn.text[at..one.place.start];
            restored += &one.value;
            at = one.place.end;
            all_come_back &= matches!(one.kind, Kind::Email | Kind::Phone);
            with_code |= one.kind == Kind::Phone && one.value.starts_with('+');
            without |= one.kind == Kind::Phone && !one.value.starts_with('+');
        }
        restored += &turn.text[at..];
        if all_come_back && !(with_code && without) {
            assert_eq!(secrets.resolve(&redacted.text), restored);
        }
        leaks_nothing(&turn.text, &redacted.text);
        before = &redacted.text;
    }
    let (again, none) = redact(&redacted);
    assert_eq!((&again, none.is_empty()), (&redacted, true), "once is enough");
}

/// Values that stand alone between plain words, whatever these are.
fn leaks_nothing(said: &str, leaves: &str) {
    let tokens: Vec<&str> = said.split(' ').collect();
    let is_plain =
        |token: Option<&&str>| token.is_none_or(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphabetic()));
    for (at, token) in tokens.iter().enumerate() {
        let alone = is_plain(at.checked_sub(1).and_then(|at| tokens.get(at))) && is_plain(tokens.get(at + 1));
        if alone && (is_card(token) || is_email(token) || is_ssn(token)) {
            assert!(leaves.split(' ').all(|word| word != *token), "{token} has left: {leaves:?}");
        }
    }
}

fn is_card(token: &str) -> bool {
    (13..=19).contains(&token.len())
        && token.bytes().all(|b| b.is_ascii_digit())
        && token.starts_with(['2', '3', '4', '5', '6'])
        && luhn(token)
}

/// ISO/IEC 7812-1, annex B, written anew so that it does not agree with the redactor by being the same lines.
pub fn luhn(digits: &str) -> bool {
    let mut sum = 0;
    for (at, c) in digits.chars().rev().enumerate() {
        let digit = c.to_digit(10).expect("digits");
        sum += if at % 2 == 0 { digit } else { (2 * digit) / 10 + (2 * digit) % 10 };
    }
    sum % 10 == 0
}

fn is_email(token: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
    let parts = token.split_once('@').and_then(|(local, domain)| Some((local, domain.split_once('.')?)));
    parts.is_some_and(|(local, (name, top))| is_name(local) && is_name(name) && is_name(top) && top.len() >= 2)
}

fn is_ssn(token: &str) -> bool {
    let parts: Vec<&str> = token.split('-').collect();
    let [area, group, serial] = parts[..] else { return false };
    (area.len(), group.len(), serial.len()) == (3, 2, 4)
        && token.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        && !matches!(area, "000" | "666")
        && !area.starts_with('9')
        && group != "00"
        && serial != "0000"
}
