//! The properties of an object, and of the objects in it.

use std::sync::Arc;

use jsonschema::{Draft, Validator};

use super::DefinitionError;
use super::count::Counted;
use super::error::{of, of_keyword};
use super::keywords::{self, OF_BOOLEAN, OF_LIST, OF_NUMBER, OF_OBJECT, OF_TEXT};
use super::ordered::Node;
use super::property::{Kind, Property};
use super::{bounds, enumeration, words};
use crate::scrub::shortened;

/// The properties of an object. `path`: where it stands; empty: it is the schema itself.
pub(super) fn properties(object: &Node, path: &str, counted: &mut Counted) -> Result<Vec<Property>, DefinitionError> {
    let place = || match path {
        "" => "schema".to_owned(),
        path => format!("the property \"{path}\""),
    };
    let wrong =
        |what: &str, detail: String, hint: &str| DefinitionError::new(format!("{} {what}", place()), detail, hint);
    match object.get("additionalProperties") {
        None | Some(Node::Bool(false)) => {}
        Some(_) => {
            let detail = "A reply holds what was asked for and nothing else.".to_owned();
            let hint = "Write \"additionalProperties\": false, or leave it out. Name each property.";
            return Err(wrong("has \"additionalProperties\" other than false", detail, hint));
        }
    }
    let fields = match object.get("properties") {
        Some(Node::Object(fields)) => fields,
        None => {
            return Err(wrong(
                "has no \"properties\"",
                "It does not say what is asked for.".into(),
                "Name its properties.",
            ));
        }
        Some(other) => {
            let hint = "Write {\"day\": {\"type\": \"string\", \"description\": \"…\"}}.";
            return Err(wrong(
                "has \"properties\" that are not an object",
                format!("They are {}.", other.noun()),
                hint,
            ));
        }
    };
    counted.properties(fields.len())?;
    let required = required(object, fields, &wrong)?;
    let mut read: Vec<Property> = Vec::with_capacity(fields.len());
    for (name, node) in fields {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if !is_name(name) {
            return Err(of(
                &path,
                "has a name that cannot be a column",
                "A name has letters of ASCII, digits and underscores, begins with no digit, and has 63 characters at most.",
                "Choose another name, and say in the description what it stands for.",
            ));
        }
        if let Some(other) = read.iter().find(|other| other.name.eq_ignore_ascii_case(name)) {
            return Err(of(
                &path,
                "has a name that is taken",
                format!("\"{}\" differs from it in case only.", other.name),
                "Choose another name: SQL folds names to one case.",
            ));
        }
        let is_required = required.as_ref().is_none_or(|required| required.contains(&name.as_str()));
        let inside = path.contains('.');
        read.push(property(&path, name, node, is_required, inside, counted)?);
    }
    Ok(read)
}

/// What must not be missing; `None`: everything.
fn required<'n>(
    object: &'n Node,
    fields: &[(String, Node)],
    wrong: &impl Fn(&str, String, &str) -> DefinitionError,
) -> Result<Option<Vec<&'n str>>, DefinitionError> {
    let names = match object.get("required") {
        None => return Ok(None),
        Some(Node::List(names)) => names,
        Some(other) => {
            let hint = "Write a list of names of properties.";
            return Err(wrong("has \"required\" that is not a list", format!("It is {}.", other.noun()), hint));
        }
    };
    let mut required = Vec::with_capacity(names.len());
    for name in names {
        match name.as_text().filter(|name| fields.iter().any(|(field, _)| field == name)) {
            Some(name) => required.push(name),
            None => {
                let detail = match name {
                    Node::Text(name) => format!("There is no property \"{}\".", shortened(name, 80)),
                    other => format!("It lists {}.", other.noun()),
                };
                let hint = "List names of its properties in \"required\".";
                return Err(wrong("requires what it does not have", detail, hint));
            }
        }
    }
    Ok(Some(required))
}

/// A name as a column has one.
pub(super) fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.len() <= 63
}

/// Reads a property. `path`: its name, after that of the object that it stands in. `inside`: it stands in an object
/// of its own.
fn property(
    path: &str,
    name: &str,
    node: &Node,
    required: bool,
    inside: bool,
    counted: &mut Counted,
) -> Result<Property, DefinitionError> {
    let Node::Object(fields) = node else {
        return Err(of(
            path,
            "is not described by an object",
            format!("It is {}.", node.noun()),
            "Give it a type and a description.",
        ));
    };
    let description = words::description(path, node)?;
    let mut bounds = Vec::new();
    let (kind, null) = kind(path, node, fields, inside, counted, &mut bounds)?;
    let validator = match &kind {
        Kind::Object(_) => None,
        _ => Some(Arc::new(validator(path, node)?)),
    };
    Ok(Property { name: name.to_owned(), description, kind, nullable: null || !required, bounds, validator })
}

