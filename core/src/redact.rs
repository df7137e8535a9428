//! What a language model need not know: card numbers, e-mail addresses, phone numbers and US social security numbers are
//! replaced by placeholders before a transcript leaves the database. What stands for what is kept by the asker and
//! resolves what comes back. What is caught and what is not is measured in `docs/redaction.md`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde_json::Value;

use crate::analysis::{Analysis, ENTITY_MAX_CHARS, NEXT_ACTION_MAX_CHARS, SUMMARY_MAX_CHARS};
use crate::answer::{Answer, QUOTE_MAX_CHARS};
use crate::definition::TEXT_MAX_CHARS;
use crate::evidence::Evidence;
use crate::phone;
use crate::pii::{Found, Kind, asks_for_phone, find};
use crate::redact_json::{Scalar, is_json, replace_scalars};
use crate::transcript::{Line, ToolCall, Turn};

/// What the placeholders of one call stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlaceholderMap {
    numbers: HashMap<(Kind, String), u32>,
    /// What the words of the call name themselves: no placeholder of ours has such a number.
    spoken: HashSet<(Kind, u32)>,
    /// Other spellings of a phone number that has a placeholder: with a country code, or without it.
    aliases: HashMap<String, u32>,
    /// The highest number that was given out, of each kind.
    last: [u32; Kind::ALL.len()],
}

/// A text is read so often at most, so that reading ends whatever it holds.
const ROUNDS_MAX: usize = 8;

/// A longer text of a tool is read at its two ends: nothing between them is shown to a model.
const TOOL_TEXT_MAX_BYTES: usize = 16 * 1024;

/// The lines with placeholders, and what these stand for. The same value has the same placeholder throughout, however it
/// was spelt and whether it was said or handed to a tool; words of a caller that look like a placeholder are never one of
/// ours. Takes time linear in the text.
///
/// Arguments and results of tools stay JSON: their strings change, and a whole number that is a value becomes a string.
pub fn redact(lines: &[Line]) -> (Vec<Line>, PlaceholderMap) {
    let mut secrets = PlaceholderMap::default();
    for line in lines {
        match line {
            Line::Turn(turn) => secrets.hear(&turn.text),
            Line::Tool(call) => call_texts(call).for_each(|text| secrets.hear_json(text)),
        }
    }
    let mut redacted: Vec<Line> = Vec::with_capacity(lines.len());
    let mut turn_before: Option<usize> = None;
    for line in lines {
        redacted.push(match line {
            Line::Turn(turn) => {
                let before = turn_before.and_then(|at| redacted[at].turn()).map_or("", |turn| &turn.text);
                let text = secrets.replace(&turn.text, before).unwrap_or_else(|| turn.text.clone());
                turn_before = Some(redacted.len());
                Line::Turn(Turn { role: turn.role, speaker: turn.speaker.clone(), text })
            }
            Line::Tool(call) => Line::Tool(ToolCall {
                name: call.name.clone(),
                args: secrets.replace_tool_text(&call.args),
                result: call.result.as_deref().map(|text| secrets.replace_tool_text(text)),
                error: call.error.as_deref().map(|text| secrets.replace_tool_text(text)),
                latency_ms: call.latency_ms,
            }),
        });
    }
    (redacted, secrets)
}

/// What of a tool call may hold values.
fn call_texts(call: &ToolCall) -> impl Iterator<Item = &str> {
    [Some(call.args.as_str()), call.result.as_deref(), call.error.as_deref()].into_iter().flatten()
}

