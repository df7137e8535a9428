//! OpenAI's chat completions (`POST /v1/chat/completions`), as compatible servers speak them. What an answer says is read
//! in `completion.rs`.

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::completion::{self, error_message, page_text, spent};
use super::{Protocol, Rejection, ReplyError, RequestOptions, Style};
use crate::http::HttpRequest;
use crate::prompt::{self, Prompt};
use crate::question::Question;
use crate::reply::{Reply, Tokens};

/// The protocol as a value.
pub static OPENAI_CHAT: OpenAiChat = OpenAiChat;

/// See the module.
#[derive(Debug)]
pub struct OpenAiChat;

/// Request: CreateChatCompletionRequest of OpenAI's published OpenAPI description, as far as it is used, and what the
/// operator adds.
///
/// No temperature and no limit of tokens by itself: reasoning models reject the one, and servers disagree on the name of
/// the other.
struct Request<'a> {
    model: &'a str,
    messages: [RequestMessage<'a>; 2],
    response_format: Option<ResponseFormat<'a>>,
    options: &'a RequestOptions,
}

impl Serialize for Request<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", self.model)?;
        map.serialize_entry("messages", &self.messages)?;
        if let Some(format) = &self.response_format {
            map.serialize_entry("response_format", format)?;
        }
        // The default, but not of every server.
        map.serialize_entry("stream", &false)?;
        for (key, value) in self.options.fields() {
            map.serialize_entry(key, &value)?;
        }
        map.end()
    }
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
    fn of(style: Style, schema: &'a RawValue) -> Option<ResponseFormat<'a>> {
        match style {
            Style::JsonSchema => {
                let json_schema = NamedSchema { name: "call_analysis", strict: true, schema };
                Some(ResponseFormat::JsonSchema { json_schema })
            }
            Style::JsonObject => Some(ResponseFormat::JsonObject),
            Style::Words => None,
        }
    }
}

impl Protocol for OpenAiChat {
    fn request(
        &self,
        prompt: &Prompt<'_>,
        model: &str,
        api_key: Option<&str>,
        style: Style,
        options: &RequestOptions,
    ) -> HttpRequest {
        let (question, data) = (prompt.question, prompt.data());
        let request = Request {
            model,
            messages: [
                RequestMessage { role: "system", content: question.system() },
                RequestMessage { role: "user", content: &data },
            ],
            response_format: ResponseFormat::of(style, question.schema()),
            options,
        };
        let capacity = data.len() * 17 / 16 + question.system().len() * 17 / 16 + question.schema().get().len() + 500;
        let body = prompt::to_json(&request, capacity);
        let headers = api_key.map(|key| ("authorization", format!("Bearer {key}"))).into_iter().collect();
        HttpRequest { path: "/chat/completions", headers, body }
    }

    fn parse(&self, question: &Question, body: &[u8]) -> Result<Reply, ReplyError> {
        completion::read(question, body)
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
            Err(_) => {
                let text = String::from_utf8_lossy(body);
                if text.trim_start().starts_with('<') { page_text(&text) } else { text.into_owned() }
            }
        }
    }

    fn first_style(&self) -> Style {
        Style::JsonSchema
    }

    fn fallback(&self, style: Style, rejection: &Rejection) -> Option<Style> {
        let next = style.next()?;
        match rejection.status {
            // Servers word it in many ways, and some do not say that it was the form: one more request tells.
            400 | 422 => Some(next),
            // OpenRouter (404), llama.cpp and Ollama (500): by their words only, for these statuses mean something else.
            404 | 415 | 500 | 501 => names_the_form(&rejection.words).then_some(next),
            _ => None,
        }
    }
}

/// Whether the words of a rejection are about the form of the answer.
fn names_the_form(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    let names = [
        "response_format",
        "response format",
        "json_schema",
        "json schema",
        "json_object",
        "structured output",
        "structured_output",
        "guided",
        "grammar",
        "requested parameters",
    ];
    names.iter().any(|name| words.contains(name))
}