/// The kind, and whether the type allows null.
fn kind(
    path: &str,
    node: &Node,
    fields: &[(String, Node)],
    inside: bool,
    counted: &mut Counted,
    bounds: &mut Vec<String>,
) -> Result<(Kind, bool), DefinitionError> {
    // A keyword that no kind has says more than that the type is missing.
    for (keyword, _) in fields {
        let any = [OF_TEXT, OF_NUMBER, OF_BOOLEAN, OF_LIST, OF_OBJECT].concat();
        keywords::check(path, keyword, &any, "")?;
    }
    let (name, null) = type_of(path, node)?;
    let (own, noun) = match name {
        "string" => (OF_TEXT, "a string"),
        "number" => (OF_NUMBER, "a number"),
        "integer" => (OF_NUMBER, "an integer"),
        "boolean" => (OF_BOOLEAN, "true or false"),
        "array" => (OF_LIST, "a list"),
        _ => (OF_OBJECT, "an object"),
    };
    for (keyword, _) in fields {
        keywords::check(path, keyword, own, noun)?;
    }
    let kind = match name {
        "string" | "number" | "integer" if node.get("enum").is_some() => enumeration::read(path, node, name, counted)?,
        "string" if node.get("format").is_some() => date(path, node)?,
        "string" => Kind::Text,
        "number" => Kind::Number,
        "integer" => Kind::Integer,
        "boolean" => Kind::Boolean,
        "array" => list(path, node, counted, bounds)?,
        _ if inside => {
            return Err(of(
                path,
                "is an object inside of an object",
                "One level of nesting can be asked for.",
                "Give the outer object the inner one's properties, or define a second analysis.",
            ));
        }
        _ => {
            let inner = properties(node, path, counted)?;
            if inner.is_empty() {
                return Err(of(
                    path,
                    "is an object without properties",
                    "Nothing would be asked for.",
                    "Name its properties.",
                ));
            }
            Kind::Object(inner)
        }
    };
    bounds::read(path, node, name, bounds)?;
    Ok((kind, null))
}

/// The one type beside null.
fn type_of<'n>(path: &str, node: &'n Node) -> Result<(&'n str, bool), DefinitionError> {
    const TYPES: [&str; 6] = ["string", "number", "integer", "boolean", "array", "object"];
    let hint = "Use one of string, number, integer, boolean, array, object, or a list of one of them and \"null\".";
    let names: Vec<&str> = match node.get("type") {
        None => match node.get("enum") {
            Some(Node::List(values)) if values.iter().all(|v| matches!(v, Node::Text(_) | Node::Null)) => {
                return Ok(("string", values.contains(&Node::Null)));
            }
            _ => return Err(of(path, "has no \"type\"", "Each property needs one.", hint)),
        },
        Some(Node::Text(name)) => vec![name],
        Some(Node::List(names)) => names.iter().map(|name| name.as_text().unwrap_or("?")).collect(),
        Some(other) => return Err(of_keyword(path, "type", "a string or a list of strings", other)),
    };
    let null = names.contains(&"null");
    let others: Vec<&str> = names.iter().copied().filter(|name| *name != "null").collect();
    match others[..] {
        [name] if TYPES.contains(&name) => Ok((name, null)),
        [name] => Err(of(path, "has an unknown \"type\"", format!("It is \"{}\".", shortened(name, 40)), hint)),
        [] => Err(of(path, "has no \"type\" but null", "Nothing could be said in it.", hint)),
        _ => Err(of(
            path,
            "has several types",
            format!("They are {}.", shortened(&others.join(", "), 80)),
            "Use one property for each type, or \"string\".",
        )),
    }
}

fn date(path: &str, node: &Node) -> Result<Kind, DefinitionError> {
    match node.get("format").and_then(Node::as_text) {
        Some("date") => Ok(Kind::Date),
        _ => Err(of(
            path,
            "has a \"format\" that cannot be asked for",
            "Engines treat formats differently; only \"date\" is checked here.",
            "Use \"format\": \"date\" for a day, or say the form in the description and leave \"format\" out.",
        )),
    }
}

fn list(path: &str, node: &Node, counted: &mut Counted, bounds: &mut Vec<String>) -> Result<Kind, DefinitionError> {
    let item_path = format!("{path}[]");
    let (items, fields) = match node.get("items") {
        Some(items @ Node::Object(fields)) => (items, fields),
        Some(other) => return Err(of_keyword(path, "items", "an object", other)),
        None => {
            let hint = "Add \"items\": {\"type\": \"string\"}.";
            return Err(of(path, "is a list without \"items\"", "It does not say what is in it.", hint));
        }
    };
    if matches!(type_of(&item_path, items)?, ("array" | "object", _)) {
        return Err(of(
            path,
            "is a list of lists or objects",
            "A list of strings, numbers, integers, booleans, dates or values of an enum can be asked for.",
            "Ask for a list of strings, and say in the description what each of them holds.",
        ));
    }
    let mut inner = Vec::new();
    let (kind, null) = kind(&item_path, items, fields, true, counted, &mut inner)?;
    if null {
        let hint = "Leave \"null\" out: what was not said is no item.";
        return Err(of(&item_path, "allows null", "An item that is null says nothing.", hint));
    }
    bounds.extend(inner.into_iter().map(|bound| format!("each {bound}")));
    if items.get("description").is_some() {
        bounds.push(format!("each item is: {}", words::description(&item_path, items)?));
    }
    Ok(Kind::List(Box::new(kind)))
}

fn validator(path: &str, node: &Node) -> Result<Validator, DefinitionError> {
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    options.build(&node.to_value()).map_err(|error| {
        let detail = format!("{}.", shortened(&error.to_string(), 200));
        of(path, "is not JSON Schema", detail, "Write it as JSON Schema of draft 2020-12.")
    })
}
