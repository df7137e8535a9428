//! What an analysis of a call says, and the only door through which a model's words become one.
//!
//! A reply that is out of range is refused, never bent until it fits: a lead score of 250 is a model
//! that did not understand the question, and 100 would be our invention.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::scrub;
use crate::strip_invisible::strip_invisible;

pub use crate::vocabulary::Intent;

/// The model named on the row of a call in which the user said nothing.
pub const NO_CONVERSATION_MODEL: &str = "rule/no-conversation";

/// Longest summary, in characters as Postgres' `char_length` counts them.
pub const SUMMARY_MAX_CHARS: usize = 240;
/// Longest next action. Asked for as one short sentence; this only keeps a rambling model out of the table.
pub const NEXT_ACTION_MAX_CHARS: usize = 500;
/// Longest value of an entity: an e-mail address has at most 320 characters, and nothing asked for is longer.
pub const ENTITY_MAX_CHARS: usize = 320;

/// Who the caller is and what the call was about, as far as it was said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entities {
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub topic: Option<String>,
}

/// One call, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// −1.0 (angry) to 1.0 (delighted), finite.
    pub sentiment: f64,
    /// 0 to 100.
    pub lead_score: i32,
    pub intent: Intent,
    pub entities: Entities,
    /// At most [`SUMMARY_MAX_CHARS`] characters.
    pub summary: String,
    pub next_action: String,
}

impl Analysis {
    /// Its texts without what cannot be seen: the rules quote callers, and are not read by [`parse`].
    pub(crate) fn shown(self) -> Analysis {
        let shown = |text: String| strip_invisible(&text).trim().to_owned();
        let entity = |text: Option<String>| text.map(shown).filter(|text| !text.is_empty());
        let Entities { name, email, phone, topic } = self.entities;
        Analysis {
            entities: Entities { name: entity(name), email: entity(email), phone: entity(phone), topic: entity(topic) },
            summary: shown(self.summary),
            next_action: shown(self.next_action),
            ..self
        }
    }
}

/// The analysis of a call in which the user said nothing: no model is asked.
pub fn no_conversation() -> Analysis {
    Analysis {
        sentiment: 0.0,
        lead_score: 0,
        intent: Intent::None,
        entities: Entities::default(),
        summary: "The caller said nothing.".into(),
        next_action: "none".into(),
    }
}

/// Why a model's reply is not an analysis. Each reason reads as the end of "the model's reply was refused: …". None has a
/// word of the model's in it: reasons are stored where operators read them, and a model repeats what callers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnalysisError {
    /// The body of the response is not a chat completion.
    NotACompletion(String),
    EmptyChoices,
    /// The model declined, in so many characters.
    Refusal(usize),
    /// `finish_reason` says that the answer is not whole: `length` or `content_filter`.
    Unfinished(String),
    EmptyContent,
    NotJson(String),
    TextBefore,
    TextAfter,
    Truncated,
    NotAnObject,
    /// The name of ours that it is.
    DuplicateKey(Option<&'static str>),
    Missing(&'static str),
    WrongType {
        field: &'static str,
        expected: &'static str,
        got: String,
    },
    OutOfRange {
        field: &'static str,
        allowed: &'static str,
        got: String,
    },
    /// A word of so many characters.
    UnknownIntent(usize),
    TooLong {
        field: &'static str,
        max: usize,
        got: usize,
    },
    Blank(&'static str),
    Nul(&'static str),
}

impl fmt::Display for AnalysisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnalysisError::NotACompletion(why) => write!(f, "the body is not a chat completion: {why}"),
            AnalysisError::EmptyChoices => write!(f, "choices is empty"),
            AnalysisError::Refusal(length) => write!(f, "the model refused, in {length} characters"),
            AnalysisError::Unfinished(reason) => write!(f, "the answer is not whole: finish_reason is {reason}"),
            AnalysisError::EmptyContent => write!(f, "the message has no content"),
            AnalysisError::NotJson(why) => write!(f, "not JSON: {why}"),
            AnalysisError::TextBefore => write!(f, "there is text before the JSON object"),
            AnalysisError::TextAfter => write!(f, "there is text after the JSON object"),
            AnalysisError::Truncated => write!(f, "the JSON is cut off"),
            AnalysisError::NotAnObject => write!(f, "the JSON is not an object"),
            AnalysisError::DuplicateKey(Some(key)) => write!(f, "the key {key} is there twice"),
            AnalysisError::DuplicateKey(None) => write!(f, "a key is there twice"),
            AnalysisError::Missing(field) => write!(f, "{field} is missing"),
            AnalysisError::WrongType { field, expected, got } => write!(f, "{field} must be {expected}, not {got}"),
            AnalysisError::OutOfRange { field, allowed, got } => write!(f, "{field} must be {allowed}, not {got}"),
            AnalysisError::UnknownIntent(length) => {
                let known = "info, booking, complaint, sales, support, none";
                write!(f, "intent must be one of {known}, not another word of {length} characters")
            }
            AnalysisError::TooLong { field, max, got } => {
                write!(f, "{field} has {got} characters, at most {max} are allowed")
            }
            AnalysisError::Blank(field) => write!(f, "{field} is blank"),
            AnalysisError::Nul(field) => write!(f, "{field} contains a NUL character"),
        }
    }
}

