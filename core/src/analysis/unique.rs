//! JSON in which no object has a key twice: a reply that says two things is refused.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::AnalysisError;

/// Why a text is not read by [`unique_json`].
pub(crate) enum UniqueError {
    NotJson,
    DuplicateKey,
}

/// One JSON value, in which no object has a key twice.
///
/// # Errors
/// The text is anything else.
pub(crate) fn unique_json(text: &str) -> Result<Value, UniqueError> {
    let duplicate = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = (Unique { duplicate: &duplicate }).deserialize(&mut deserializer);
    let value = value.and_then(|value| deserializer.end().map(|()| value));
    match duplicate.take() {
        Some(_) => Err(UniqueError::DuplicateKey),
        None => value.map_err(|_| UniqueError::NotJson),
    }
}

/// Names that a reply may have, ours.
const KEYS: [&str; 14] = [
    "sentiment",
    "lead_score",
    "intent",
    "entities",
    "summary",
    "next_action",
    "name",
    "email",
    "phone",
    "topic",
    "evidence",
    "analyses",
    "values",
    "criteria",
];

/// Reads a JSON value in which no object has a key twice (serde_json's own `Value` silently keeps the last).
/// Nesting stays bounded: serde_json counts the depth of whatever it deserializes.
#[derive(Clone, Copy)]
pub(super) struct Unique<'a> {
    /// Set where a key is found twice, beside the error that ends the reading.
    pub duplicate: &'a Cell<Option<AnalysisError>>,
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
