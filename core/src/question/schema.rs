//! The schema of a reply, as it is sent.
//!
//! Only keywords that strict modes and grammar engines all accept (`definition/keywords.rs`): `type`, `properties`,
//! `required`, `additionalProperties`, `enum`, `items`. No minimum, maximum or maxLength: ranges are in the prompt and
//! checked in the reply. No description either: most engines do not show it to the model, so all words are in the prompt,
//! once. The order is the order in which a model writes: what happened first, the judgement after it.

use std::sync::Arc;

use serde_json::Value;

use super::FIXED_CLAIMS;
use crate::definition::{Criterion, Definition, Grading, Kind, Property};
use crate::live::Fields;

/// The fixed fields.
const FIXED: [(&str, &str); 6] = [
    ("summary", r#"{"type":"string"}"#),
    ("sentiment", r#"{"type":"number"}"#),
    ("intent", r#"{"type":"string","enum":["info","booking","complaint","sales","support","none"]}"#),
    ("lead_score", r#"{"type":"integer"}"#),
    (
        "entities",
        r#"{"type":"object","properties":{"name":{"type":["string","null"]},"email":{"type":["string","null"]},"phone":{"type":["string","null"]},"topic":{"type":["string","null"]}},"required":["name","email","phone","topic"],"additionalProperties":false}"#,
    ),
    ("next_action", r#"{"type":"string"}"#),
];

/// The schema of a reply, as JSON.
pub(super) fn of_reply(fixed: bool, definitions: &[Arc<Definition>]) -> String {
    let mut fields: Vec<(&str, String)> = Vec::new();
    if fixed {
        fields.extend(FIXED.iter().map(|(name, schema)| (*name, (*schema).to_owned())));
        fields.push(("evidence", evidence(FIXED_CLAIMS.iter().copied())));
    }
    if !definitions.is_empty() {
        let analyses = definitions.iter().map(|definition| (definition.name.as_str(), of_definition(definition)));
        fields.push(("analyses", object(&analyses.collect::<Vec<_>>())));
    }
    object(&fields)
}

/// The schema of what a look at a call that goes on is answered with, as JSON.
pub(super) fn of_look(wanted: Fields, definitions: &[Arc<Definition>]) -> String {
    let mut fields: Vec<(&str, String)> = vec![("notes", r#"{"type":"string"}"#.to_owned())];
    let wants = |name: &str| match name {
        "sentiment" => wanted.sentiment,
        "intent" => wanted.intent,
        "lead_score" => wanted.lead_score,
        _ => false,
    };
    fields.extend(FIXED.iter().filter(|(name, _)| wants(name)).map(|(name, schema)| (*name, (*schema).to_owned())));
    if !definitions.is_empty() {
        let criteria = |definition: &Definition| {
            let criteria =
                definition.criteria.iter().map(|criterion| (criterion.name.as_str(), of_criterion(criterion)));
            object(&[("criteria", object(&criteria.collect::<Vec<_>>()))])
        };
        let analyses = definitions.iter().map(|definition| (definition.name.as_str(), criteria(definition)));
        fields.push(("analyses", object(&analyses.collect::<Vec<_>>())));
    }
    object(&fields)
}

fn of_definition(definition: &Definition) -> String {
    let mut fields = Vec::new();
    if !definition.schema.properties.is_empty() {
        fields.push(("values", values(&definition.schema.properties)));
    }
    if !definition.criteria.is_empty() {
        let criteria = definition.criteria.iter().map(|criterion| (criterion.name.as_str(), of_criterion(criterion)));
        fields.push(("criteria", object(&criteria.collect::<Vec<_>>())));
    }
    fields.push(("evidence", evidence(definition.claims.iter().map(String::as_str))));
    object(&fields)
}

fn values(properties: &[Property]) -> String {
    let fields: Vec<_> = properties.iter().map(|p| (p.name.as_str(), of_kind(&p.kind, p.nullable))).collect();
    object(&fields)
}

fn of_kind(kind: &Kind, nullable: bool) -> String {
    let typed = |name: &str, rest: String| match nullable {
        true => format!(r#"{{"type":["{name}","null"]{rest}}}"#),
        false => format!(r#"{{"type":"{name}"{rest}}}"#),
    };
    let listed = |mut values: Vec<Value>| {
        if nullable {
            values.push(Value::Null);
        }
        format!(r#","enum":{}"#, Value::Array(values))
    };
    match kind {
        Kind::Text | Kind::Date => typed("string", String::new()),
        Kind::Number => typed("number", String::new()),
        Kind::Integer => typed("integer", String::new()),
        Kind::Boolean => typed("boolean", String::new()),
        Kind::Words(words) => typed("string", listed(words.iter().map(|word| Value::from(word.as_str())).collect())),
        Kind::Figures(figures, integers) => {
            let name = if *integers { "integer" } else { "number" };
            typed(name, listed(figures.iter().cloned().map(Value::Number).collect()))
        }
        Kind::List(item) => typed("array", format!(r#","items":{}"#, of_kind(item, false))),
        Kind::Object(inner) => {
            let object = values(inner);
            // Behind the type that it begins with.
            typed(
                "object",
                object
                    .strip_prefix(r#"{"type":"object""#)
                    .and_then(|rest| rest.strip_suffix('}'))
                    .unwrap_or_default()
                    .to_owned(),
            )
        }
    }
}

fn of_criterion(criterion: &Criterion) -> String {
    match criterion.grading {
        Grading::PassFail => {
            object(&[("verdict", r#"{"type":"string","enum":["pass","fail","not_applicable"]}"#.to_owned())])
        }
        Grading::Score { .. } => object(&[("points", r#"{"type":["integer","null"]}"#.to_owned())]),
    }
}

/// A list of claims about these.
fn evidence<'c>(claims: impl Iterator<Item = &'c str>) -> String {
    let claims: Value = claims.map(Value::from).collect();
    let item = object(&[
        ("claim", format!(r#"{{"type":"string","enum":{claims}}}"#)),
        ("turn", r#"{"type":"integer"}"#.to_owned()),
        ("quote", r#"{"type":"string"}"#.to_owned()),
    ]);
    format!(r#"{{"type":"array","items":{item}}}"#)
}

/// An object with these properties, all of them required.
fn object(properties: &[(&str, String)]) -> String {
    let fields: Vec<String> =
        properties.iter().map(|(name, schema)| format!("{}:{schema}", Value::from(*name))).collect();
    let required: Value = properties.iter().map(|(name, _)| Value::from(*name)).collect();
    format!(
        r#"{{"type":"object","properties":{{{}}},"required":{required},"additionalProperties":false}}"#,
        fields.join(",")
    )
}
