//! What an analysis of a call says, and the only door through which a model's words become one.
//!
//! A reply is read as a reader would read it, and refused where it could be read in two ways. A number out of range is
//! refused, never bent until it fits: a lead score of 250 is a model that did not understand the question, and 100 would
//! be our invention.

mod absent;
mod cut;
mod fields;
mod frame;
mod unique;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::answer::LookAnswer;
use crate::live::Fields;
use crate::scrub;
use crate::strip_invisible::strip_invisible;

pub(crate) use cut::cut;
pub(crate) use unique::{UniqueError, unique_json};

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
    /// The model declined, in so many characters.
    Refusal(usize),
    /// `finish_reason` says that the answer is not whole: `length` or `content_filter`.
    Unfinished(String),
    /// The field beside the content that holds text instead, which is no analysis either.
    EmptyContent(Option<&'static str>),
    /// The content is a list with a part that is no text.
    UnknownPart,
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
            AnalysisError::Refusal(length) => write!(f, "the model refused, in {length} characters"),
            AnalysisError::Unfinished(reason) => write!(f, "the answer is not whole: finish_reason is {reason}"),
            AnalysisError::EmptyContent(None) => write!(f, "the message has no content"),
            AnalysisError::EmptyContent(Some(field)) => {
                write!(f, "the message has no content, and {field} is not an analysis either")
            }
            AnalysisError::UnknownPart => write!(f, "the content has a part that is not text"),
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

/// A reply that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    pub analysis: Analysis,
    /// It did not hold to the form that was asked for: it had a frame around it, a text was cut, a value was read that the
    /// schema does not allow.
    pub mended: bool,
}

/// Reads the fixed fields in the content of a model's message: one JSON object, as it is or in a known frame (`frame.rs`).
/// What is read in it and what is refused stands in `fields.rs`. All that a question asks for is read by
/// [`crate::answer::read`].
///
/// # Errors
/// The content is not such an object, or a field is missing, of another type or out of range.
pub fn read(content: &str) -> Result<Read, AnalysisError> {
    let (object, framed) = frame::object(content)?;
    let read = fields::read(&object)?;
    Ok(Read { mended: read.mended || framed, ..read })
}

/// The one JSON object of a reply, and whether it stood in a frame.
///
/// # Errors
/// There is not exactly one object, or something unknown beside it.
pub(crate) fn object(content: &str) -> Result<(Map<String, Value>, bool), AnalysisError> {
    frame::object(content)
}

/// The JSON object that the text is.
///
/// # Errors
/// It is anything else.
pub(crate) fn bare_object(content: &str) -> Result<Map<String, Value>, AnalysisError> {
    frame::bare(content)
}

/// The fixed fields of a reply; others are not looked at.
///
/// # Errors
/// A field is missing, of another type or out of range.
pub(crate) fn of_object(object: &Map<String, Value>) -> Result<Read, AnalysisError> {
    fields::read(object)
}

/// Those of the fixed fields of a look that are wanted, and whether they were mended.
///
/// # Errors
/// A field is missing, of another type or out of range.
pub(crate) fn of_look(object: &Map<String, Value>, wanted: Fields) -> Result<(LookAnswer, bool), AnalysisError> {
    fields::read_look(object, wanted)
}

/// The analysis of [`read`].
///
/// # Errors
/// As [`read`].
pub fn parse(content: &str) -> Result<Analysis, AnalysisError> {
    read(content).map(|read| read.analysis)
}

/// What a server calls its model, shortened.
pub(crate) fn excerpt(words: &str) -> String {
    scrub::shortened(words, 80)
}
