//! Bounds of numbers, texts and lists: said to the model in words, and checked in what it answers.

use super::DefinitionError;
use super::error::of;
use super::ordered::Node;
use super::value::TEXT_MAX_CHARS;

/// Adds the bounds of a property in words. `name`: its type.
pub(super) fn read(path: &str, node: &Node, name: &str, words: &mut Vec<String>) -> Result<(), DefinitionError> {
    let number = |keyword: &str| match node.get(keyword) {
        None => Ok(None),
        Some(Node::Number(number)) => Ok(Some(number)),
        Some(other) => Err(not_a_number(path, keyword, "a number", other.noun())),
    };
    let count = |keyword: &str| match number(keyword)? {
        None => Ok(None),
        Some(n) => match n.as_u64() {
            Some(n) => Ok(Some(n)),
            None => Err(not_a_number(path, keyword, "a whole number from 0 on", &n.to_string())),
        },
    };
    match name {
        "number" | "integer" => {
            let bounds = [
                ("minimum", "at least"),
                ("exclusiveMinimum", "more than"),
                ("maximum", "at most"),
                ("exclusiveMaximum", "less than"),
            ];
            for (keyword, bound) in bounds {
                words.extend(number(keyword)?.map(|n| format!("{bound} {n}")));
            }
            let low = number("minimum")?.or(number("exclusiveMinimum")?).and_then(|n| n.as_f64());
            let high = number("maximum")?.or(number("exclusiveMaximum")?).and_then(|n| n.as_f64());
            apart(path, low, high, "minimum", "maximum")
        }
        "string" => {
            words.extend(count("minLength")?.map(|n| format!("at least {n} characters")));
            words.extend(count("maxLength")?.map(|n| format!("at most {n} characters")));
            let low = count("minLength")?.map(|n| n as f64);
            let high = count("maxLength")?.map_or(TEXT_MAX_CHARS as f64, |n| n as f64);
            apart(path, low, Some(high), "minLength", "maxLength")
        }
        "array" => {
            words.extend(count("minItems")?.map(|n| format!("at least {n} items")));
            words.extend(count("maxItems")?.map(|n| format!("at most {n} items")));
            match node.get("uniqueItems") {
                None | Some(Node::Bool(false)) => {}
                Some(Node::Bool(true)) => words.push("no item twice".into()),
                Some(other) => return Err(not_a_number(path, "uniqueItems", "true or false", other.noun())),
            }
            apart(
                path,
                count("minItems")?.map(|n| n as f64),
                count("maxItems")?.map(|n| n as f64),
                "minItems",
                "maxItems",
            )
        }
        _ => Ok(()),
    }
}

fn not_a_number(path: &str, keyword: &str, expected: &str, got: &str) -> DefinitionError {
    of(
        path,
        &format!("has a wrong \"{keyword}\""),
        format!("It must be {expected}, not {got}."),
        format!("Write \"{keyword}\" as {expected}."),
    )
}

/// Something can lie between the bounds.
fn apart(path: &str, low: Option<f64>, high: Option<f64>, min: &str, max: &str) -> Result<(), DefinitionError> {
    match (low, high) {
        (Some(low), Some(high)) if low > high => Err(of(
            path,
            &format!("has a \"{min}\" above its \"{max}\""),
            format!("{low} is more than {high}: no value is allowed."),
            format!("Change \"{min}\" or \"{max}\"."),
        )),
        _ => Ok(()),
    }
}
