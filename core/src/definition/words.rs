//! The texts of a definition as they stand in the prompt.

use std::fmt::Write;

use super::DefinitionError;
use super::error::{of, of_keyword};
use super::ordered::Node;
use crate::strip_invisible::strip_invisible;

/// Longest description, with title and examples, in characters.
const DESCRIPTION_MAX_CHARS: usize = 1000;

/// A text on one line, without what cannot be seen.
pub(super) fn one_line(text: &str) -> String {
    strip_invisible(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The description of a property, with title and examples, on one line.
///
/// # Errors
/// There is none, or it is too long.
pub(super) fn description(path: &str, node: &Node) -> Result<String, DefinitionError> {
    let hint = "Say in a sentence what the model is to look for: it is all that the model knows of the property.";
    let text = match node.get("description") {
        None => return Err(of(path, "has no \"description\"", "Each property needs one.", hint)),
        Some(Node::Text(text)) => one_line(text),
        Some(other) => return Err(of_keyword(path, "description", "a string", other)),
    };
    if text.is_empty() {
        return Err(of(path, "has a blank \"description\"", "Each property needs one.", hint));
    }
    let mut whole = match node.get("title") {
        None => text,
        Some(Node::Text(title)) if one_line(title).is_empty() => text,
        Some(Node::Text(title)) => format!("{}: {text}", one_line(title)),
        Some(other) => return Err(of_keyword(path, "title", "a string", other)),
    };
    match node.get("examples") {
        None => {}
        Some(Node::List(examples)) => {
            let examples: Vec<String> = examples.iter().map(|example| example.to_value().to_string()).collect();
            if !examples.is_empty() {
                write!(whole, " For example: {}.", examples.join(", ")).expect("writing to memory does not fail");
            }
        }
        Some(other) => return Err(of_keyword(path, "examples", "a list", other)),
    }
    match whole.chars().count() {
        ..=DESCRIPTION_MAX_CHARS => Ok(whole),
        length => Err(of(
            path,
            "has a \"description\" that is too long",
            format!("With title and examples it has {length} characters, at most {DESCRIPTION_MAX_CHARS} are allowed."),
            "Shorten it, or say what belongs to all properties in the instructions.",
        )),
    }
}
