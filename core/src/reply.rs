//! What a model's answer gives.

use crate::analysis::Analysis;

/// Servers that need no key are given one like `none` or `EMPTY`: shorter keys are words and no secrets.
const SECRET_MIN_BYTES: usize = 16;

/// A valid answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub analysis: Analysis,
    /// The model that the server says it used (often more exact than the one asked for); empty if it does not say.
    pub model: String,
    pub prompt_tokens: Option<i32>,
    pub completion_tokens: Option<i32>,
    /// It did not hold to the form that was asked for, and could be read all the same.
    pub mended: bool,
}

/// What an answer cost, valid or not. `None`: the server did not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    pub prompt: Option<i32>,
    pub completion: Option<i32>,
}

impl Reply {
    /// Whether one of its texts holds a secret: a proxy in its debugging mode, or a hostile server, repeats the key.
    pub fn repeats_one_of(&self, secrets: &[&str]) -> bool {
        let Analysis { summary, next_action, entities, .. } = &self.analysis;
        let entities = [&entities.name, &entities.email, &entities.phone, &entities.topic].into_iter().flatten();
        let mut texts = [&self.model, summary, next_action].into_iter().chain(entities);
        let long = secrets.iter().filter(|secret| secret.len() >= SECRET_MIN_BYTES);
        texts.any(|text| long.clone().any(|secret| text.contains(*secret)))
    }
}
