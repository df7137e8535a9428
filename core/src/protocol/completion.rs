//! What the body of a 200 says: an answer, or that there is none. Servers and gateways answer 200 where another one behind
//! them failed, and put the words of the analysis into other fields than the content.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::{Rejection, ReplyError};
use crate::analysis::{AnalysisError, excerpt};
use crate::answer::{self, Answer};
use crate::question::Question;
use crate::reply::{Reply, Tokens};
use crate::strip_invisible::strip_invisible;

/// What a body without a completion is classified as: the server, or one behind it, failed.
const BAD_GATEWAY: u16 = 502;
/// Magic numbers of gzip, zstd and (as most writers begin it) zlib.
const COMPRESSED: [&[u8]; 4] = [&[0x1f, 0x8b], &[0x28, 0xb5, 0x2f, 0xfd], &[0x78, 0x9c], &[0x78, 0xda]];

/// CreateChatCompletionResponse of OpenAI's published OpenAPI description, as far as it is read, and what other servers
/// make of it.
#[derive(Deserialize)]
struct Completion {
    choices: Option<Vec<Choice>>,
    model: Option<Value>,
    usage: Option<Value>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<Message>,
    finish_reason: Option<Value>,
    /// OpenRouter, where the provider fails after it has begun.
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<Value>,
    refusal: Option<Value>,
    /// DeepSeek, vLLM, SGLang, llama.cpp.
    reasoning_content: Option<Value>,
    /// OpenRouter, newer vLLM.
    reasoning: Option<Value>,
    tool_calls: Option<Value>,
    /// OpenAI's older form of a tool call.
    function_call: Option<Value>,
}

/// Reads a chat completion whose first choice is a whole, valid answer to the question.
///
/// # Errors
/// The body says that there is no answer, or it is none to this question.
pub(super) fn read(question: &Question, body: &[u8]) -> Result<Reply, ReplyError> {
    let completion: Completion = match serde_json::from_slice(body) {
        Ok(completion) => completion,
        Err(error) => {
            return Err(list_of_errors(body).unwrap_or_else(|| ReplyError::Rejected(not_a_completion(body, &error))));
        }
    };
    if let Some(error) = completion.error.as_ref().filter(|error| says_something(error)) {
        return Err(rejected(error, "the body is an error"));
    }
    let Some(choice) = completion.choices.unwrap_or_default().into_iter().next() else {
        return Err(ReplyError::Rejected(without_choices(body)));
    };
    if let Some(error) = choice.error.as_ref().filter(|error| says_something(error)) {
        return Err(rejected(error, "the choice is an error"));
    }
    match choice.finish_reason.as_ref().and_then(Value::as_str) {
        Some(reason @ ("error" | "abort")) => {
            let rejection = Rejection::of_body(BAD_GATEWAY, format!("finish_reason is {reason}"), "");
            return Err(ReplyError::Rejected(rejection));
        }
        _ if choice.message.is_none() => {
            return Err(ReplyError::Rejected(Rejection::of_body(BAD_GATEWAY, "message is missing", "")));
        }
        Some(reason @ ("length" | "content_filter")) => return Err(AnalysisError::Unfinished(reason.to_owned()).into()),
        _ => {}
    }
    let message = choice.message.expect("looked at above");
    if let Some(words) = message.refusal.as_ref().and_then(Value::as_str).filter(|words| !words.trim().is_empty()) {
        return Err(AnalysisError::Refusal(words.chars().count()).into());
    }
    let answer = message.read(question)?;
    let tokens = spent(completion.usage.as_ref());
    let model = completion.model.as_ref().and_then(Value::as_str).unwrap_or_default();
    Ok(Reply {
        answer,
        model: excerpt(strip_invisible(model).trim()),
        prompt_tokens: tokens.prompt,
        completion_tokens: tokens.completion,
        cached_tokens: tokens.cached,
    })
}

