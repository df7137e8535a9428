//! The schema of a definition: an object of typed properties.

use super::DefinitionError;
use super::count::Counted;
use super::keywords;
use super::object::properties;
use super::ordered::{self, Node};
use super::property::Property;
use super::words::one_line;
use crate::scrub::shortened;

/// What a definition asks for, in the order in which it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// What is true of all properties; on one line, empty: nothing.
    pub description: String,
    pub properties: Vec<Property>,
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// It is no JSON Schema of an object, or outside of the subset (`keywords.rs`).
    pub(super) fn parse(text: &str) -> Result<Schema, DefinitionError> {
        let hint =
            "Write {\"type\": \"object\", \"properties\": {\"day\": {\"type\": \"string\", \"description\": \"…\"}}}.";
        let root = ordered::parse("schema", text)?;
        let Node::Object(fields) = &root else {
            return Err(DefinitionError::new("schema is not an object", format!("It is {}.", root.noun()), hint));
        };
        match root.get("type") {
            Some(Node::Text(name)) if name == "object" => {}
            // A schema that begins with another keyword is told of that keyword.
            None if fields.iter().any(|(keyword, _)| keywords::check_root(keyword).is_err()) => {}
            other => {
                let detail = match other {
                    None => "It has no \"type\".".to_owned(),
                    Some(Node::Text(name)) => format!("Its \"type\" is \"{}\".", shortened(name, 40)),
                    Some(other) => format!("Its \"type\" is {}.", other.noun()),
                };
                return Err(DefinitionError::new("schema does not describe an object", detail, hint));
            }
        }
        for (keyword, _) in fields {
            keywords::check_root(keyword)?;
        }
        let text = |keyword: &str| match root.get(keyword) {
            None => Ok(String::new()),
            Some(Node::Text(text)) => Ok(one_line(text)),
            Some(other) => {
                let detail = format!("It is {}.", other.noun());
                Err(DefinitionError::new(format!("schema has a wrong \"{keyword}\""), detail, "Write a string."))
            }
        };
        let texts = [text("title")?, text("description")?];
        let description = texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ");
        let properties = properties(&root, "", &mut Counted::default())?;
        Ok(Schema { description, properties })
    }
}
