//! What a model's answer gives.

use crate::answer::Answer;

/// Servers that need no key are given one like `none` or `EMPTY`: shorter keys are words and no secrets.
const SECRET_MIN_BYTES: usize = 16;

/// A valid answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub answer: Answer,
    /// The model that the server says it used (often more exact than the one asked for); empty if it does not say.
    pub model: String,
    pub prompt_tokens: Option<i32>,
    pub completion_tokens: Option<i32>,
    /// Those of the prompt's that the server had in its cache.
    pub cached_tokens: Option<i32>,
}

/// What an answer cost, valid or not. `None`: the server did not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    pub prompt: Option<i32>,
    pub completion: Option<i32>,
    /// Those of the prompt's that the server had in its cache, where it says so.
    pub cached: Option<i32>,
}

impl Tokens {
    /// Both together; a number that one of them lacks is the other's.
    pub fn plus(self, other: Tokens) -> Tokens {
        let sum = |a: Option<i32>, b: Option<i32>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        Tokens {
            prompt: sum(self.prompt, other.prompt),
            completion: sum(self.completion, other.completion),
            cached: sum(self.cached, other.cached),
        }
    }
}

impl Reply {
    /// What it cost.
    pub fn tokens(&self) -> Tokens {
        Tokens { prompt: self.prompt_tokens, completion: self.completion_tokens, cached: self.cached_tokens }
    }

    /// Whether one of its texts holds a secret: a proxy in its debugging mode, or a hostile server, repeats the key.
    pub fn repeats_one_of(&self, secrets: &[&str]) -> bool {
        let mut texts = self.answer.texts().into_iter().chain([self.model.as_str()]);
        let long = secrets.iter().filter(|secret| secret.len() >= SECRET_MIN_BYTES);
        texts.any(|text| long.clone().any(|secret| text.contains(*secret)))
    }
}