impl std::error::Error for AnalysisError {}

/// Reads the content of a model's message: exactly one JSON object, white space around it allowed.
///
/// Unknown extra fields are ignored: servers without strict schemas add some, and they change nothing.
/// A key that is there twice is refused: the reply says two things. 85.0 is an integer, as JSON Schema has it.
/// A blank entity is a missing one. Characters that cannot be seen are taken out of all texts.
///
/// # Errors
/// The content is not such an object, or a field is missing, of another type or out of range.
pub fn parse(content: &str) -> Result<Analysis, AnalysisError> {
    let content = content.trim();
    if content.is_empty() {
        return Err(AnalysisError::EmptyContent);
    }
    let duplicate = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(content);
    let value = match (Unique { duplicate: &duplicate }).deserialize(&mut deserializer) {
        Ok(value) => value,
        Err(error) => return Err(duplicate.take().unwrap_or_else(|| not_json(content, &error))),
    };
    deserializer.end().map_err(|_| AnalysisError::TextAfter)?;
    let Value::Object(object) = value else { return Err(AnalysisError::NotAnObject) };

    let entities = match field(&object, "entities")? {
        Value::Object(entities) => entities,
        other => return Err(wrong_type("entities", "an object", other)),
    };
    Ok(Analysis {
        sentiment: sentiment(&object)?,
        lead_score: lead_score(&object)?,
        intent: intent(&object)?,
        entities: Entities {
            name: entity(entities, "name", "entities.name")?,
            email: entity(entities, "email", "entities.email")?,
            phone: entity(entities, "phone", "entities.phone")?,
            topic: entity(entities, "topic", "entities.topic")?,
        },
        summary: Some(text(field(&object, "summary")?, "summary", SUMMARY_MAX_CHARS)?)
            .filter(|summary| !summary.is_empty())
            .ok_or(AnalysisError::Blank("summary"))?,
        next_action: text(field(&object, "next_action")?, "next_action", NEXT_ACTION_MAX_CHARS)?,
    })
}

fn not_json(content: &str, error: &serde_json::Error) -> AnalysisError {
    if error.classify() == Category::Eof {
        return AnalysisError::Truncated;
    }
    // "Here is the JSON: {…}" and a fenced block are by far the most common: more useful than "line 1 column 1".
    if !content.starts_with('{') && content.contains('{') {
        return AnalysisError::TextBefore;
    }
    AnalysisError::NotJson(error.to_string())
}

fn field<'a>(object: &'a Map<String, Value>, name: &'static str) -> Result<&'a Value, AnalysisError> {
    object.get(name).ok_or(AnalysisError::Missing(name))
}

