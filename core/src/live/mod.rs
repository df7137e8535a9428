//! A call while it goes on: what is asked of it, of which lines, and when a supervisor is told. A look at a call is asked for
//! what is new since the last one, with notes that the model keeps of the rest.

mod alerts;
mod lines;
mod scope;

pub use alerts::{LOW_LOOKS, LOW_SENTIMENT, Standing};
pub use lines::{Before, LookText, hashes, text};
pub use scope::{Scope, ScopeError};

/// Which of the fixed fields are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Fields {
    pub sentiment: bool,
    pub intent: bool,
    pub lead_score: bool,
}

/// Longest notes that a look leaves for the next one, in characters. They are sent with every look: a call of an hour that is
/// looked at every 30 s sends them 120 times.
pub const LOOK_NOTES_MAX_CHARS: usize = 500;