impl Message {
    /// The answer in the content, or, where that is empty, in the one other field that models and servers put it into.
    fn read(&self, question: &Question) -> Result<Answer, AnalysisError> {
        let (content, in_parts) = match &self.content {
            None | Some(Value::Null) => (Cow::Borrowed(""), false),
            Some(Value::String(text)) => (Cow::Borrowed(text.as_str()), false),
            Some(Value::Array(parts)) => (Cow::Owned(joined(parts)?), true),
            Some(_) => return Err(AnalysisError::UnknownPart),
        };
        if !content.trim().is_empty() {
            let answer = answer::read(question, &content)?;
            return Ok(Answer { mended: answer.mended || in_parts, ..answer });
        }
        let elsewhere = [
            ("reasoning_content", text_of(self.reasoning_content.as_ref())),
            ("reasoning", text_of(self.reasoning.as_ref())),
            ("the tool call", self.arguments()),
        ];
        let found = elsewhere.into_iter().find_map(|(field, text)| Some((field, text?)));
        let Some((field, text)) = found else { return Err(AnalysisError::EmptyContent(None)) };
        // Thoughts are no answer unless they are nothing but one.
        match answer::read_bare(question, &text) {
            Ok(answer) => Ok(Answer { mended: true, ..answer }),
            Err(_) => Err(AnalysisError::EmptyContent(Some(field))),
        }
    }

    /// The arguments of a single tool call.
    fn arguments(&self) -> Option<String> {
        let calls = self.tool_calls.as_ref().and_then(Value::as_array);
        let function = match calls.map(Vec::as_slice) {
            Some([call]) => call.get("function")?,
            Some([_, _, ..]) => return None,
            _ => self.function_call.as_ref()?,
        };
        match function.get("arguments")? {
            Value::String(arguments) => Some(arguments.clone()),
            arguments @ Value::Object(_) => Some(arguments.to_string()),
            _ => None,
        }
    }
}

