//! Fields of a JSON object, taken one by one as what they must be; what is left over at the end goes into `meta`.
//!
//! Nothing is decoded before it is taken: each level of a document is read once, and numbers keep their digits.

use super::ImportError;
use super::time::{Unit, iso};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// So much of a refused value is told.
const MOST_SHOWN: usize = 200;

/// A value of a document and where it stands.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    pub json: &'a str,
    pub path: String,
}

impl<'a> Item<'a> {
    pub fn error(&self, expected: &str) -> ImportError {
        error(&self.path, Some(self.json), expected)
    }

    pub fn is_object(&self) -> bool {
        self.json.starts_with('{')
    }

    pub fn is_array(&self) -> bool {
        self.json.starts_with('[')
    }

    pub fn is_text(&self) -> bool {
        self.json.starts_with('"')
    }

    pub fn text(&self) -> Result<String, ImportError> {
        match serde_json::from_str::<String>(self.json) {
            Ok(text) if text.contains('\0') => Err(self.error("a string without a NUL character")),
            Ok(text) => Ok(text),
            Err(_) => Err(self.error("a string")),
        }
    }

    /// A number, or a string of one.
    pub fn number(&self) -> Result<f64, ImportError> {
        let number = match self.is_text() {
            true => self.text()?.trim().parse().ok(),
            false => serde_json::from_str(self.json).ok(),
        };
        number.filter(|n: &f64| n.is_finite()).ok_or_else(|| self.error("a number"))
    }

    pub fn elements(&self) -> Result<Vec<Item<'a>>, ImportError> {
        let elements: Vec<&'a RawValue> = serde_json::from_str(self.json).map_err(|_| self.error("an array"))?;
        let item = |(at, raw): (usize, &'a RawValue)| Item { json: raw.get(), path: format!("{}[{at}]", self.path) };
        Ok(elements.into_iter().enumerate().map(item).collect())
    }

    /// A moment that is an ISO string or a number.
    pub fn moment(&self, unit: Unit) -> Result<f64, ImportError> {
        if !self.is_text() {
            return unit.moment(self.number()?).map_err(|expected| self.error(&expected));
        }
        let at = iso(&self.text()?).ok_or_else(|| self.error("an ISO 8601 time, as \"2026-03-01T09:30:00Z\""))?;
        Unit::EpochMilliseconds.moment(at.ms).map_err(|_| self.error("a time from 2000 to 2099"))
    }
}

/// An object whose fields are taken.
pub struct Fields<'a> {
    pub path: String,
    values: BTreeMap<Cow<'a, str>, &'a RawValue>,
}

impl<'a> Fields<'a> {
    pub fn of(item: &Item<'a>) -> Result<Self, ImportError> {
        let values = serde_json::from_str(item.json).map_err(|_| item.error("a JSON object"))?;
        Ok(Fields { path: item.path.clone(), values })
    }

    pub fn has(&self, key: &str) -> bool {
        self.peek(key).is_some()
    }

