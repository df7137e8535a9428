//! What a tenant asks of its calls, beside the fixed fields: typed properties and a scorecard. A [`Definition`] is read
//! once, when it is written and when a worker loads it; what is wrong with it is said in the writer's terms.

mod bounds;
mod count;
mod criteria;
mod enumeration;
mod error;
mod keywords;
mod object;
mod ordered;
mod property;
mod schema;
mod score;
mod value;
mod words;

pub use criteria::{Criterion, Grading};
pub use error::DefinitionError;
pub use property::{Kind, Property};
pub use schema::Schema;
pub use score::{CriterionAnswer, Scored, Success, Verdict, criteria_json, score};
pub(crate) use value::{Reading, TEXT_MAX_CHARS, read as read_values};

/// Analyses of one tenant that apply at the same time. A call may be asked all of them, each by another model.
pub const DEFINITIONS_MAX: usize = 100;
/// Longest instructions, in characters.
pub const INSTRUCTIONS_MAX_CHARS: usize = 4000;
/// Names that a result cannot have: the reply and the tables use them.
const RESERVED: [&str; 2] = ["fixed", "evidence"];

/// One version of an analysis that somebody defined.
#[derive(Debug, Clone)]
pub struct Definition {
    pub name: String,
    pub version: i32,
    /// `None`: calls of all verticals.
    pub vertical: Option<String>,
    /// `None`: calls of all agents.
    pub agent_id: Option<String>,
    /// `None`: the model of the settings.
    pub model: Option<String>,
    /// Calls with fewer turns of the user are not asked about.
    pub min_user_turns: usize,
    pub instructions: Option<String>,
    pub schema: Schema,
    pub criteria: Vec<Criterion>,
    /// What its values and criteria can be shown by a quote of: `values.day`, `values.contact.email`, `criteria.greeting`.
    pub claims: Vec<String>,
}

/// A definition as it is written: a row of `voice.analysis`.
#[derive(Debug, Clone, Copy)]
pub struct DefinitionSource<'a> {
    pub name: &'a str,
    pub version: i32,
    /// JSON: an object in the subset of JSON Schema that `keywords.rs` describes.
    pub schema: &'a str,
    /// JSON: a list of `{name, rubric, kind, max, weight}`; `None`: no scorecard.
    pub criteria: Option<&'a str>,
    pub instructions: Option<&'a str>,
    pub vertical: Option<&'a str>,
    pub agent_id: Option<&'a str>,
    pub model: Option<&'a str>,
    pub min_user_turns: usize,
}

impl Definition {
    /// Reads a definition.
    ///
    /// # Errors
    /// The name, the schema or the criteria are outside of what every model can be asked for.
    pub fn parse(source: DefinitionSource<'_>) -> Result<Definition, DefinitionError> {
        check_name(source.name)?;
        let schema = Schema::parse(source.schema)?;
        let criteria = source.criteria.map(criteria::parse).transpose()?.unwrap_or_default();
        if schema.properties.is_empty() && criteria.is_empty() {
            return Err(DefinitionError::new(
                "the analysis asks for nothing",
                "schema has no properties, and there are no criteria.",
                "Give schema a property, or give criteria.",
            ));
        }
        let instructions = optional(source.instructions);
        if let Some(length) =
            instructions.as_ref().map(|text| text.chars().count()).filter(|n| *n > INSTRUCTIONS_MAX_CHARS)
        {
            return Err(DefinitionError::new(
                "the instructions are too long",
                format!("They have {length} characters, at most {INSTRUCTIONS_MAX_CHARS} are allowed."),
                "Say what belongs to one property in its description, and to one criterion in its rubric.",
            ));
        }
        Ok(Definition {
            name: source.name.to_owned(),
            version: source.version,
            vertical: optional(source.vertical),
            agent_id: optional(source.agent_id),
            model: optional(source.model),
            min_user_turns: source.min_user_turns,
            instructions,
            claims: claims(&schema, &criteria),
            schema,
            criteria,
        })
    }

    /// Whether a call is asked about. `vertical` and `agent_id`: the call's; `user_turns`: turns in which the user said
    /// something.
    pub fn applies_to(&self, vertical: &str, agent_id: &str, user_turns: usize) -> bool {
        let same_vertical = |wanted: &String| wanted.to_lowercase() == vertical.trim().to_lowercase();
        self.vertical.as_ref().is_none_or(same_vertical)
            && self.agent_id.as_ref().is_none_or(|wanted| wanted == agent_id)
            && user_turns >= self.min_user_turns
    }
}

fn claims(schema: &Schema, criteria: &[Criterion]) -> Vec<String> {
    let mut claims = Vec::new();
    for Property { name, kind, .. } in &schema.properties {
        match kind {
            Kind::Object(inner) => claims.extend(inner.iter().map(|inner| format!("values.{name}.{}", inner.name))),
            _ => claims.push(format!("values.{name}")),
        }
    }
    claims.extend(criteria.iter().map(|criterion| format!("criteria.{}", criterion.name)));
    claims
}

/// A text that says something.
fn optional(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn check_name(name: &str) -> Result<(), DefinitionError> {
    let hint = "Use a small letter, then small letters, digits and underscores, 63 at most, like booking_quality.";
    let mut bytes = name.bytes();
    let begins = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
    let goes_on = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !(begins && goes_on && name.len() <= 63) {
        return Err(DefinitionError::new(
            "the name of the analysis is not one",
            format!("It is \"{}\".", crate::scrub::shortened(name, 80)),
            hint,
        ));
    }
    if RESERVED.contains(&name) {
        return Err(DefinitionError::new(
            format!("the name {name} is taken"),
            "Replies and tables use fixed and evidence for what every call has.",
            "Choose another name.",
        ));
    }
    Ok(())
}
