//! Whose fault it was. The worker does what the class says: a job's failure uses up an attempt, a provider's only waits,
//! a configuration's pauses everything until somebody changes it.

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime};

use voice_core::redact_echo::redact_echo;
use voice_core::reply::error_message;
use voice_core::scrub::{scrub, shortened};

/// Nobody is asked to wait longer than this, whatever a server says.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);
/// How much of a server's own words goes into a message, in characters.
const ERROR_EXCERPT_MAX: usize = 200;

/// Why there is no analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub class: Class,
    /// For the operator: scrubbed, at most 500 characters, never the key.
    pub message: String,
}

/// Whose fault it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// This question or its answer: another one may well succeed.
    Job,
    /// The server or the way there: the same question succeeds later.
    Provider {
        /// How long the server asks to be left alone, at most [`RETRY_AFTER_MAX`].
        retry_after: Option<Duration>,
        /// It may have been this question that the server failed on: it had been sent, and the server did not say that
        /// it has too much to do. What comes of a suspicion is for the caller to decide.
        suspect: bool,
    },
    /// URL, key or model: no question succeeds until it is changed.
    Configuration,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Failure {
    pub(crate) fn new(class: Class, message: impl AsRef<str>, secrets: &[&str]) -> Failure {
        Failure { class, message: scrub(message.as_ref(), secrets) }
    }

    pub(crate) fn provider(message: impl AsRef<str>, suspect: bool, secrets: &[&str]) -> Failure {
        Failure::new(Class::Provider { retry_after: None, suspect }, message, secrets)
    }
}

/// A response whose status is not 2xx, and what the server says of it.
pub(crate) fn of_status(
    status: u16,
    location: Option<&str>,
    retry_after: Option<Duration>,
    words: &str,
    secrets: &[&str],
) -> Failure {
    let class = match status {
        // Where a permanent redirect leads is for the operator to enter, not for us to follow with their key.
        301 | 308 | 401 | 403 | 404 | 405 | 410 => Class::Configuration,
        400 if names_the_model_or_the_key(words) => Class::Configuration,
        402 | 408 | 409 | 425 | 429 => Class::Provider { retry_after, suspect: false },
        400..=499 => Class::Job,
        _ => Class::Provider { retry_after, suspect: matches!(status, 500 | 502 | 504) },
    };
    let what = match status {
        301 | 302 | 303 | 307 | 308 => {
            format!("the LLM server redirects to {}, which is not followed", location.unwrap_or("an unnamed place"))
        }
        401 | 403 => format!("the LLM server refuses the API key (HTTP {status})"),
        404 => "the LLM server knows no such model or URL (HTTP 404)".into(),
        413 => "the transcript is too large for the LLM server (HTTP 413)".into(),
        429 => "the LLM server asks for fewer requests (HTTP 429)".into(),
        500..=599 => format!("the LLM server failed (HTTP {status})"),
        _ => format!("the LLM server rejected the request (HTTP {status})"),
    };
    Failure::new(class, if words.is_empty() { what } else { format!("{what}: {words}") }, secrets)
}

/// A request that got no response, or not all of one.
pub(crate) fn of_transport(error: &ureq::Error, timeout: Duration, secrets: &[&str]) -> Failure {
    use ureq::Error;
    let message = match error {
        Error::BadUri(why) => {
            return Failure::new(Class::Configuration, format!("the LLM URL is not valid: {why}"), secrets);
        }
        Error::Http(why) => {
            // Neither URL nor key may hold what a request line or a header cannot; nothing else here comes from outside.
            return Failure::new(
                Class::Configuration,
                format!("the LLM URL or the API key is not valid: {why}"),
                secrets,
            );
        }
        Error::Timeout(_) => timed_out(timeout),
        Error::HostNotFound => "the LLM server's name is not known".into(),
        Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => "the LLM server refuses connections".into(),
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => "the LLM server closed the connection".into(),
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => timed_out(timeout),
            // rustls hides its verdict on a certificate in an I/O error.
            io::ErrorKind::InvalidData => format!("no secure connection to the LLM server: {error}"),
            _ => format!("the LLM server cannot be reached: {error}"),
        },
        Error::Rustls(error) => format!("no secure connection to the LLM server: {error}"),
        Error::Tls(error) => format!("no secure connection to the LLM server: {error}"),
        Error::Protocol(error) => format!("the LLM server does not speak HTTP as it should: {error}"),
        Error::LargeResponseHeader(..) => "the LLM server's response header is too large".into(),
        other => format!("the request to the LLM server failed: {other}"),
    };
    let suspect = match error {
        Error::Io(error) => {
            error.kind() != io::ErrorKind::ConnectionRefused && error.kind() != io::ErrorKind::InvalidData
        }
        other => matches!(other, Error::Timeout(_) | Error::Protocol(_) | Error::LargeResponseHeader(..)),
    };
    Failure::provider(message, suspect, secrets)
}

pub(crate) fn timed_out(timeout: Duration) -> String {
    format!("no answer from the LLM server within {} s", timeout.as_secs_f64())
}

/// The value of a `Retry-After` header: seconds, or a date.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a u64 holds are a long time as well.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        // A date that has passed asks for no wait.
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// Whether a rejection is about the reply style and not about the question.
pub(crate) fn rejects_json_schema(status: u16, body: &[u8]) -> bool {
    let words = String::from_utf8_lossy(body).to_ascii_lowercase();
    matches!(status, 400 | 422)
        && ["response_format", "json_schema", "structured output"].iter().any(|w| words.contains(w))
}

/// What a server says of a request that it rejects, without what it repeats of it: validators quote what they refuse.
pub(crate) fn error_body_excerpt(body: &[u8], request: &[u8], secrets: &[&str]) -> String {
    let words = match serde_json::from_slice(body) {
        Ok(error) => error_message(&error),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let words = redact_echo(&words, &String::from_utf8_lossy(request));
    shortened(scrub(&words, secrets).trim(), ERROR_EXCERPT_MAX)
}

/// Some servers answer 400 where others answer 404 (unknown model) or 401 (bad key).
fn names_the_model_or_the_key(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    let model = words.contains("model")
        && ["not found", "does not exist", "not exist", "not a valid model", "invalid model", "unknown model"]
            .iter()
            .any(|w| words.contains(w));
    let key = words.contains("api key") && ["not valid", "invalid", "incorrect"].iter().any(|w| words.contains(w));
    model || key
}
