//! A definition that every model can be asked for is read; any other is refused with the property, the keyword and the way
//! out.

mod answers;
mod criteria;
mod schema;
mod words;

use std::sync::Arc;

use serde_json::Value;
use voice_core::definition::{Definition, DefinitionError, DefinitionSource};
use voice_core::question::Question;

pub const SOURCE: DefinitionSource<'_> = DefinitionSource {
    name: "booking",
    version: 3,
    schema: r#"{"type": "object", "properties": {}}"#,
    criteria: None,
    instructions: None,
    vertical: None,
    agent_id: None,
    model: None,
    min_user_turns: 1,
};

pub const CRITERIA: &str = r#"[
    {"name": "greeting", "rubric": "The agent says its name.", "kind": "pass_fail", "weight": 2},
    {"name": "empathy", "rubric": "5: warm; 0: rude.", "kind": "score", "max": 4}
]"#;

/// One property of each kind, in this order.
const SCHEMA: &str = r#"{"type": "object", "properties": {
    "service": {"type": "string", "description": "What was booked.", "maxLength": 20},
    "day": {"type": "string", "format": "date", "description": "The day."},
    "guests": {"type": "integer", "description": "How many come.", "minimum": 1, "maximum": 12},
    "price": {"type": ["number", "null"], "description": "The price that was said."},
    "paid": {"type": "boolean", "description": "Whether it is paid."},
    "channel": {"type": "string", "enum": ["Phone", "web"], "description": "How it was booked."},
    "stars": {"type": "integer", "enum": [1, 2, 3], "description": "Stars."},
    "extras": {"type": "array", "items": {"type": "string"}, "description": "Extras.", "maxItems": 2, "uniqueItems": true},
    "contact": {"type": "object", "description": "Who booked.", "required": ["name"], "properties": {
        "name": {"type": "string", "description": "The name."},
        "email": {"type": "string", "description": "The address."}
    }}
}}"#;

/// What [`SCHEMA`] says, and a scorecard.
pub fn booking() -> Definition {
    Definition::parse(DefinitionSource { schema: SCHEMA, criteria: Some(CRITERIA), ..SOURCE }).unwrap()
}

pub fn parse(schema: &Value, criteria: Option<&str>) -> Result<Definition, DefinitionError> {
    Definition::parse(DefinitionSource { schema: &schema.to_string(), criteria, ..SOURCE })
}

pub fn ask(definition: &Definition) -> Question {
    Question::new(true, vec![Arc::new(definition.clone())])
}

/// What stands in the three parts of an error, each of which says something.
#[track_caller]
pub fn told(error: DefinitionError) -> String {
    for part in [&error.message, &error.detail, &error.hint] {
        assert!(!part.is_empty(), "{error:?}");
    }
    assert!(error.detail.ends_with(['.', '"']) && error.hint.ends_with('.'), "{error:?}");
    error.to_string()
}

#[test]
fn a_name_is_one_of_sqls_in_small_letters() {
    for name in ["b", "booking_quality", "a2", &"a".repeat(63)] {
        let parsed = Definition::parse(DefinitionSource { name, criteria: Some(CRITERIA), ..SOURCE }).unwrap();
        assert_eq!(parsed.name, name);
    }
    for name in ["", "Booking", "2a", "_a", "a-b", "a b", "é", "a.b", &"a".repeat(64), "fixed", "evidence"] {
        let error = Definition::parse(DefinitionSource { name, criteria: Some(CRITERIA), ..SOURCE }).unwrap_err();
        assert!(told(error).contains("name"), "{name}");
    }
}

#[test]
fn a_definition_applies_to_the_calls_of_its_vertical_and_agent_in_which_somebody_spoke() {
    let of = |vertical, agent_id, min_user_turns| {
        let source = DefinitionSource { vertical, agent_id, min_user_turns, criteria: Some(CRITERIA), ..SOURCE };
        Definition::parse(source).unwrap()
    };
    assert!(of(None, None, 0).applies_to("", "", 0));
    assert!(of(Some(" "), Some(""), 1).applies_to("dental", "a", 1), "blank: all");
    assert!(of(Some("Dental"), None, 1).applies_to(" dENTAL ", "a", 1));
    assert!(!of(Some("dental"), None, 1).applies_to("salon", "a", 1));
    assert!(of(None, Some("anna"), 1).applies_to("salon", "anna", 1));
    assert!(!of(None, Some("anna"), 1).applies_to("salon", "Anna", 1), "an id has a case");
    assert!(!of(None, None, 3).applies_to("salon", "anna", 2));
}

#[test]
fn a_definition_that_asks_for_nothing_is_refused() {
    let error = Definition::parse(SOURCE).unwrap_err();
    assert!(told(error).contains("asks for nothing"));
    for criteria in ["[]", "null"] {
        Definition::parse(DefinitionSource { criteria: Some(criteria), ..SOURCE }).unwrap_err();
    }
}

#[test]
fn instructions_are_bounded() {
    let with = |text: &str| {
        Definition::parse(DefinitionSource { instructions: Some(text), criteria: Some(CRITERIA), ..SOURCE })
    };
    assert_eq!(with("  ").unwrap().instructions, None);
    assert_eq!(with(&"é".repeat(4000)).unwrap().instructions.unwrap().chars().count(), 4000);
    assert!(told(with(&"é".repeat(4001)).unwrap_err()).contains("4001"));
}
