//! Properties whose values are listed.

use serde_json::Number;

use super::DefinitionError;
use super::count::Counted;
use super::error::{of, of_keyword};
use super::ordered::Node;
use super::property::Kind;
use super::words::one_line;
use crate::scrub::shortened;
use crate::strip_invisible::strip_invisible;

/// Values of one enum.
const ENUM_MAX: usize = 100;
/// Longest value of an enum, in characters.
const ENUM_VALUE_MAX_CHARS: usize = 200;

/// Reads the enum of a property whose type is `name`: string, number or integer.
///
/// # Errors
/// It is no list of such values, or has one twice.
pub(super) fn read(path: &str, node: &Node, name: &str, counted: &mut Counted) -> Result<Kind, DefinitionError> {
    let values = match node.get("enum") {
        Some(Node::List(values)) => values,
        other => return Err(of_keyword(path, "enum", "a list", other.unwrap_or(&Node::Null))),
    };
    let values: Vec<&Node> = values.iter().filter(|value| **value != Node::Null).collect();
    let wrong = |what: &str, detail: String, hint: &str| Err(of(path, what, detail, hint));
    if values.is_empty() {
        return wrong("has an empty \"enum\"", "Nothing could be said in it.".into(), "List its values.");
    }
    if values.len() > ENUM_MAX {
        let detail = format!("It lists {} values, at most {ENUM_MAX} are allowed.", values.len());
        return wrong("has an \"enum\" that is too long", detail, "Use a string, and group what is said in the query.");
    }
    counted.enum_values(values.len())?;
    if node.get("format").is_some() || node.get("minLength").is_some() || node.get("maxLength").is_some() {
        let hint = "Leave \"format\", \"minLength\" and \"maxLength\" out.";
        return wrong("has an \"enum\" and bounds", "Its values are listed: bounds say nothing.".into(), hint);
    }
    let mut words: Vec<String> = Vec::new();
    let mut figures: Vec<Number> = Vec::new();
    for value in values {
        match value {
            Node::Text(word) if name == "string" => {
                let clean = strip_invisible(word).trim() == word && !word.is_empty();
                if !clean || word.chars().count() > ENUM_VALUE_MAX_CHARS {
                    let detail = format!(
                        "\"{}\" is blank, longer than {ENUM_VALUE_MAX_CHARS} characters, or has blanks or characters around or in it that cannot be seen.",
                        shortened(&one_line(word), 40)
                    );
                    return wrong(
                        "has a value in its \"enum\" that cannot be asked for",
                        detail,
                        "Write it without them.",
                    );
                }
                if words.iter().any(|other| other.to_lowercase() == word.to_lowercase()) {
                    let detail = format!("\"{}\" is there twice, in the same case or in another.", shortened(word, 40));
                    return wrong("has a value twice in its \"enum\"", detail, "Keep one of them.");
                }
                words.push(word.clone());
            }
            Node::Number(number) if name == "number" || (name == "integer" && number.as_i64().is_some()) => {
                if figures.iter().any(|other| other.as_f64() == number.as_f64()) {
                    let hint = "Keep one of them.";
                    return wrong("has a value twice in its \"enum\"", format!("{number} is there twice."), hint);
                }
                figures.push(number.clone());
            }
            other => {
                let detail = format!("The type is {name}, and the list holds {}.", other.noun());
                return wrong("has an \"enum\" of another type", detail, "List values of the property's type.");
            }
        }
    }
    Ok(if name == "string" { Kind::Words(words) } else { Kind::Figures(figures, name == "integer") })
}
