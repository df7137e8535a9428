//! Where the one JSON object of a reply stands: alone, or within what servers and models are known to put around it.
//!
//! - thoughts before it: what follows their last closing tag counts (`</think>`, harmony's `final` channel);
//! - a fence around all of it (CommonMark's, three or more of ``` or ~~~, or inline code);
//! - control tokens of chat templates that a server did not take out (`<|im_end|>`, `</s>`).
//!
//! Anything else around it is refused, and so is a second object: which of two is meant nobody knows.

use std::cell::Cell;

use serde::de::DeserializeSeed;
use serde_json::error::Category;
use serde_json::{Map, Value};

use super::AnalysisError;
use super::unique::Unique;

/// What ends a model's thoughts.
const THOUGHTS_END: [&str; 7] =
    ["</think>", "</thinking>", "</thought>", "</reasoning>", "</seed:think>", "[/THINK]", "◁/think▷"];
/// Harmony (gpt-oss): `<|channel|>final<|message|>`, where other channels hold thoughts.
const CHANNEL: &str = "<|channel|>";
const MESSAGE: &str = "<|message|>";
/// Tokens that do not look like `<|…|>`.
const OPENING: [&str; 8] =
    ["<s>", "<bos>", "<start_of_turn>", "[/INST]", "<answer>", "<json>", "<output>", "<response>"];
const CLOSING: [&str; 8] =
    ["</s>", "<eos>", "<end_of_turn>", "[/INST]", "</answer>", "</json>", "</output>", "</response>"];
/// Words that stand after an opening token.
const ROLES: [&str; 4] = ["assistant", "model", "final", "json"];
/// Frames within frames, at most.
const FRAMES_MAX: usize = 16;
/// Ends of thoughts that are tried, from the last.
const ENDS_MAX: usize = 64;

/// The object, and whether it stood in a frame.
///
/// # Errors
/// There is not exactly one object, or something else beside it.
pub(super) fn object(content: &str) -> Result<(Map<String, Value>, bool), AnalysisError> {
    let content = trimmed(content);
    let refused = match bare(content) {
        Ok(object) => return Ok((object, false)),
        // As it stands it is one JSON value, or cannot be two readings: no frame changes that.
        Err(refused @ (AnalysisError::DuplicateKey(_) | AnalysisError::EmptyContent(_))) => return Err(refused),
        Err(refused) => refused,
    };
    let inside = unframed(content);
    // Of an answer that has begun, what follows such a tag is a caller's words in a text of it.
    let thoughts = if inside.starts_with('{') { Vec::new() } else { ends_of_thoughts(content) };
    let after_thoughts = thoughts.into_iter().map(|end| unframed(&content[end..]));
    let mut why = refused;
    for candidate in std::iter::once(inside).chain(after_thoughts).filter(|candidate| *candidate != content) {
        match bare(candidate) {
            Ok(object) => return Ok((object, true)),
            Err(duplicate @ AnalysisError::DuplicateKey(_)) => return Err(duplicate),
            // Of an object in a frame, what is wrong with it; else what is wrong with the whole.
            Err(error) if candidate.starts_with('{') => why = error,
            Err(_) => {}
        }
    }
    Err(why)
}

/// The object that the text is, white space around it allowed.
///
/// # Errors
/// The text is anything else.
pub(super) fn bare(content: &str) -> Result<Map<String, Value>, AnalysisError> {
    let content = trimmed(content);
    if content.is_empty() {
        return Err(AnalysisError::EmptyContent(None));
    }
    let duplicate = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(content);
    let value = match (Unique { duplicate: &duplicate }).deserialize(&mut deserializer) {
        Ok(value) => value,
        Err(error) => return Err(duplicate.take().unwrap_or_else(|| not_json(content, &error))),
    };
    deserializer.end().map_err(|_| AnalysisError::TextAfter)?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(AnalysisError::NotAnObject),
    }
}

fn not_json(content: &str, error: &serde_json::Error) -> AnalysisError {
    if error.classify() == Category::Eof {
        return AnalysisError::Truncated;
    }
    // "Here is the JSON: {…}" is by far the most common: more useful than "line 1 column 1".
    if !content.starts_with('{') && content.contains('{') {
        return AnalysisError::TextBefore;
    }
    AnalysisError::NotJson(error.to_string())
}

/// Without white space and the mark of byte order around it.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// Where the answer may begin: after each end of thoughts, from the last. At most one of them begins a whole object: a
/// later one would stand inside of it, in a string, and what follows there is no object of its own.
fn ends_of_thoughts(text: &str) -> Vec<usize> {
    let tags = THOUGHTS_END.iter().flat_map(|tag| text.match_indices(tag).map(|(at, tag)| at + tag.len()));
    let finals = text.match_indices(MESSAGE).filter(|(at, _)| {
        let before = &text[..*at];
        let header = before.rfind(CHANNEL).map(|channel| before[channel + CHANNEL.len()..].trim_start());
        header.is_some_and(|header| header.starts_with("final") && !header.contains('{'))
    });
    let mut ends: Vec<usize> = tags.chain(finals.map(|(at, tag)| at + tag.len())).collect();
    ends.sort_unstable_by(|a, b| b.cmp(a));
    ends.truncate(ENDS_MAX);
    ends
}

fn unframed(text: &str) -> &str {
    let mut text = trimmed(text);
    for _ in 0..FRAMES_MAX {
        let inner = inside_fence(text).or_else(|| after_token(text)).or_else(|| before_token(text));
        match inner {
            Some(inner) => text = trimmed(inner),
            None => break,
        }
    }
    text
}

/// The inside of a fence that begins with the text, and ends with it if it is closed at all.
fn inside_fence(text: &str) -> Option<&str> {
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = text.trim_start_matches(mark);
    let fence = &text[..text.len() - rest.len()];
    if mark == '~' && fence.len() < 3 {
        return None;
    }
    // The info string: the name of a language.
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+'));
    Some(rest.trim_end().strip_suffix(fence).unwrap_or(rest))
}

fn after_token(text: &str) -> Option<&str> {
    let rest = match bar_token(text) {
        Some(length) => &text[length..],
        None => OPENING.iter().find_map(|token| text.strip_prefix(token))?,
    };
    let rest = rest.trim_start();
    let after_role = ROLES.iter().find_map(|role| {
        let after = rest.strip_prefix(role)?;
        after.starts_with(|c: char| c.is_whitespace() || matches!(c, '{' | '<' | '`')).then_some(after)
    });
    Some(after_role.unwrap_or(rest))
}

fn before_token(text: &str) -> Option<&str> {
    if let Some(rest) = CLOSING.iter().find_map(|token| text.strip_suffix(token)) {
        return Some(rest);
    }
    let at = text.rfind(['<']).filter(|_| text.ends_with('>'))?;
    (bar_token(&text[at..]) == Some(text.len() - at)).then_some(&text[..at])
}

/// Length of a token `<|name|>` (or DeepSeek's `<｜name｜>`) at the beginning.
fn bar_token(text: &str) -> Option<usize> {
    let bars = [("<|", "|>"), ("<｜", "｜>")];
    let (opening, closing) = bars.into_iter().find(|(opening, _)| text.starts_with(opening))?;
    let name = &text[opening.len()..];
    let length = name.find(closing)?;
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '▁' | ' ');
    (length <= 40 && name[..length].chars().all(is_name)).then_some(opening.len() + length + closing.len())
}
