//! What is read of a model's words for one property. One that is bad is refused by its path; the others stay.
//!
//! Read as a reader would, as in `analysis/fields.rs`: a value of an enum in another case, a number in quotation marks, a
//! blank string where null is allowed. Nothing is bent: a number out of range is refused.

use serde_json::{Map, Number, Value};

use super::property::{Kind, Property};
use crate::analysis::cut;
use crate::strip_invisible::strip_invisible;

/// Longest string of a value, in characters. A longer one is cut at a word.
pub(crate) const TEXT_MAX_CHARS: usize = 4000;
/// Items of a list.
const ITEMS_MAX: usize = 1000;

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Paths of what was missing or wrong.
    pub refused: Vec<String>,
    /// Something was read that the schema does not allow.
    pub mended: bool,
}

/// Reads the values of `properties` in `object`. `path`: where it stands in the reply, as in `values`.
pub(crate) fn read(
    properties: &[Property],
    object: &Map<String, Value>,
    path: &str,
    reading: &mut Reading,
) -> Map<String, Value> {
    let mut values = Map::new();
    for property in properties {
        let path = format!("{path}.{}", property.name);
        match of_property(property, object.get(&property.name), &path, reading) {
            Some(value) => {
                values.insert(property.name.clone(), value);
            }
            None => reading.refused.push(path),
        }
    }
    // Their names are the model's words.
    if object.keys().any(|key| properties.iter().all(|property| property.name != *key)) {
        reading.refused.push(format!("{path}.*"));
    }
    values
}

/// The value as it is kept; `None`: it is refused.
fn of_property(property: &Property, value: Option<&Value>, path: &str, reading: &mut Reading) -> Option<Value> {
    let value = match value {
        None if property.nullable => {
            reading.mended = true;
            return Some(Value::Null);
        }
        None => return None,
        Some(Value::Null) => return property.nullable.then_some(Value::Null),
        Some(value) => value,
    };
    if let Kind::Object(inner) = &property.kind {
        let object = value.as_object()?;
        return Some(Value::Object(read(inner, object, path, reading)));
    }
    let blank = |value: &Value| value.as_str().is_some_and(|text| strip_invisible(text).trim().is_empty());
    if property.nullable && blank(value) {
        reading.mended = true;
        return Some(Value::Null);
    }
    let value = of_kind(&property.kind, value, reading)?;
    property.allows(&value).then_some(value)
}

fn of_kind(kind: &Kind, value: &Value, reading: &mut Reading) -> Option<Value> {
    match (kind, value) {
        (Kind::Text, Value::String(text)) => {
            let text = visible(text)?;
            match cut(&text, TEXT_MAX_CHARS) {
                None => Some(Value::String(text)),
                Some(short) => {
                    reading.mended = true;
                    Some(Value::String(short))
                }
            }
        }
        // PostgreSQL has no year 0. The rest of the form is checked with the schema.
        (Kind::Date, Value::String(text)) => {
            let day = visible(text)?;
            (day.len() == 10 && !day.starts_with("0000")).then_some(Value::String(day))
        }
        (Kind::Words(words), Value::String(text)) => {
            if words.contains(text) {
                return Some(value.clone());
            }
            let said = visible(text)?.to_lowercase();
            let word = words.iter().find(|word| word.to_lowercase() == said)?;
            reading.mended = true;
            Some(Value::String(word.clone()))
        }
        (Kind::Number | Kind::Integer | Kind::Figures(..), Value::Number(_) | Value::String(_)) => {
            let number = match value {
                Value::String(text) => {
                    let number = text.trim().parse::<Number>().ok()?;
                    reading.mended = true;
                    number
                }
                Value::Number(number) => number.clone(),
                _ => return None,
            };
            match kind {
                Kind::Number => finite(number),
                Kind::Integer => whole(&number),
                Kind::Figures(figures, _) => {
                    figures.iter().find(|figure| figure.as_f64() == number.as_f64()).cloned().map(Value::Number)
                }
                _ => None,
            }
        }
        (Kind::Boolean, Value::Bool(_)) => Some(value.clone()),
        (Kind::List(item), Value::Array(items)) if items.len() <= ITEMS_MAX => {
            items.iter().map(|value| of_kind(item, value, reading)).collect::<Option<Vec<Value>>>().map(Value::Array)
        }
        _ => None,
    }
}

/// The text as it is stored; `None`: PostgreSQL cannot store it.
fn visible(text: &str) -> Option<String> {
    (!text.contains('\0')).then(|| strip_invisible(text).trim().to_owned())
}

/// −0.0 would be shown as -0 by PostgreSQL.
fn finite(number: Number) -> Option<Value> {
    match number.as_f64().filter(|n| n.is_finite())? {
        0.0 => Some(Value::from(0)),
        _ => Some(Value::Number(number)),
    }
}

/// 85.0 is an integer, as JSON Schema has it; kept as 85, which a column of integers takes. At most 64 bits.
fn whole(number: &Number) -> Option<Value> {
    if let Some(n) = number.as_i64() {
        return Some(Value::from(n));
    }
    // Below 2^53 all integers are exact in a double.
    let n = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9_007_199_254_740_992.0)?;
    Some(Value::from(n as i64))
}
