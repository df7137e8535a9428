//! OpenAI's chat completions (`POST /v1/chat/completions`), as compatible servers speak them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Protocol, Style};
use crate::analysis::{self, AnalysisError, excerpt};
use crate::http::{HttpRequest, HttpResponse};
use crate::prompt::{self, Prompt};
use crate::reply::{Reply, Tokens};
use crate::strip_invisible::strip_invisible;

/// The protocol as a value.
pub static OPENAI_CHAT: OpenAiChat = OpenAiChat;

/// See the module.
#[derive(Debug)]
pub struct OpenAiChat;

/// Request: CreateChatCompletionRequest of OpenAI's published OpenAPI description, as far as it is used.
///
/// No temperature and no limit of tokens: reasoning models reject the one, and servers disagree on the name of the other.
#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: [RequestMessage<'a>; 2],
    response_format: ResponseFormat<'a>,
}

#[derive(Serialize)]
struct RequestMessage<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat<'a> {
    JsonSchema { json_schema: NamedSchema<'a> },
    JsonObject,
}

#[derive(Serialize)]
struct NamedSchema<'a> {
    name: &'static str,
    strict: bool,
    schema: &'a RawValue,
}

impl<'a> ResponseFormat<'a> {
    fn of(style: Style, schema: &'a RawValue) -> ResponseFormat<'a> {
        match style {
            Style::JsonSchema => {
                ResponseFormat::JsonSchema { json_schema: NamedSchema { name: "call_analysis", strict: true, schema } }
            }
            Style::JsonObject => ResponseFormat::JsonObject,
        }
    }
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

impl Protocol for OpenAiChat {
    fn request(&self, prompt: &Prompt<'_>, model: &str, api_key: Option<&str>, style: Style) -> HttpRequest {
        let data = prompt.data();
        let request = Request {
            model,
            messages: [
                RequestMessage { role: "system", content: prompt::SYSTEM },
                RequestMessage { role: "user", content: &data },
            ],
            response_format: ResponseFormat::of(style, prompt::schema()),
        };
        let capacity = data.len() * 17 / 16 + prompt::SYSTEM.len() + prompt::schema().get().len() + 500;
        let body = prompt::to_json(&request, capacity);
        let headers = api_key.map(|key| ("authorization", format!("Bearer {key}"))).into_iter().collect();
        HttpRequest { path: "/chat/completions", headers, body }
    }

    /// Takes a chat completion whose first choice is a whole, valid analysis.
    fn parse(&self, body: &[u8]) -> Result<Reply, AnalysisError> {
        let completion: Completion = serde_json::from_slice(body).map_err(|error| match error.is_eof() {
            true if body.trim_ascii().is_empty() => AnalysisError::NotACompletion("it is empty".into()),
            true => AnalysisError::NotACompletion("it is cut off".into()),
            // Not serde's message: it quotes the body.
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

    fn tokens(&self, body: &[u8]) -> Tokens {
        #[derive(Deserialize)]
        struct Paid {
            usage: Option<Value>,
        }
        serde_json::from_slice::<Paid>(body).map_or_else(|_| Tokens::default(), |paid| spent(paid.usage.as_ref()))
    }

    fn error_text(&self, body: &[u8]) -> String {
        match serde_json::from_slice(body) {
            Ok(error) => error_message(&error),
            Err(_) => String::from_utf8_lossy(body).into_owned(),
        }
    }

    fn first_style(&self) -> Style {
        Style::JsonSchema
    }

    fn fallback(&self, style: Style, rejection: &HttpResponse) -> Option<Style> {
        if style != Style::JsonSchema || !matches!(rejection.status, 400 | 422) {
            return None;
        }
        let words = String::from_utf8_lossy(&rejection.body).to_ascii_lowercase();
        let about_style = ["response_format", "json_schema", "structured output"].iter().any(|w| words.contains(w));
        about_style.then_some(Style::JsonObject)
    }
}

/// The words of an OpenAI-style error (`{"error": {"message": …}}`), or of what other servers make of it.
fn error_message(error: &Value) -> String {
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
