//! Values of a JSON object, read one by one as what they must be.

use super::ImportError;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

const MAX_MS: f64 = 2_147_483_647.0;
const MILLISECONDS: &str = "a number of milliseconds, 0 to 2147483647";
pub const STRING: &str = "a string";
const TIMESTAMP: &str = "an ISO 8601 timestamp, as \"2026-03-01T09:30:00Z\"";

/// A JSON object whose values are not read yet, and where it stands.
pub struct Object<'a> {
    values: BTreeMap<Cow<'a, str>, &'a RawValue>,
    path: String,
}

impl<'a> Object<'a> {
    /// `None`: it is not an object.
    pub fn of(json: &'a str, path: &str) -> Option<Self> {
        Some(Object { values: serde_json::from_str(json).ok()?, path: path.to_owned() })
    }

    /// Its keys that are none of these, by the alphabet.
    pub fn others(&self, known: &[&str]) -> Vec<&str> {
        self.values.keys().map(AsRef::as_ref).filter(|key| !known.contains(key)).collect()
    }

    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// The JSON of a value; `None`: missing or null.
    pub fn value(&self, key: &str) -> Option<&'a str> {
        self.values.get(key).map(|raw| raw.get()).filter(|json| *json != "null")
    }

    pub fn refused(&self, key: &str, expected: &str) -> ImportError {
        let value = self.values.get(key).map(|raw| raw.get().to_owned());
        ImportError { path: format!("{}{key}", self.path), value, expected: expected.to_owned() }
    }

    pub fn required(&self, key: &str, expected: &str) -> Result<&'a str, ImportError> {
        self.values.get(key).map(|raw| raw.get()).ok_or_else(|| self.refused(key, expected))
    }

    /// The JSON of an object.
    pub fn object(&self, key: &str) -> Result<Option<&'a str>, ImportError> {
        match self.value(key) {
            Some(json) if kind(json) != Kind::Object => Err(self.refused(key, "an object")),
            json => Ok(json),
        }
    }

    pub fn string(&self, key: &str) -> Result<Option<String>, ImportError> {
        let Some(json) = self.value(key) else { return Ok(None) };
        match serde_json::from_str::<String>(json) {
            // Postgres stores none.
            Ok(text) if text.contains('\0') => Err(self.refused(key, "a string without a NUL character")),
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(self.refused(key, STRING)),
        }
    }

    pub fn one_of(&self, key: &str, known: &[&str], expected: &str) -> Result<Option<String>, ImportError> {
        let value = self.string(key).map_err(|_| self.refused(key, expected))?;
        match value {
            Some(value) if !known.contains(&value.as_str()) => Err(self.refused(key, expected)),
            value => Ok(value),
        }
    }

    pub fn boolean(&self, key: &str) -> Result<Option<bool>, ImportError> {
        let Some(json) = self.value(key) else { return Ok(None) };
        serde_json::from_str(json).map(Some).map_err(|_| self.refused(key, "true or false"))
    }

    pub fn milliseconds(&self, key: &str) -> Result<Option<f64>, ImportError> {
        let Some(json) = self.value(key) else { return Ok(None) };
        match serde_json::from_str(json) {
            Ok(ms @ 0.0..=MAX_MS) => Ok(Some(ms)),
            _ => Err(self.refused(key, MILLISECONDS)),
        }
    }

    /// Milliseconds from the start of the call; a moment before it, by clocks that differ by up to five minutes, is the start.
    pub fn offset(&self, key: &str) -> Result<Option<f64>, ImportError> {
        const CLOCKS_APART_MS: f64 = 300_000.0;
        let before = self.value(key).and_then(|json| serde_json::from_str(json).ok());
        match before {
            Some(ms) if (-CLOCKS_APART_MS..0.0).contains(&ms) => Ok(Some(0.0)),
            _ => self.milliseconds(key),
        }
    }

    pub fn whole_milliseconds(&self, key: &str) -> Result<Option<i32>, ImportError> {
        Ok(self.milliseconds(key)?.map(|ms| ms.round() as i32))
    }

    pub fn timestamp(&self, key: &str) -> Result<Option<String>, ImportError> {
        match self.string(key) {
            Ok(Some(text)) if !is_timestamp(&text) => Err(self.refused(key, TIMESTAMP)),
            Ok(text) => Ok(text),
            Err(_) => Err(self.refused(key, TIMESTAMP)),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Object,
    String,
    Number,
    Other,
}

/// Told by its first character.
pub fn kind(json: &str) -> Kind {
    match json.as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'"') => Kind::String,
        Some(b'-' | b'0'..=b'9') => Kind::Number,
        _ => Kind::Other,
    }
}

