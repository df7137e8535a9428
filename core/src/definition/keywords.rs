//! Which keywords of JSON Schema a definition may use.
//!
//! Strict modes (OpenAI's and what imitates it) and grammar engines (llguidance, xgrammar, outlines, lm-format-enforcer,
//! llama.cpp) agree on few of them. What they agree on is sent. What they treat differently is said to the model in words
//! and checked in its reply. The rest is refused, with what to write instead.
//!
//! | keyword | what becomes of it | why |
//! |---|---|---|
//! | `type`, `properties`, `required`, `items`, `enum`, `additionalProperties: false` | sent | all engines hold to them |
//! | `description`, `title`, `examples` | in words | a grammar does not show them to the model |
//! | `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum` | in words, checked | two of five engines enforce them, and bend a number until it fits; older OpenAI-style servers answer 400 |
//! | `minLength`, `maxLength` | in words, checked | engines cut in the middle of a word; xgrammar writes no quotation mark any more |
//! | `minItems`, `maxItems`, `uniqueItems` | in words, checked | not in every strict mode |
//! | `format: "date"` | in words, checked | a format is an annotation to most engines |
//! | `$schema`, `$id`, `$comment` | left out | they say nothing of the value |
//! | `pattern`, other `format`s, `multipleOf`, `const`, `default`, `$ref`, `$defs`, `allOf`, `anyOf`, `oneOf`, `not`, `if`, `patternProperties`, `additionalProperties: true` and all others | refused | engines ignore, reject or misread them |

use super::DefinitionError;
use crate::scrub::shortened;

/// Keywords that any property may have.
const ANYWHERE: [&str; 5] = ["type", "description", "title", "examples", "$comment"];
/// Keywords of the schema itself.
const ROOT: [&str; 8] = ["type", "description", "title", "$comment", "$schema", "$id", "properties", "required"];
/// Whether a keyword belongs to a kind of property.
pub(super) const OF_TEXT: &[&str] = &["enum", "minLength", "maxLength", "format"];
pub(super) const OF_NUMBER: &[&str] = &["enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
pub(super) const OF_BOOLEAN: &[&str] = &[];
pub(super) const OF_LIST: &[&str] = &["items", "minItems", "maxItems", "uniqueItems"];
pub(super) const OF_OBJECT: &[&str] = &["properties", "required", "additionalProperties"];

/// What the schema itself may have.
///
/// # Errors
/// The keyword is outside of that.
pub(super) fn check_root(keyword: &str) -> Result<(), DefinitionError> {
    if ROOT.contains(&keyword) || keyword == "additionalProperties" {
        return Ok(());
    }
    Err(refused("the schema", keyword, ""))
}

/// What a property may have whose kind has the keywords `own`. `noun`: what it is, as in "a string".
///
/// # Errors
/// The keyword is outside of that.
pub(super) fn check(path: &str, keyword: &str, own: &[&str], noun: &str) -> Result<(), DefinitionError> {
    if ANYWHERE.contains(&keyword) || own.contains(&keyword) {
        return Ok(());
    }
    Err(refused(&format!("the property \"{path}\""), keyword, noun))
}

fn refused(place: &str, keyword: &str, noun: &str) -> DefinitionError {
    let keyword = shortened(keyword, 60);
    let message = format!("{place} has the keyword \"{keyword}\", which cannot be asked for");
    let (detail, hint) = why(&keyword, noun);
    DefinitionError::new(message, detail, hint)
}

/// Why a keyword is refused, and the way out.
fn why(keyword: &str, noun: &str) -> (String, &'static str) {
    let engines = "Some models and servers ignore it, others reject the request.";
    let says = |text: &str| text.to_owned();
    match keyword {
        "pattern" => (says(engines), "Say the form in the description, or list the values with enum."),
        "format" => (
            format!("A format says nothing of {noun}."),
            "Only a property of the type \"string\" has a format, and it is \"date\".",
        ),
        "multipleOf" => (says(engines), "Say the step in the description, and round in the query."),
        "const" => (says(engines), "Use enum with one value, or leave the property out: its value is known."),
        "default" => (
            says("A default is a value that nobody said."),
            "Allow null with \"type\": [\"string\", \"null\"], and use coalesce() in the query.",
        ),
        "nullable" => (says("It is no keyword of JSON Schema."), "Allow null with \"type\": [\"string\", \"null\"]."),
        "$ref" | "$dynamicRef" | "$defs" | "definitions" | "$anchor" => {
            (says(engines), "Write the definition in the place where it is used.")
        }
        "allOf" => (says(engines), "Write the keywords of its parts into the property itself."),
        "anyOf" | "oneOf" => (
            says(engines),
            "Allow null with \"type\": [\"string\", \"null\"], list values with enum, or use one property for each form.",
        ),
        "not" | "if" | "then" | "else" | "dependentRequired" | "dependentSchemas" | "dependencies" => {
            (says(engines), "Say the condition in the description, and allow null where it does not hold.")
        }
        "patternProperties"
        | "propertyNames"
        | "unevaluatedProperties"
        | "minProperties"
        | "maxProperties"
        | "additionalItems"
        | "prefixItems"
        | "contains"
        | "minContains"
        | "maxContains"
        | "unevaluatedItems" => {
            (says(engines), "Name each property, and give a list one schema for its items with items.")
        }
        _ if !noun.is_empty() && [OF_TEXT, OF_NUMBER, OF_LIST, OF_OBJECT].iter().any(|own| own.contains(&keyword)) => {
            (format!("It says nothing of {noun}."), "Leave it out, or change the type of the property.")
        }
        _ => (
            says("It is outside of the subset that every model can be asked for."),
            "Leave it out, and say in the description what it means.",
        ),
    }
}
