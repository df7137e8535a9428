//! On what scale a property is labelled and judged, and so what can be said of their agreement.

use serde::Deserialize;
use serde_json::Value;

use crate::vocabulary::Intent;

/// Points of a criterion are measured as ordered classes too, up to so many.
const POINTS_MAX: u32 = 20;

/// Where a property comes from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaleSource {
    /// The fixed row: `sentiment`, `lead_score` or `intent`.
    Fixed(String),
    /// A property of an analysis: its JSON Schema.
    Property(Value),
    /// A criterion of an analysis: `{"kind", "max"}`.
    Criterion(Value),
}

/// How values of a property compare. Values are texts, as SQL's `->>` gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scale {
    /// Numbers. `points`: whole ones from 0 to this are ordered classes too.
    Number { points: Option<u32> },
    /// One of these; what is none of them was one in another version, and is added.
    Class(Vec<String>),
    /// Anything else: two values are the same or not, upper and lower case and space around them aside.
    Value,
}

impl Scale {
    /// A property without a definition any more is compared as values are.
    pub fn of(source: &ScaleSource) -> Scale {
        match source {
            ScaleSource::Fixed(name) if name == "intent" => {
                Scale::Class(Intent::ALL.iter().map(|intent| intent.as_str().to_owned()).collect())
            }
            ScaleSource::Fixed(_) => Scale::Number { points: None },
            ScaleSource::Criterion(criterion) if criterion["kind"] == "score" => {
                let max = criterion["max"].as_u64().unwrap_or(5);
                Scale::Number { points: u32::try_from(max).ok().filter(|max| (1..=POINTS_MAX).contains(max)) }
            }
            ScaleSource::Criterion(_) => Scale::Class(["pass", "fail", "not_applicable"].map(str::to_owned).into()),
            ScaleSource::Property(schema) => Scale::of_property(schema),
        }
    }

    fn of_property(schema: &Value) -> Scale {
        let types: Vec<&str> = match &schema["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect(),
            name => name.as_str().into_iter().collect(),
        };
        match (types.as_slice(), &schema["enum"]) {
            (["number" | "integer"], _) => Scale::Number { points: None },
            (["boolean"], _) => Scale::Class(vec!["true".to_owned(), "false".to_owned()]),
            (["string"], Value::Array(values)) => {
                Scale::Class(values.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            }
            _ => Scale::Value,
        }
    }

    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Scale::Number { .. } => "number",
            Scale::Class(_) => "class",
            Scale::Value => "value",
        }
    }
}

/// A value as it is compared with others.
pub(super) fn folded(value: &str) -> String {
    value.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_scale_is_that_of_the_definition() {
        let property = |schema| Scale::of(&ScaleSource::Property(schema));
        let class = |names: &[&str]| Scale::Class(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(property(json!({"type": ["integer", "null"]})), Scale::Number { points: None });
        assert_eq!(property(json!({"type": "boolean"})), class(&["true", "false"]));
        assert_eq!(property(json!({"type": ["string", "null"], "enum": ["a", "b", null]})), class(&["a", "b"]));
        assert_eq!(property(json!({"type": "string", "format": "date"})), Scale::Value);
        assert_eq!(property(json!(null)), Scale::Value);
        let criterion = |criterion| Scale::of(&ScaleSource::Criterion(criterion));
        assert_eq!(criterion(json!({"kind": "pass_fail"})), class(&["pass", "fail", "not_applicable"]));
        assert_eq!(criterion(json!({"kind": "score", "max": 4})), Scale::Number { points: Some(4) });
        assert_eq!(criterion(json!({"kind": "score", "max": 100})), Scale::Number { points: None });
        assert_eq!(Scale::of(&ScaleSource::Fixed("lead_score".into())), Scale::Number { points: None });
        assert!(matches!(Scale::of(&ScaleSource::Fixed("intent".into())), Scale::Class(names) if names.len() == 6));
    }
}
