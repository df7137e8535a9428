//! JSON whose objects keep the order in which they are written: a model writes its answer in the order of the schema.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use super::DefinitionError;
use crate::scrub::shortened;

/// Longest text of a schema or of criteria, in bytes.
const TEXT_MAX_BYTES: usize = 64 * 1024;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// What it is, for an error.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Node::Null => "null",
            Node::Bool(_) => "true or false",
            Node::Number(_) => "a number",
            Node::Text(_) => "a string",
            Node::List(_) => "a list",
            Node::Object(_) => "an object",
        }
    }

    /// The field of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Node::Object(fields) => fields.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same without the order.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(*value),
            Node::Number(number) => Value::Number(number.clone()),
            Node::Text(text) => Value::String(text.clone()),
            Node::List(items) => items.iter().map(Node::to_value).collect(),
            Node::Object(fields) => {
                Value::Object(fields.iter().map(|(key, value)| (key.clone(), value.to_value())).collect())
            }
        }
    }
}

/// Reads a JSON text. `what`: the argument, for errors.
///
/// # Errors
/// It is no JSON, has a key twice in one object, or is longer than [`TEXT_MAX_BYTES`].
pub(super) fn parse(what: &str, text: &str) -> Result<Node, DefinitionError> {
    if text.len() > TEXT_MAX_BYTES {
        return Err(DefinitionError::new(
            format!("{what} is too long"),
            format!("It has {} bytes, at most {TEXT_MAX_BYTES} are allowed.", text.len()),
            "Define two analyses: all that apply to a call are asked in one request.",
        ));
    }
    let duplicate = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let node = (Reader { duplicate: &duplicate }).deserialize(&mut deserializer);
    let node = node.and_then(|node| deserializer.end().map(|()| node));
    match (node, duplicate.take()) {
        (_, Some(key)) => Err(DefinitionError::new(
            format!("{what} has a key twice"),
            format!("The key \"{}\" is there twice in one object.", shortened(&key, 80)),
            "Keep one of them.",
        )),
        (Ok(node), None) => Ok(node),
        (Err(error), None) => {
            Err(DefinitionError::new(format!("{what} is not JSON"), format!("{error}."), "Write it as JSON."))
        }
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    /// Set where a key is found twice, beside the error that ends the reading.
    duplicate: &'a Cell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
        Number::from_f64(value).map(Node::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields: Vec<(String, Node)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(self)?;
            if fields.iter().any(|(name, _)| *name == key) {
                self.duplicate.set(Some(key));
                return Err(A::Error::custom("duplicate key"));
            }
            fields.push((key, value));
        }
        Ok(Node::Object(fields))
    }
}
