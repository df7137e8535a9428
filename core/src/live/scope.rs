//! What the setting `live_analyses` names: fixed fields, analyses, and single criteria of analyses.

use super::Fields;
use crate::definition::{Definition, Schema};

/// What a look asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    pub fields: Fields,
    /// Analyses, each with one of its criteria; `None`: with all of them.
    criteria: Vec<(String, Option<String>)>,
}

/// Why a text names no scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeError {
    /// It names nothing.
    Empty,
    /// One of the entries is no name, or no two names with a full stop between them.
    NotAName,
}

impl Scope {
    /// Reads entries that are separated by commas: `sentiment`, `intent`, `lead_score`, the name of an analysis, or the names of
    /// an analysis and one of its criteria with a full stop between them (`booking.greeting`).
    ///
    /// # Errors
    /// There is no entry, or one that names nothing.
    pub fn parse(text: &str) -> Result<Scope, ScopeError> {
        let mut scope = Scope::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            match entry {
                "sentiment" => scope.fields.sentiment = true,
                "intent" => scope.fields.intent = true,
                "lead_score" => scope.fields.lead_score = true,
                _ => {
                    let (analysis, criterion) = entry
                        .split_once('.')
                        .map_or((entry, None), |(analysis, criterion)| (analysis, Some(criterion)));
                    if !is_name(analysis) || !criterion.is_none_or(is_name) {
                        return Err(ScopeError::NotAName);
                    }
                    scope.criteria.push((analysis.to_owned(), criterion.map(str::to_owned)));
                }
            }
        }
        match scope == Scope::default() {
            true => Err(ScopeError::Empty),
            false => Ok(scope),
        }
    }

    /// Whether it names analyses.
    pub fn has_criteria(&self) -> bool {
        !self.criteria.is_empty()
    }

    /// The definition with those of its criteria that are named, and without values. `None`: none is named.
    pub fn narrowed(&self, definition: &Definition) -> Option<Definition> {
        let named = |name: &str| {
            self.criteria.iter().any(|(analysis, criterion)| {
                *analysis == definition.name && criterion.as_ref().is_none_or(|criterion| criterion == name)
            })
        };
        let criteria: Vec<_> = definition.criteria.iter().filter(|criterion| named(&criterion.name)).cloned().collect();
        let schema = Schema { properties: Vec::new(), ..definition.schema.clone() };
        (!criteria.is_empty()).then(|| Definition { criteria, schema, claims: Vec::new(), ..definition.clone() })
    }
}

fn is_name(name: &str) -> bool {
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    begins && name.len() <= 63 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
