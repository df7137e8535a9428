//! Why a definition is refused.

use std::fmt;

use super::ordered::Node;
use crate::scrub::shortened;

/// Why a definition is refused: what is wrong, where, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionError {
    pub message: String,
    pub detail: String,
    pub hint: String,
}

impl DefinitionError {
    pub(crate) fn new(message: impl Into<String>, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        DefinitionError { message: message.into(), detail: detail.into(), hint: hint.into() }
    }
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.message, self.detail, self.hint)
    }
}

impl std::error::Error for DefinitionError {}

/// An error about one property.
pub(super) fn of(path: &str, what: &str, detail: impl Into<String>, hint: impl Into<String>) -> DefinitionError {
    DefinitionError::new(format!("the property \"{}\" {what}", shortened(path, 130)), detail, hint)
}

/// What is wrong with the value of a keyword.
pub(super) fn of_keyword(path: &str, keyword: &str, expected: &str, node: &Node) -> DefinitionError {
    of(
        path,
        &format!("has a wrong \"{keyword}\""),
        format!("It must be {expected}, not {}.", node.noun()),
        format!("Write \"{keyword}\" as {expected}."),
    )
}
