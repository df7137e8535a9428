//! What is read in the one JSON object of a reply.
//!
//! Read as a reader would: the case of an intent and blanks around it; a number in quotation marks; a nullable entity
//! that is missing, or a word for nothing ("N/A"); an e-mail without an @ and a phone without a digit, which are none;
//! `next_action: null`; a text over its length, which is cut. Unknown extra fields are ignored: servers without strict
//! schemas add some, and they change nothing. 85.0 is an integer, as JSON Schema has it. A blank entity is a missing one.
//! Characters that cannot be seen are taken out of all texts.

use serde_json::{Map, Number, Value};

use super::absent::{is_absent, is_nothing};
use super::cut::cut;
use super::{
    Analysis, AnalysisError, ENTITY_MAX_CHARS, Entities, Intent, NEXT_ACTION_MAX_CHARS, Read, SUMMARY_MAX_CHARS,
};
use crate::answer::LookAnswer;
use crate::live::Fields;
use crate::strip_invisible::strip_invisible;

/// The next action where there is none.
const NO_ACTION: &str = "none";

/// Reads the fields of a reply.
///
/// # Errors
/// A field is missing, of another type, out of range or blank.
pub(super) fn read(object: &Map<String, Value>) -> Result<Read, AnalysisError> {
    let mut reader = Reader { object, mended: false };
    let sentiment = reader.sentiment()?;
    let lead_score = reader.lead_score()?;
    let intent = reader.intent()?;
    let entities = reader.entities()?;
    let summary = reader.summary()?;
    let next_action = reader.next_action()?;
    let analysis = Analysis { sentiment, lead_score, intent, entities, summary, next_action };
    Ok(Read { analysis, mended: reader.mended })
}

/// Reads those fields of a look that are wanted.
///
/// # Errors
/// As [`read`].
pub(super) fn read_look(object: &Map<String, Value>, wanted: Fields) -> Result<(LookAnswer, bool), AnalysisError> {
    let mut reader = Reader { object, mended: false };
    let look = LookAnswer {
        sentiment: wanted.sentiment.then(|| reader.sentiment()).transpose()?,
        intent: wanted.intent.then(|| reader.intent()).transpose()?,
        lead_score: wanted.lead_score.then(|| reader.lead_score()).transpose()?,
    };
    Ok((look, reader.mended))
}

struct Reader<'a> {
    object: &'a Map<String, Value>,
    /// Something was read that the schema does not allow.
    mended: bool,
}

