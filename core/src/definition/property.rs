//! One property of a schema: what it is called, what may stand in it, and how that is said to a model.

use std::fmt::Write;
use std::sync::Arc;

use jsonschema::Validator;
use serde_json::{Number, Value};

/// What is asked of a call.
#[derive(Debug, Clone)]
pub struct Property {
    pub name: String,
    /// For the model, on one line.
    pub description: String,
    pub kind: Kind,
    /// Null is an answer: the schema allows it, or does not require the property.
    pub nullable: bool,
    /// Bounds in words: "at most 10".
    pub(super) bounds: Vec<String>,
    /// Of the property as it was written; `None`: an object, whose properties have their own.
    pub(super) validator: Option<Arc<Validator>>,
}

/// What may stand in a property.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Text,
    /// `YYYY-MM-DD`, a day of the years 1 to 9999.
    Date,
    Number,
    /// Of 64 bits.
    Integer,
    Boolean,
    /// Strings.
    Words(Vec<String>),
    /// Numbers; `true`: all are integers.
    Figures(Vec<Number>, bool),
    /// Of one kind, which is neither a list nor an object.
    List(Box<Kind>),
    /// Its properties are no objects.
    Object(Vec<Property>),
}

impl PartialEq for Property {
    /// By what was written.
    fn eq(&self, other: &Property) -> bool {
        (&self.name, &self.description, &self.kind, self.nullable, &self.bounds)
            == (&other.name, &other.description, &other.kind, other.nullable, &other.bounds)
    }
}

impl Property {
    /// Whether the value, which is not null, is what the property was written for.
    pub(super) fn allows(&self, value: &Value) -> bool {
        self.validator.as_ref().is_none_or(|validator| validator.is_valid(value))
    }

    /// The kind and the bounds in words, for the prompt.
    pub(crate) fn form(&self) -> String {
        let mut form = self.kind.words();
        for bound in &self.bounds {
            write!(form, ", {bound}").expect("writing to memory does not fail");
        }
        if self.nullable {
            form.push_str("; null if it was not said");
        }
        form
    }
}

impl Kind {
    fn words(&self) -> String {
        let listed = |values: Vec<String>| format!("exactly one of {}", values.join(", "));
        match self {
            Kind::Text => "string".into(),
            Kind::Date => "date as YYYY-MM-DD".into(),
            Kind::Number => "number".into(),
            Kind::Integer => "integer".into(),
            Kind::Boolean => "true or false".into(),
            Kind::Words(words) => listed(words.iter().map(|word| Value::from(word.as_str()).to_string()).collect()),
            Kind::Figures(figures, _) => listed(figures.iter().map(Number::to_string).collect()),
            Kind::List(item) => format!("list, each item: {}", item.words()),
            Kind::Object(_) => "object".into(),
        }
    }
}
