//! Who is to blame when a request to a model fails. A failure of the job uses up one of its attempts. One of the provider
//! only delays it. One of the configuration stops all requests until somebody changes it.

use std::fmt;
use std::time::Duration;

use super::Protocol;
use crate::http::{HttpResponse, StatusKind, TransportError};
use crate::redact_echo::redact_echo;
use crate::scrub::{scrub, shortened};

/// The peer's name in messages.
const PEER: &str = "the LLM server";
/// Longest excerpt of a server's own words in a message, in characters.
const ERROR_EXCERPT_MAX: usize = 200;

/// Why there is no analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub class: Class,
    /// For the operator: scrubbed, at most 500 characters, never the key.
    pub message: String,
}

/// Who is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// This request or its answer: another one may succeed.
    Job,
    /// The server or the network: the same request succeeds later.
    Provider {
        /// How long the server asks not to be called.
        retry_after: Option<Duration>,
        /// The server may have failed because of this request: it had been sent, and the server did not say that it is
        /// overloaded. The caller decides what follows from that.
        suspect: bool,
    },
    /// URL, key or model: no request succeeds until it is changed.
    Configuration,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Failure {
    /// `secrets` are taken out of the message.
    pub fn new(class: Class, message: impl AsRef<str>, secrets: &[&str]) -> Failure {
        Failure { class, message: scrub(message.as_ref(), secrets) }
    }

    /// A failure of the provider that names no wait.
    pub fn provider(message: impl AsRef<str>, suspect: bool, secrets: &[&str]) -> Failure {
        Failure::new(Class::Provider { retry_after: None, suspect }, message, secrets)
    }

    /// A request that got no response, or not all of one. `timeout`: the time that it had.
    pub fn of_transport(error: &TransportError, timeout: Duration, secrets: &[&str]) -> Failure {
        let (class, message) = match error {
            TransportError::InvalidUrl(why) => (Class::Configuration, format!("the LLM URL is not valid: {why}")),
            // Nothing but the URL and the key comes from outside.
            TransportError::InvalidRequest(why) => {
                (Class::Configuration, format!("the LLM URL or the API key is not valid: {why}"))
            }
            TransportError::BodyTooLarge => {
                (Class::Job, "the model's reply was refused: it is larger than 1 MB".to_owned())
            }
            error => {
                let suspect = error.may_be_caused_by_request();
                (Class::Provider { retry_after: None, suspect }, error.describe(PEER, timeout))
            }
        };
        Failure::new(class, message, secrets)
    }

    /// A request that is given up with its thread, past its time.
    pub fn abandoned(timeout: Duration, secrets: &[&str]) -> Failure {
        let timed_out = TransportError::TimedOut.describe(PEER, timeout);
        Failure::provider(format!("{timed_out} (request abandoned)"), true, secrets)
    }

    /// A response whose status is not 2xx. `request`: the body that was sent, which is taken out of the server's words,
    /// because validators quote what they refuse.
    pub fn of_rejection(
        protocol: &dyn Protocol,
        rejection: &HttpResponse,
        request: &[u8],
        secrets: &[&str],
    ) -> Failure {
        let error = redact_echo(&protocol.error_text(&rejection.body), &String::from_utf8_lossy(request));
        let error = shortened(scrub(&error, secrets).trim(), ERROR_EXCERPT_MAX);
        let status = rejection.status;
        let what = match status {
            300..=399 => {
                let location = rejection.location.as_deref().unwrap_or("an unnamed place");
                format!("{PEER} redirects to {location}, which is not followed")
            }
            401 | 403 => format!("{PEER} refuses the API key (HTTP {status})"),
            404 => format!("{PEER} knows no such model or URL (HTTP 404)"),
            413 => format!("the transcript is too large for {PEER} (HTTP 413)"),
            429 => format!("{PEER} asks for fewer requests (HTTP 429)"),
            500..=599 => format!("{PEER} failed (HTTP {status})"),
            _ => format!("{PEER} rejected the request (HTTP {status})"),
        };
        let message = if error.is_empty() { what } else { format!("{what}: {error}") };
        Failure::new(protocol.classify(rejection, &error), message, secrets)
    }
}

/// Who is to blame for a rejection, by its status and the server's words.
pub fn of_status(rejection: &HttpResponse, error: &str) -> Class {
    let retry_after = rejection.retry_after;
    match StatusKind::of(rejection.status) {
        // A permanent redirect is for the operator to enter: the key is not sent to another place.
        StatusKind::MovedPermanently | StatusKind::Unauthorized | StatusKind::NoSuchResource | StatusKind::Gone => {
            Class::Configuration
        }
        StatusKind::Rejected if rejection.status == 400 && names_the_model_or_the_key(error) => Class::Configuration,
        StatusKind::Rejected => Class::Job,
        StatusKind::ServerError => Class::Provider { retry_after, suspect: true },
        StatusKind::NotNow
        | StatusKind::RequestTimeout
        | StatusKind::TooManyRequests
        | StatusKind::Redirect
        | StatusKind::Unavailable
        | StatusKind::Unknown => Class::Provider { retry_after, suspect: false },
    }
}

/// Some servers answer 400 where others answer 404 (unknown model) or 401 (bad key).
fn names_the_model_or_the_key(error: &str) -> bool {
    let error = error.to_ascii_lowercase();
    let model = error.contains("model")
        && ["not found", "does not exist", "not exist", "not a valid model", "invalid model", "unknown model"]
            .iter()
            .any(|words| error.contains(words));
    let key = error.contains("api key") && ["not valid", "invalid", "incorrect"].iter().any(|w| error.contains(w));
    model || key
}