impl<'a> Reader<'a> {
    fn field(&self, name: &'static str) -> Result<&'a Value, AnalysisError> {
        self.object.get(name).ok_or(AnalysisError::Missing(name))
    }

    /// `value`, which was not in the form that was asked for.
    fn mend<T>(&mut self, value: T) -> T {
        self.mended = true;
        value
    }

    /// A number, also in quotation marks, as JSON writes one.
    fn number(&mut self, name: &'static str, expected: &'static str) -> Result<(f64, &'a Value), AnalysisError> {
        let value = self.field(name)?;
        let number = match value {
            Value::String(text) => text.trim().parse::<Number>().ok().map(|number| self.mend(number)),
            Value::Number(number) => Some(number.clone()),
            _ => None,
        };
        let number = number.and_then(|number| number.as_f64()).filter(|number| number.is_finite());
        Ok((number.ok_or_else(|| wrong_type(name, expected, value))?, value))
    }

    fn sentiment(&mut self) -> Result<f64, AnalysisError> {
        let (number, value) = self.number("sentiment", "a number")?;
        if !(-1.0..=1.0).contains(&number) {
            return Err(AnalysisError::OutOfRange {
                field: "sentiment",
                allowed: "from -1.0 to 1.0",
                got: figure(value),
            });
        }
        // −0.0 would be shown as -0 by Postgres.
        Ok(number + 0.0)
    }

    fn lead_score(&mut self) -> Result<i32, AnalysisError> {
        let (number, value) = self.number("lead_score", "an integer")?;
        if number.fract() != 0.0 {
            return Err(wrong_type("lead_score", "an integer", value));
        }
        if !(0.0..=100.0).contains(&number) {
            return Err(AnalysisError::OutOfRange {
                field: "lead_score",
                allowed: "from 0 to 100",
                got: figure(value),
            });
        }
        // Whole and within 0..=100 as just checked, so the cast is exact.
        Ok(number as i32)
    }

    fn intent(&mut self) -> Result<Intent, AnalysisError> {
        let value = self.field("intent")?;
        let Value::String(word) = value else { return Err(wrong_type("intent", "a string", value)) };
        if let Some(intent) = Intent::from_word(word) {
            return Ok(intent);
        }
        match Intent::from_word(&word.trim().to_lowercase()) {
            Some(intent) => Ok(self.mend(intent)),
            None => Err(AnalysisError::UnknownIntent(word.chars().count())),
        }
    }

    fn entities(&mut self) -> Result<Entities, AnalysisError> {
        let entities = match self.field("entities")? {
            Value::Object(entities) => entities,
            Value::Null => return Ok(self.mend(Entities::default())),
            other => return Err(wrong_type("entities", "an object", other)),
        };
        let mut entity = |name, path, is_none: fn(&str) -> bool| self.entity(entities.get(name), path, is_none);
        Ok(Entities {
            name: entity("name", "entities.name", is_absent)?,
            // A placeholder of redaction stands for an address, and a number is in each.
            email: entity("email", "entities.email", |text| {
                is_absent(text) || !(text.contains('@') || text.contains("[EMAIL_"))
            })?,
            phone: entity("phone", "entities.phone", |text| {
                is_absent(text) || !text.contains(|c: char| c.is_numeric())
            })?,
            topic: entity("topic", "entities.topic", is_nothing)?,
        })
    }

    fn entity(
        &mut self,
        value: Option<&Value>,
        path: &'static str,
        is_none: fn(&str) -> bool,
    ) -> Result<Option<String>, AnalysisError> {
        let text = match value {
            None => return Ok(self.mend(None)),
            Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => shown(text, path)?,
            Some(other) => return Err(wrong_type(path, "a string or null", other)),
        };
        if text.is_empty() {
            return Ok(None);
        }
        if is_none(&text) {
            return Ok(self.mend(None));
        }
        match cut(&text, ENTITY_MAX_CHARS) {
            None => Ok(Some(text)),
            Some(short) if path == "entities.topic" => Ok(self.mend(Some(short))),
            // Half an address is another one.
            Some(_) => Err(AnalysisError::TooLong { field: path, max: ENTITY_MAX_CHARS, got: text.chars().count() }),
        }
    }

    fn summary(&mut self) -> Result<String, AnalysisError> {
        let summary = match self.field("summary")? {
            Value::String(text) => shown(text, "summary")?,
            other => return Err(wrong_type("summary", "a string", other)),
        };
        if summary.is_empty() {
            return Err(AnalysisError::Blank("summary"));
        }
        Ok(self.shortened(summary, SUMMARY_MAX_CHARS))
    }

    fn next_action(&mut self) -> Result<String, AnalysisError> {
        let action = match self.field("next_action")? {
            Value::Null => return Ok(self.mend(NO_ACTION.to_owned())),
            Value::String(text) => shown(text, "next_action")?,
            other => return Err(wrong_type("next_action", "a string", other)),
        };
        if action != NO_ACTION && is_nothing(&action) {
            return Ok(self.mend(NO_ACTION.to_owned()));
        }
        Ok(self.shortened(action, NEXT_ACTION_MAX_CHARS))
    }

    fn shortened(&mut self, text: String, max: usize) -> String {
        match cut(&text, max) {
            None => text,
            Some(short) => self.mend(short),
        }
    }
}

/// The text as it is stored.
fn shown(text: &str, field: &'static str) -> Result<String, AnalysisError> {
    // Postgres stores no NUL in text or jsonb: refused here, the row fails as one attempt and not as an SQL error.
    if text.contains('\0') {
        return Err(AnalysisError::Nul(field));
    }
    Ok(strip_invisible(text).trim().to_owned())
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
    let digits = match value {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    match digits.len() {
        ..=6 => digits,
        length => format!("a number of {length} characters"),
    }
}
