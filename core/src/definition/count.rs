//! How much one schema asks for.

use super::DefinitionError;

/// Properties of one schema, those of nested objects counted.
const PROPERTIES_MAX: usize = 100;
/// Values of all enums of one schema: strict modes bound their number.
const ENUM_VALUES_MAX: usize = 400;

/// How much was read of one schema.
#[derive(Debug, Default)]
pub(super) struct Counted {
    properties: usize,
    enum_values: usize,
}

impl Counted {
    /// Counts properties.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn properties(&mut self, more: usize) -> Result<(), DefinitionError> {
        self.properties += more;
        if self.properties <= PROPERTIES_MAX {
            return Ok(());
        }
        Err(DefinitionError::new(
            "schema has too many properties",
            format!(
                "It has {} or more, at most {PROPERTIES_MAX} are allowed, those of nested objects counted.",
                self.properties
            ),
            "Define two analyses: all that apply to a call are asked in one request.",
        ))
    }

    /// Counts values of an enum.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn enum_values(&mut self, more: usize) -> Result<(), DefinitionError> {
        self.enum_values += more;
        if self.enum_values <= ENUM_VALUES_MAX {
            return Ok(());
        }
        Err(DefinitionError::new(
            "schema lists too many values",
            format!("All \"enum\" together have {} or more, at most {ENUM_VALUES_MAX} are allowed.", self.enum_values),
            "Use strings, and group what is said in the query.",
        ))
    }
}