    /// The JSON of a value that stays; `None`: missing or null.
    pub fn peek(&self, key: &str) -> Option<&'a str> {
        self.values.get(key).map(|raw| raw.get()).filter(|json| *json != "null")
    }

    pub fn item(&self, key: &str) -> Option<Item<'a>> {
        self.peek(key).map(|json| Item { json, path: self.path_of(key) })
    }

    pub fn take(&mut self, key: &str) -> Option<Item<'a>> {
        let item = self.item(key);
        self.values.remove(key);
        item
    }

    /// The first of several names that has a value.
    pub fn take_any(&mut self, keys: &[&str]) -> Option<Item<'a>> {
        keys.iter().map(|key| self.take(key)).fold(None, |found, item| found.or(item))
    }

    /// Leaves it out: it says nothing that is not said elsewhere.
    pub fn drop(&mut self, keys: &[&str]) {
        for key in keys {
            self.values.remove(*key);
        }
    }

    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub fn error(&self, key: &str, expected: &str) -> ImportError {
        error(&self.path_of(key), self.values.get(key).map(|raw| raw.get()), expected)
    }

    pub fn required(&mut self, key: &str, expected: &str) -> Result<Item<'a>, ImportError> {
        match self.has(key) {
            true => self.take(key).ok_or_else(|| self.error(key, expected)),
            false => Err(self.error(key, expected)),
        }
    }

    /// '' is how some senders say that there is none.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, ImportError> {
        let text = self.take(key).map(|item| item.text()).transpose()?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// A string, or a number as it is written.
    pub fn id(&mut self, key: &str) -> Result<Option<String>, ImportError> {
        match self.item(key) {
            Some(item) if item.json.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                self.take(key);
                Ok(Some(item.json.to_owned()))
            }
            _ => self.text(key),
        }
    }

    pub fn number(&mut self, key: &str) -> Result<Option<f64>, ImportError> {
        self.take(key).filter(|item| item.json != "\"\"").map(|item| item.number()).transpose()
    }

    pub fn boolean(&mut self, key: &str) -> Result<Option<bool>, ImportError> {
        let Some(item) = self.take(key) else { return Ok(None) };
        serde_json::from_str(item.json).map(Some).map_err(|_| item.error("true or false"))
    }

    pub fn object(&mut self, key: &str) -> Result<Option<Fields<'a>>, ImportError> {
        self.take(key).map(|item| Fields::of(&item)).transpose()
    }

    pub fn array(&mut self, key: &str) -> Result<Option<Vec<Item<'a>>>, ImportError> {
        self.take(key).map(|item| item.elements()).transpose()
    }

    /// Milliseconds since 1970, of an ISO string or of a number that counts `unit`.
    pub fn moment(&mut self, key: &str, unit: Unit) -> Result<Option<f64>, ImportError> {
        self.take(key).filter(|item| item.json != "\"\"").map(|item| item.moment(unit)).transpose()
    }

    pub fn offset(&mut self, key: &str, unit: Unit) -> Result<Option<f64>, ImportError> {
        self.milliseconds(key, |value| unit.offset(value))
    }

    pub fn duration(&mut self, key: &str, unit: Unit) -> Result<Option<f64>, ImportError> {
        self.milliseconds(key, |value| unit.duration(value))
    }

    /// Whole milliseconds.
    pub fn latency(&mut self, key: &str, unit: Unit) -> Result<Option<i32>, ImportError> {
        Ok(self.duration(key, unit)?.map(|ms| ms.round() as i32))
    }

    fn milliseconds(
        &mut self,
        key: &str,
        read: impl Fn(f64) -> Result<f64, String>,
    ) -> Result<Option<f64>, ImportError> {
        let Some(item) = self.take(key).filter(|item| item.json != "\"\"") else { return Ok(None) };
        read(item.number()?).map(Some).map_err(|expected| item.error(&expected))
    }

    /// Any field that has a value and that nobody took.
    pub fn first_left(&self) -> Option<Item<'a>> {
        self.values.keys().find_map(|key| self.item(key))
    }

    pub fn take_first(&mut self) -> Option<(String, Item<'a>)> {
        let (key, raw) = self.values.pop_first()?;
        let item = Item { json: raw.get(), path: self.path_of(&key) };
        Some((key.into_owned(), item))
    }

    /// What nobody took, in a JSON object; `None`: nothing that says anything.
    pub fn left(self) -> Option<String> {
        let mut left = Json::object();
        self.into_json(&mut left);
        left.into_some()
    }

    pub fn into_json(self, json: &mut Json) {
        for (key, raw) in self.values {
            if raw.get() != "null" {
                json.raw(&key, raw.get());
            }
        }
    }
}

/// A JSON object that is being written.
#[derive(Debug, Clone, Default)]
pub struct Json(String);

impl Json {
    pub fn object() -> Self {
        Json(String::new())
    }

    pub fn raw(&mut self, key: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&quoted(key));
        self.0.push(':');
        self.0.push_str(json);
    }

    pub fn text(&mut self, key: &str, text: &str) {
        self.raw(key, &quoted(text));
    }

    pub fn optional(&mut self, key: &str, text: Option<&String>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    /// A number; whole ones without a point.
    pub fn number(&mut self, key: &str, number: f64) {
        self.raw(key, &number_json(number));
    }

    pub fn into_some(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0 + "}")
    }

    pub fn finish(self) -> String {
        self.into_some().unwrap_or_else(|| "{}".to_owned())
    }
}

pub fn number_json(number: f64) -> String {
    let whole = number.fract() == 0.0 && number.abs() < 9e15;
    if whole { format!("{}", number as i64) } else { serde_json::Value::from(number).to_string() }
}

pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

pub fn array_json<T: AsRef<str>>(elements: &[T]) -> String {
    let elements: Vec<&str> = elements.iter().map(AsRef::as_ref).collect();
    format!("[{}]", elements.join(","))
}

pub fn error(path: &str, json: Option<&str>, expected: &str) -> ImportError {
    let path = if path.is_empty() { "the payload" } else { path };
    let value = json.map(|json| json.chars().take(MOST_SHOWN).collect());
    ImportError { path: path.to_owned(), value, expected: expected.to_owned() }
}

/// JSON that stands in a string (arguments and results of tools): objects, arrays and strings are what they say; anything
/// else, and what Postgres could not store, stays the string.
pub fn parsed(item: &Item<'_>) -> Result<Option<String>, ImportError> {
    if !item.is_text() {
        return Ok((item.json != "null").then(|| item.json.to_owned()));
    }
    let text = item.text()?;
    let inner = text.trim();
    let is_stored = || serde_json::from_str::<serde_json::Value>(inner).is_ok() && !has_nul(inner);
    Ok(match inner.as_bytes().first() {
        None => None,
        Some(b'{' | b'[' | b'"') if is_stored() => Some(inner.to_owned()),
        _ => Some(item.json.to_owned()),
    })
}

/// Whether a string of this JSON holds a NUL character, which Postgres stores nowhere.
pub fn has_nul(json: &str) -> bool {
    let bytes = json.as_bytes();
    json.match_indices("\\u0000").any(|(at, _)| {
        let backslashes = bytes[..at].iter().rev().take_while(|b| **b == b'\\').count();
        backslashes % 2 == 0
    })
}
