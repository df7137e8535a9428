//! What an OpenAI-compatible server answers.

use serde::Deserialize;
use serde_json::Value;

use crate::analysis::{self, Analysis, AnalysisError, excerpt};
use crate::strip_invisible::strip_invisible;

/// A valid answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub analysis: Analysis,
    /// The model that the server says it used (often more exact than the one asked for); empty if it does not say.
    pub model: String,
    pub prompt_tokens: Option<i32>,
    pub completion_tokens: Option<i32>,
}

/// What an answer cost, valid or not. `None`: the server did not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    pub prompt: Option<i32>,
    pub completion: Option<i32>,
}

#[derive(Deserialize)]
struct Completion {
    choices: Option<Vec<Choice>>,
    model: Option<String>,
    usage: Option<Value>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<Message>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

/// Reads the body of a successful response: a chat completion whose first choice is a whole, valid analysis.
pub fn parse(body: &[u8]) -> Result<Reply, AnalysisError> {
    let completion: Completion = serde_json::from_slice(body).map_err(|error| match error.is_eof() {
        true if body.trim_ascii().is_empty() => AnalysisError::NotACompletion("it is empty".into()),
        true => AnalysisError::NotACompletion("it is cut off".into()),
        // What it is instead may be anything: serde would quote it.
        false => AnalysisError::NotACompletion(format!(
            "{} at line {} column {}",
            if error.is_data() { "a field is of another type" } else { "it is not JSON" },
            error.line(),
            error.column()
        )),
    })?;
    let Some(choices) = completion.choices else {
        // Gateways answer 200 with an error object when the provider behind them fails.
        let why = match completion.error {
            Some(error) => format!("it is an error of {} characters", error_message(&error).chars().count()),
            None => "choices is missing".into(),
        };
        return Err(AnalysisError::NotACompletion(why));
    };
    let choice = choices.into_iter().next().ok_or(AnalysisError::EmptyChoices)?;
    let message = choice.message.ok_or_else(|| AnalysisError::NotACompletion("message is missing".into()))?;
    if let Some(words) = message.refusal.filter(|words| !words.trim().is_empty()) {
        return Err(AnalysisError::Refusal(words.chars().count()));
    }
    if let Some(reason @ ("length" | "content_filter")) = choice.finish_reason.as_deref() {
        return Err(AnalysisError::Unfinished(reason.to_owned()));
    }
    let analysis = analysis::parse(message.content.as_deref().unwrap_or_default())?;
    let tokens = spent(completion.usage.as_ref());
    Ok(Reply {
        analysis,
        model: completion.model.map(|model| excerpt(strip_invisible(&model).trim())).unwrap_or_default(),
        prompt_tokens: tokens.prompt,
        completion_tokens: tokens.completion,
    })
}

/// What the answer cost, read from any body: a refused reply has been paid for as well.
pub fn tokens(body: &[u8]) -> Tokens {
    #[derive(Deserialize)]
    struct Paid {
        usage: Option<Value>,
    }
    serde_json::from_slice::<Paid>(body).map_or_else(|_| Tokens::default(), |paid| spent(paid.usage.as_ref()))
}

/// The words of an OpenAI-style error (`{"error": {"message": …}}`, or what imitators make of it).
pub fn error_message(error: &Value) -> String {
    let inner = error.get("error").unwrap_or(error);
    match inner.get("message").or_else(|| inner.get("detail")).unwrap_or(inner) {
        Value::String(words) => words.clone(),
        other => other.to_string(),
    }
}

fn spent(usage: Option<&Value>) -> Tokens {
    let count = |field| usage?.get(field)?.as_i64().and_then(|n| i32::try_from(n).ok()).filter(|n| *n >= 0);
    Tokens { prompt: count("prompt_tokens"), completion: count("completion_tokens") }
}