fn text_of(field: Option<&Value>) -> Option<String> {
    field.and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// The text of a content that is a list of parts, without the model's thoughts (Mistral, Anthropic by way of gateways).
fn joined(parts: &[Value]) -> Result<String, AnalysisError> {
    let mut text = String::new();
    for part in parts {
        match (part, part.get("type").and_then(Value::as_str)) {
            (Value::String(words), _) => text.push_str(words),
            (_, Some("thinking" | "reasoning" | "redacted_thinking" | "reasoning_text")) => {}
            (_, Some("text" | "output_text") | None) => {
                text.push_str(part.get("text").and_then(Value::as_str).ok_or(AnalysisError::UnknownPart)?);
            }
            _ => return Err(AnalysisError::UnknownPart),
        }
    }
    Ok(text)
}

/// The words of an OpenAI-style error (`{"error": {"message": …}}`), or of what other servers make of it: a list of such,
/// a text, FastAPI's `detail`.
pub(super) fn error_message(error: &Value) -> String {
    let error = error.as_array().and_then(|errors| errors.first()).unwrap_or(error);
    let inner = error.get("error").filter(|inner| says_something(inner)).unwrap_or(error);
    let fields = ["message", "detail", "msg", "error_message"];
    match fields.iter().find_map(|field| inner.get(field)).unwrap_or(inner) {
        Value::String(words) => words.clone(),
        other => other.to_string(),
    }
}

/// The text of a page, as far as it can be read without a parser of HTML.
pub(super) fn page_text(page: &str) -> String {
    let mut text = String::new();
    for piece in page.split('<') {
        let (tag, words) = piece.split_once('>').unwrap_or(("", piece));
        let tag = tag.to_ascii_lowercase();
        if !(tag.starts_with("style") || tag.starts_with("script") || tag.starts_with("!--")) {
            text.push_str(words);
            text.push(' ');
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What an answer cost.
pub(super) fn spent(usage: Option<&Value>) -> Tokens {
    let count =
        |of: Option<&Value>, field| of?.get(field)?.as_i64().and_then(|n| i32::try_from(n).ok()).filter(|n| *n >= 0);
    let prompt = count(usage, "prompt_tokens");
    let details = usage.and_then(|usage| usage.get("prompt_tokens_details"));
    // A part of the prompt: what exceeds it is no count of that.
    let cached = count(details, "cached_tokens").filter(|cached| prompt.is_some_and(|prompt| *cached <= prompt));
    Tokens { prompt, completion: count(usage, "completion_tokens"), cached }
}

fn says_something(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(errors) => !errors.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

fn rejected(error: &Value, body: &str) -> ReplyError {
    ReplyError::Rejected(Rejection::of_body(status_of(error), body, error_message(error)))
}

/// A body that is a list of errors, as Gemini has it.
fn list_of_errors(body: &[u8]) -> Option<ReplyError> {
    let errors: Vec<Value> = serde_json::from_slice(body).ok()?;
    let error = errors.first()?.get("error").filter(|error| says_something(error))?;
    Some(rejected(error, "the body is an error"))
}

/// The status that an error object speaks of, by number or by name.
fn status_of(error: &Value) -> u16 {
    let error = error.as_array().and_then(|errors| errors.first()).unwrap_or(error);
    let fields = ["code", "status", "status_code", "statusCode", "http_status", "type", "reason"];
    let said = fields.iter().filter_map(|field| error.get(field));
    let number = said.clone().find_map(|value| match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    });
    if let Some(status) = number.and_then(|n| u16::try_from(n).ok()).filter(|n| (300..600).contains(n)) {
        return status;
    }
    let names = [
        (429, &["rate_limit", "ratelimit", "too_many", "exhausted", "quota", "throttl"][..]),
        (401, &["authentication", "api_key", "unauthorized", "unauthenticated"]),
        (403, &["permission", "forbidden", "moderation"]),
        (404, &["not_found", "notfound"]),
        (503, &["overloaded", "unavailable", "capacity"]),
        (504, &["timeout", "deadline"]),
        (
            400,
            &[
                "invalid_request",
                "invalid_argument",
                "badrequest",
                "bad_request",
                "validation",
                "unsupported",
                "context_length",
                "content_filter",
            ],
        ),
    ];
    let said: Vec<String> = said.filter_map(Value::as_str).map(str::to_ascii_lowercase).collect();
    let named = |words: &[&str]| said.iter().any(|said| words.iter().any(|word| said.contains(word)));
    names.iter().find(|(_, words)| named(words)).map_or(BAD_GATEWAY, |(status, _)| *status)
}

/// A JSON object that is no completion: an error in another form, or another API.
fn without_choices(body: &[u8]) -> Rejection {
    let whole: Value = serde_json::from_slice(body).unwrap_or_default();
    let is_error = ["detail", "msg", "error_message", "errors"].iter().any(|field| whole.get(field).is_some())
        || whole.get("object").is_some_and(|object| object == "error")
        || whole.get("message").is_some_and(Value::is_string);
    if is_error {
        return Rejection::of_body(status_of(&whole), "the body is an error", error_message(&whole));
    }
    if whole.get("done").is_some() {
        return Rejection::of_body(BAD_GATEWAY, OTHER_API, "");
    }
    let why = match whole.get("choices") {
        None => "choices is missing",
        Some(Value::Null) => "choices is null",
        Some(_) => "choices is empty",
    };
    Rejection::of_body(BAD_GATEWAY, why, "")
}

const OTHER_API: &str = "the body is of Ollama's own API, llm_url must end in /v1";

/// A body that is no JSON object. Its words are not told but for those of a page: they may be a model's.
fn not_a_completion(body: &[u8], error: &serde_json::Error) -> Rejection {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let first_line = text.lines().next().unwrap_or_default();
    let is_line_of_json = || serde_json::from_str::<Value>(first_line).is_ok_and(|line| line.is_object());
    let why = if text.is_empty() {
        "the body is empty"
    } else if COMPRESSED.iter().any(|magic| body.starts_with(magic)) {
        "the body is compressed, which nobody asked for"
    } else if text.starts_with('<') {
        return Rejection::of_body(BAD_GATEWAY, "the body is a page of HTML or XML", page_text(text));
    } else if ["data:", "event:", "id:", ": "].iter().any(|field| text.starts_with(field)) {
        "the body is a stream of events, although the request asks for none"
    } else if error.is_eof() {
        "the body is cut off"
    } else if error.is_data() {
        // Not serde's message: it quotes the body.
        let why = format!("a field is of another type at line {} column {}", error.line(), error.column());
        return Rejection::of_body(BAD_GATEWAY, why, "");
    } else if is_line_of_json() {
        if first_line.contains("\"done\"") { OTHER_API } else { "the body is more than one JSON object" }
    } else {
        let why = format!("the body is not JSON at line {} column {}", error.line(), error.column());
        return Rejection::of_body(BAD_GATEWAY, why, "");
    };
    Rejection::of_body(BAD_GATEWAY, why, "")
}