/// The JSON of each element; `None`: it is not an array.
pub fn elements(json: &str) -> Option<Vec<&str>> {
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    Some(elements.into_iter().map(|raw| raw.get()).collect())
}

pub fn refused(path: &str, json: &str, expected: &str) -> ImportError {
    ImportError { path: path.to_owned(), value: Some(json.to_owned()), expected: expected.to_owned() }
}

/// `YYYY-MM-DD`, or with `T` or a space `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fraction`, and that with or without `Z` or an
/// offset (`+HH`, `+HHMM`, `+HH:MM`). Whether the day exists is Postgres' to say.
fn is_timestamp(text: &str) -> bool {
    let number = |text: &str, least: u32, most: u32| {
        text.len() == 2
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.parse::<u32>().is_ok_and(|n| (least..=most).contains(&n))
    };
    if !text.is_ascii() || text.len() < 10 {
        return false;
    }
    let (date, rest) = text.split_at(10);
    let b = date.as_bytes();
    let is_date = b[..4].iter().all(u8::is_ascii_digit)
        && (b[4], b[7]) == (b'-', b'-')
        && number(&date[5..7], 1, 12)
        && number(&date[8..], 1, 31);
    if !is_date || rest.is_empty() {
        return is_date;
    }
    let Some(rest) = rest.strip_prefix(['T', ' ']) else { return false };
    let (time, offset) = rest.split_at(rest.find(['Z', '+', '-']).unwrap_or(rest.len()));
    let (clock, fraction) = match time.trim_end().split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (time.trim_end(), None),
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let is_clock = match parts[..] {
        [hour, minute] => fraction.is_none() && number(hour, 0, 23) && number(minute, 0, 59),
        [hour, minute, second] => number(hour, 0, 23) && number(minute, 0, 59) && number(second, 0, 59),
        _ => false,
    };
    let is_fraction = fraction.is_none_or(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()));
    let is_offset = match offset.strip_prefix(['+', '-']) {
        None => matches!(offset, "" | "Z"),
        Some(digits) => match digits.split_once(':') {
            Some((hours, minutes)) => number(hours, 0, 99) && number(minutes, 0, 59),
            None => matches!(digits.len(), 2 | 4) && digits.bytes().all(|b| b.is_ascii_digit()),
        },
    };
    is_clock && is_fraction && is_offset
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn timestamps_are_iso_8601() {
        for good in [
            "2026-03-01",
            "2026-03-01T09:30",
            "2026-03-01 09:30:59",
            "2026-03-01T09:30:00.123456Z",
            "2026-03-01T09:30:00+05:30",
            "2026-03-01 09:30:00-0800",
            "2026-03-01T09:30:00 +02",
        ] {
            assert!(is_timestamp(good), "{good}");
        }
        for bad in [
            "",
            "now",
            "infinity",
            "2026-13-01",
            "2026-03-32",
            "26-03-01",
            "2026-03-01T",
            "2026-03-01T24:00",
            "2026-03-01T09:60",
            "2026-03-01T09",
            "2026-03-01T09:30.5",
            "2026-03-01T09:30:00.Z",
            "2026-03-01T09:30:00+5",
            "2026-03-01T09:30:00ZZ",
            "2026-03-01T09:30:00 BC",
            "2026-03-01x",
            "2026-03-01T+9:30",
            "２026-03-01",
        ] {
            assert!(!is_timestamp(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-0-9T:.Z+ ２é]{0,40}") {
            let _ = is_timestamp(&text);
        }
    }
}
