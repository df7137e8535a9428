//! What a reply says: the fixed fields, what each definition asked for, and what it says they are shown by.

mod claims;
mod criteria;
mod read;

use serde_json::{Map, Value};

pub use read::{read, read_bare};

use crate::analysis::{Analysis, Intent};
use crate::builtin::Decided;
use crate::definition::{CriterionAnswer, Scored, score};
use crate::transcript::{Line, number_of_turn};

/// Longest quote, in characters. Asked for: 20 words.
pub const QUOTE_MAX_CHARS: usize = 300;
/// Claims that are read of one list.
pub const CLAIMS_MAX: usize = 200;

/// A reply that was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The fixed fields; `None`: they were not asked for.
    pub analysis: Option<Analysis>,
    /// What the fixed fields are shown by.
    pub claims: Vec<Claim>,
    /// Of each definition that was asked about, in its order.
    pub results: Vec<DefinitionAnswer>,
    /// Notes on a part of a long call, where they were asked for. Placeholders of redaction stay in them: a model is to
    /// read them.
    pub notes: Option<String>,
    /// The fixed fields of a look at a call that goes on, where one was asked for; its notes are `notes`, its criteria `results`.
    pub look: Option<Box<LookAnswer>>,
    /// It did not hold to the form that was asked for: it had a frame around it, a text was cut, a value was read that the
    /// schema does not allow.
    pub mended: bool,
}

/// The fixed fields of a look; `None`: not asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LookAnswer {
    /// -1.0 to 1.0.
    pub sentiment: Option<f64>,
    pub intent: Option<Intent>,
    /// 0 to 100.
    pub lead_score: Option<i32>,
}

/// What one definition gets to know of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinitionAnswer {
    pub name: String,
    pub version: i32,
    /// What was read of its properties; `null` where nothing was said.
    pub values: Map<String, Value>,
    /// All criteria of the definition, in its order.
    pub criteria: Vec<CriterionAnswer>,
    /// What they are shown by.
    pub claims: Vec<Claim>,
    /// Paths of what was missing or wrong: `values.day`, `criteria.greeting`; `values.*`: properties that nobody asked for.
    /// No word of the model's is in them.
    pub refused: Vec<String>,
}

/// What a model says is shown by a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What it is about: `sentiment`, `values.day`, `criteria.greeting`.
    pub claim: String,
    /// The number of the turn; 0: the model gave a number that no turn can have.
    pub turn: u32,
    /// As the model gave it, placeholders of redaction and all.
    pub quote: String,
}

impl DefinitionAnswer {
    /// What its scorecard comes to.
    pub fn scored(&self) -> Scored {
        score(&self.criteria)
    }
}

impl From<Analysis> for Answer {
    /// The fixed fields alone, as a rule gives them.
    fn from(analysis: Analysis) -> Answer {
        Answer { analysis: Some(analysis), ..Answer::default() }
    }
}

impl Answer {
    /// What the rules say of a call, and what decided it. `lines`: the call's.
    pub fn by_rules((analysis, decided): (Analysis, Vec<Decided>), lines: &[Line]) -> Answer {
        let claim = |decided: Decided| Claim {
            claim: decided.claim.to_owned(),
            turn: number_of_turn(lines, decided.turn).and_then(|number| u32::try_from(number).ok()).unwrap_or(0),
            quote: decided.quote,
        };
        Answer { claims: decided.into_iter().map(claim).collect(), ..Answer::from(analysis) }
    }

    /// All texts that came from the model.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let mut texts = Vec::new();
        if let Some(Analysis { summary, next_action, entities, .. }) = &self.analysis {
            let entities = [&entities.name, &entities.email, &entities.phone, &entities.topic].into_iter().flatten();
            texts.extend([summary, next_action].into_iter().chain(entities).map(String::as_str));
        }
        texts.extend(self.notes.as_deref());
        texts.extend(self.claims.iter().map(|claim| claim.quote.as_str()));
        for result in &self.results {
            texts.extend(result.claims.iter().map(|claim| claim.quote.as_str()));
            result.values.values().for_each(|value| texts_of(value, &mut texts));
        }
        texts
    }
}

fn texts_of<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| texts_of(field, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