impl PlaceholderMap {
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// How many different values of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.numbers.keys().filter(|(k, _)| *k == kind).count()
    }

    /// Takes note of what the call names itself.
    fn hear(&mut self, text: &str) {
        self.spoken.extend(placeholders(text).map(|p| (p.kind, p.number)));
    }

    /// The same, also where it is escaped.
    fn hear_json(&mut self, text: &str) {
        self.hear(text);
        if text.len() <= TOOL_TEXT_MAX_BYTES && text.contains("\\u") {
            replace_scalars(text, &mut |scalar, _| {
                if let Scalar::Text(text) = scalar {
                    self.hear(text);
                }
                None
            });
        }
    }

    /// The text with placeholders, until nothing more is found in it: without a value that stood beside it, what is left may be
    /// one. `None`: nothing was found. `before`: what was said or what it is called before it.
    fn replace(&mut self, text: &str, before: &str) -> Option<String> {
        let mut replaced = None;
        for _ in 0..ROUNDS_MAX {
            let text = replaced.as_deref().unwrap_or(text);
            let found = find(text, before);
            if found.is_empty() {
                break;
            }
            replaced = Some(self.put_placeholders(text, found));
        }
        replaced
    }

    fn put_placeholders(&mut self, text: &str, found: Vec<Found>) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for Found { place, kind, value } in found {
            let number = self.number(kind, value);
            out.push_str(&text[at..place.start]);
            out.push_str(&format!("[{}_{number}]", kind.as_str()));
            at = place.end;
        }
        out.push_str(&text[at..]);
        out
    }

    /// The number of a value's placeholder.
    fn number(&mut self, kind: Kind, value: String) -> u32 {
        if let Some(number) = self.numbers.get(&(kind, value.clone())) {
            return *number;
        }
        if let Some(number) = self.aliases.get(&value).filter(|_| kind == Kind::Phone) {
            return *number;
        }
        // What the caller says without the country code, a tool is often given with it.
        let international = value.strip_prefix('+').filter(|_| kind == Kind::Phone).and_then(phone::international);
        let within = international.map(|number| phone::dialled_within(&number)).unwrap_or_default();
        let known = within.iter().find_map(|form| self.numbers.get(&(kind, form.clone())).copied());
        if let Some(number) = known {
            self.aliases.insert(value, number);
            return number;
        }
        let (last, spoken) = (&mut self.last[kind as usize], &self.spoken);
        // Ends: no call names all of them.
        *last = (last.saturating_add(1)..).find(|number| !spoken.contains(&(kind, *number))).unwrap_or(u32::MAX);
        for form in within {
            self.aliases.entry(form).or_insert(*last);
        }
        self.numbers.insert((kind, value), *last);
        *last
    }

    /// Arguments, a result or an error of a tool with placeholders.
    fn replace_tool_text(&mut self, text: &str) -> String {
        if text.len() > TOOL_TEXT_MAX_BYTES {
            let head = &text[..text.floor_char_boundary(TOOL_TEXT_MAX_BYTES / 2)];
            let tail = &text[text.ceil_char_boundary(text.len() - TOOL_TEXT_MAX_BYTES / 2)..];
            let [head, tail] = [head, tail].map(|end| self.replace(end, "").unwrap_or_else(|| end.to_owned()));
            return format!("{head} […] {tail}");
        }
        if !is_json(text) {
            return self.replace(text, "").unwrap_or_else(|| text.to_owned());
        }
        let replaced = replace_scalars(text, &mut |scalar, called| match scalar {
            Scalar::Text(text) => self.replace(text, called),
            Scalar::Digits(digits) if may_be_value(digits, called) => self.replace(digits, called),
            Scalar::Digits(_) => None,
        });
        replaced.unwrap_or_else(|| text.to_owned())
    }

    /// A text with the values of its placeholders, as far as they come back. Placeholders that nobody gave out stay.
    pub fn resolve<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut out = String::new();
        let mut at = 0;
        for placeholder in placeholders(text) {
            let Some(value) = self.value(&placeholder) else { continue };
            out.push_str(&text[at..placeholder.place.start]);
            out.push_str(value);
            at = placeholder.place.end;
        }
        if at == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(&text[at..]);
        Cow::Owned(out)
    }

    /// The analysis of redacted words as one of the words themselves. A text that would be longer than is allowed keeps
    /// its placeholders.
    pub fn resolve_analysis(&self, analysis: Analysis) -> Analysis {
        if self.is_empty() {
            return analysis;
        }
        let mut entities = analysis.entities;
        for entity in [&mut entities.name, &mut entities.email, &mut entities.phone, &mut entities.topic] {
            *entity = entity.take().map(|text| self.within(bracketed(text), ENTITY_MAX_CHARS));
        }
        Analysis {
            entities,
            summary: self.within(analysis.summary, SUMMARY_MAX_CHARS),
            next_action: self.within(analysis.next_action, NEXT_ACTION_MAX_CHARS),
            ..analysis
        }
    }

    /// The same of all that was asked: the fixed fields, and the values of definitions. Claims stay as the model made
    /// them: they are checked against the words that it saw, and what comes of that is for [`Self::resolve_evidence`].
    pub fn resolve_answer(&self, answer: Answer) -> Answer {
        if self.is_empty() {
            return answer;
        }
        let mut results = answer.results;
        for result in &mut results {
            result.values.values_mut().for_each(|value| self.resolve_value(value));
        }
        Answer { analysis: answer.analysis.map(|analysis| self.resolve_analysis(analysis)), results, ..answer }
    }

    /// Quotes of redacted words as quotes of the words themselves.
    pub fn resolve_evidence(&self, evidence: Vec<Evidence>) -> Vec<Evidence> {
        if self.is_empty() {
            return evidence;
        }
        let resolved = |one: Evidence| Evidence { quote: self.within(one.quote, QUOTE_MAX_CHARS), ..one };
        evidence.into_iter().map(resolved).collect()
    }

    fn resolve_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.within(bracketed(std::mem::take(text)), TEXT_MAX_CHARS),
            Value::Array(items) => items.iter_mut().for_each(|item| self.resolve_value(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.resolve_value(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The text resolved, unless it would be longer than `max` characters.
    fn within(&self, text: String, max: usize) -> String {
        match self.resolve(&text) {
            Cow::Owned(resolved) if resolved.chars().count() <= max => resolved,
            _ => text,
        }
    }

    fn value(&self, placeholder: &Placeholder) -> Option<&str> {
        let known =
            |(key, number): (&'_ (Kind, String), &u32)| key.0 == placeholder.kind && *number == placeholder.number;
        if !comes_back(placeholder.kind) {
            return None;
        }
        self.numbers.iter().find(|(key, number)| known((key, number))).map(|((_, value), _)| value.as_str())
    }
}

/// Whether a number in JSON may be somebody's. Ten digits with a one before are seconds since 1970, unless they are called a
/// phone's: no country code is left out before such a number, and in North America no area begins so.
fn may_be_value(digits: &str, called: &str) -> bool {
    const SHORTEST: usize = 7;
    let is_time = digits.len() == 10 && digits.starts_with('1');
    digits.len() >= SHORTEST && (!is_time || asks_for_phone(called))
}

/// Whether the value is put back into what is stored. How to reach the caller is what an analysis is for; a card's or
/// social security number stays where it was said, so that no row that others read is one more copy of it.
fn comes_back(kind: Kind) -> bool {
    matches!(kind, Kind::Email | Kind::Phone)
}

/// A text that is a placeholder but for its brackets, with them: some models take these for decoration.
fn bracketed(text: String) -> String {
    let bare = format!("[{text}]");
    if placeholders(&bare).any(|p| p.place.len() == bare.len()) { bare } else { text }
}

struct Placeholder {
    place: Range<usize>,
    kind: Kind,
    number: u32,
}

/// What looks like a placeholder, in letters of either size.
fn placeholders(text: &str) -> impl Iterator<Item = Placeholder> + '_ {
    text.match_indices('[').filter_map(|(start, _)| {
        // No kind is longer than EMAIL, and no number than ten digits.
        let inside =
            text[start + 1..].bytes().take(17).position(|b| b == b']').map(|end| &text[start + 1..start + 1 + end])?;
        let (word, number) = inside.split_once('_')?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(word))?;
        let number = number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse().ok())??;
        Some(Placeholder { place: start..start + inside.len() + 2, kind, number })
    })
}
