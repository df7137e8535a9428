//! What a failed request says by itself of whose fault it is. It is where the reckoning begins, not where it ends: what
//! the requests of other jobs come to decides (`crate::attribution`).

use std::fmt;
use std::time::Duration;

use super::{Protocol, Rejection};
use crate::http::{StatusKind, TransportError};
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
    pub kind: Kind,
    /// For the operator: scrubbed, at most 500 characters, never the key.
    pub message: String,
}

/// Whose fault it is as long as nothing else is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// This request or its answer: another one may succeed.
    Job,
    /// The server or the network: the same request succeeds later.
    Provider {
        /// How long the server asks not to be called.
        retry_after: Option<Duration>,
        /// The server has had the request, so it may have failed because of it.
        suspect: bool,
    },
    /// URL, key or model: no request succeeds until it is changed.
    Configuration,
}

/// What happened, to tell equal failures from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// There was no whole response.
    Transport,
    /// The server answered with this status, or with a body that means it.
    Status(u16),
    /// The model answered, and the answer is no analysis.
    Reply,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Failure {
    /// `secrets` are taken out of the message.
    pub fn new(class: Class, kind: Kind, message: impl AsRef<str>, secrets: &[&str]) -> Failure {
        Failure { class, kind, message: scrub(message.as_ref(), secrets) }
    }

    /// A failure without a response that names no wait.
    pub fn provider(message: impl AsRef<str>, suspect: bool, secrets: &[&str]) -> Failure {
        Failure::new(Class::Provider { retry_after: None, suspect }, Kind::Transport, message, secrets)
    }

    /// An answer of the model that is no analysis, with the reason.
    pub fn of_reply(reason: impl fmt::Display, secrets: &[&str]) -> Failure {
        Failure::new(Class::Job, Kind::Reply, format!("the model's reply was refused: {reason}"), secrets)
    }

    /// A request that got no response, or not all of one. `timeout`: the time that it had.
    pub fn of_transport(error: &TransportError, timeout: Duration, secrets: &[&str]) -> Failure {
        let (class, message) = match error {
            TransportError::InvalidUrl(why) => (Class::Configuration, format!("the LLM URL is not valid: {why}")),
            // Nothing but the URL, the key and the headers comes from outside.
            TransportError::InvalidRequest(why) => {
                (Class::Configuration, format!("the LLM URL, the API key or a header is not valid: {why}"))
            }
            TransportError::ProxyRefused(why) => {
                (Class::Configuration, format!("llm_proxy does not connect to {PEER}: {why}"))
            }
            TransportError::BodyTooLarge => {
                return Failure::of_reply("it is larger than 1 MB", secrets);
            }
            error => {
                let suspect = error.may_be_caused_by_request();
                (Class::Provider { retry_after: None, suspect }, error.describe(PEER, timeout))
            }
        };
        Failure::new(class, Kind::Transport, message, secrets)
    }

    /// A request that is given up past its time, whatever holds it.
    pub fn abandoned(timeout: Duration, secrets: &[&str]) -> Failure {
        let timed_out = TransportError::TimedOut.describe(PEER, timeout);
        Failure::provider(format!("{timed_out} (request abandoned)"), true, secrets)
    }

    /// A response that is no answer. `request`: the body that was sent, which is taken out of the server's words, because
    /// validators quote what they refuse.
    pub fn of_rejection(protocol: &dyn Protocol, rejection: &Rejection, request: &[u8], secrets: &[&str]) -> Failure {
        let error = redact_echo(&rejection.words, &String::from_utf8_lossy(request));
        let error = shortened(scrub(&error, secrets).trim(), ERROR_EXCERPT_MAX);
        let status = rejection.status;
        let http = match &rejection.body {
            None => format!("HTTP {status}"),
            Some(body) => format!("HTTP 200 that means {status}; {body}"),
        };
        let what = match status {
            300..=399 => {
                let location = rejection.location.as_deref().unwrap_or("an unnamed place");
                format!("{PEER} redirects to {location}, which is not followed")
            }
            401 => format!("{PEER} refuses the API key ({http})"),
            403 => format!("{PEER} forbids the request ({http})"),
            404 => format!("{PEER} knows no such model or URL ({http})"),
            413 => format!("the transcript is too large for {PEER} ({http})"),
            429 => format!("{PEER} asks for fewer requests ({http})"),
            500..=599 => format!("{PEER} failed ({http})"),
            _ => format!("{PEER} rejected the request ({http})"),
        };
        let message = if error.is_empty() { what } else { format!("{what}: {error}") };
        Failure::new(protocol.classify(rejection, &error), Kind::Status(status), message, secrets)
    }
}

/// Whose fault a rejection is by its status and the server's words.
pub fn of_status(rejection: &Rejection, error: &str) -> Class {
    let retry_after = rejection.retry_after;
    match StatusKind::of(rejection.status) {
        // A permanent redirect is for the operator to enter: the key is not sent to another place.
        StatusKind::MovedPermanently | StatusKind::Unauthorized | StatusKind::NoSuchResource | StatusKind::Gone => {
            Class::Configuration
        }
        StatusKind::Rejected if rejection.status == 400 && names_the_configuration(error) => Class::Configuration,
        StatusKind::Rejected => Class::Job,
        StatusKind::NotNow
        | StatusKind::RequestTimeout
        | StatusKind::TooManyRequests
        | StatusKind::Redirect
        | StatusKind::ServerError
        | StatusKind::Unavailable
        | StatusKind::Unknown => Class::Provider { retry_after, suspect: true },
    }
}

/// Some servers answer 400 where others answer 404 (unknown model), 401 (bad key) or 402 (nothing is paid for).
fn names_the_configuration(error: &str) -> bool {
    let error = error.to_ascii_lowercase();
    let model = error.contains("model")
        && ["not found", "does not exist", "not exist", "not a valid model", "invalid model", "unknown model"]
            .iter()
            .any(|words| error.contains(words));
    let key = error.contains("api key") && ["not valid", "invalid", "incorrect"].iter().any(|w| error.contains(w));
    model || key || error.contains("credit balance") || error.contains("billing")
}