fn sentiment(object: &Map<String, Value>) -> Result<f64, AnalysisError> {
    let value = field(object, "sentiment")?;
    let number = value.as_f64().ok_or_else(|| wrong_type("sentiment", "a number", value))?;
    if !(-1.0..=1.0).contains(&number) {
        return Err(AnalysisError::OutOfRange { field: "sentiment", allowed: "from -1.0 to 1.0", got: figure(value) });
    }
    // −0.0 would be shown as -0 by Postgres.
    Ok(number + 0.0)
}

fn lead_score(object: &Map<String, Value>) -> Result<i32, AnalysisError> {
    let value = field(object, "lead_score")?;
    let number = value.as_f64().ok_or_else(|| wrong_type("lead_score", "an integer", value))?;
    if number.fract() != 0.0 {
        return Err(wrong_type("lead_score", "an integer", value));
    }
    if !(0.0..=100.0).contains(&number) {
        return Err(AnalysisError::OutOfRange { field: "lead_score", allowed: "from 0 to 100", got: figure(value) });
    }
    // Whole and within 0..=100 as just checked, so the cast is exact.
    Ok(number as i32)
}

fn intent(object: &Map<String, Value>) -> Result<Intent, AnalysisError> {
    match field(object, "intent")? {
        Value::String(word) => {
            Intent::from_word(word).ok_or_else(|| AnalysisError::UnknownIntent(word.chars().count()))
        }
        other => Err(wrong_type("intent", "a string", other)),
    }
}

fn entity(entities: &Map<String, Value>, name: &str, path: &'static str) -> Result<Option<String>, AnalysisError> {
    match entities.get(name) {
        None => Err(AnalysisError::Missing(path)),
        Some(Value::Null) => Ok(None),
        Some(value @ Value::String(_)) => {
            Ok(Some(text(value, path, ENTITY_MAX_CHARS)?).filter(|text| !text.is_empty()))
        }
        Some(other) => Err(wrong_type(path, "a string or null", other)),
    }
}

fn text(value: &Value, field: &'static str, max: usize) -> Result<String, AnalysisError> {
    let Value::String(text) = value else { return Err(wrong_type(field, "a string", value)) };
    // Postgres stores no NUL in text or jsonb: refused here, the row fails as one attempt and not as an SQL error.
    if text.contains('\0') {
        return Err(AnalysisError::Nul(field));
    }
    let text = strip_invisible(text);
    let text = text.trim();
    let got = text.chars().count();
    if got > max {
        return Err(AnalysisError::TooLong { field, max, got });
    }
    Ok(text.to_owned())
}

fn wrong_type(field: &'static str, expected: &'static str, value: &Value) -> AnalysisError {
    let got = match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(_) => figure(value),
        Value::String(_) => "a string".into(),
        Value::Array(_) => "an array".into(),
        Value::Object(_) => "an object".into(),
    };
    AnalysisError::WrongType { field, expected, got }
}

/// A number as it is, unless it is long enough to be somebody's.
fn figure(value: &Value) -> String {
    let digits = value.to_string();
    match digits.len() {
        ..=6 => digits,
        length => format!("a number of {length} characters"),
    }
}

/// What a server calls its model, shortened.
pub(crate) fn excerpt(words: &str) -> String {
    scrub::shortened(words, 80)
}

/// Names that a reply may have, ours.
const KEYS: [&str; 10] =
    ["sentiment", "lead_score", "intent", "entities", "summary", "next_action", "name", "email", "phone", "topic"];

/// Reads a JSON value in which no object has a key twice (serde_json's own `Value` silently keeps the last).
/// Nesting stays bounded: serde_json counts the depth of whatever it deserializes.
#[derive(Clone, Copy)]
struct Unique<'a> {
    /// Set where a key is found twice, beside the error that ends the reading.
    duplicate: &'a Cell<Option<AnalysisError>>,
}

impl<'de> DeserializeSeed<'de> for Unique<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(self)?;
            if object.contains_key(&key) {
                let known = KEYS.into_iter().find(|known| *known == key);
                self.duplicate.set(Some(AnalysisError::DuplicateKey(known)));
                return Err(A::Error::custom("duplicate key"));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}
