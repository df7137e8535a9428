//! What a receiver's response, or the lack of one, means for a delivery.

use std::time::Duration;

use crate::http::{HttpResponse, StatusKind, TransportError};
use crate::redact_echo::redact_echo;
use crate::scrub::{scrub, shortened};

/// The peer's name in messages.
const PEER: &str = "the receiver";
/// Longest excerpt of a receiver's own words in a message, in characters.
const EXCERPT_MAX: usize = 200;

/// Why it was not delivered. Each message is for the operator: scrubbed, at most 500 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryError {
    /// A later attempt may succeed.
    Transient { message: String, retry_after: Option<Duration> },
    /// The receiver refuses this delivery. A later attempt may succeed, for it may be in the middle of a deploy; others may
    /// succeed meanwhile.
    Refused { message: String },
    /// No attempt will succeed: its address may not be reached.
    Permanent { message: String },
    /// The receiver wants no deliveries any more (410).
    Gone { message: String },
}

impl DeliveryError {
    /// A failure without a response that names a wait.
    pub fn transient(message: &str, secrets: &[&str]) -> DeliveryError {
        DeliveryError::Transient { message: scrub(message, secrets), retry_after: None }
    }

    /// A request that is given up past its time, whatever holds it.
    pub fn abandoned(timeout: Duration, secrets: &[&str]) -> DeliveryError {
        let timed_out = TransportError::TimedOut.describe(PEER, timeout);
        DeliveryError::transient(&format!("{timed_out} (request abandoned)"), secrets)
    }

    /// A request that got no response. `private_addresses`: whether the setting of that name is on.
    pub fn of_transport(
        error: &TransportError,
        timeout: Duration,
        private_addresses: bool,
        secrets: &[&str],
    ) -> DeliveryError {
        let permanent = |message: String| DeliveryError::Permanent { message: scrub(&message, secrets) };
        match error {
            TransportError::BlockedAddress(why) if private_addresses => permanent(why.clone()),
            TransportError::BlockedAddress(why) => {
                permanent(format!("{why}, and voice_analytics.webhook_private_addresses is off"))
            }
            TransportError::InvalidUrl(why) => permanent(format!("the URL is not valid: {why}")),
            error => DeliveryError::transient(&error.describe(PEER, timeout), secrets),
        }
    }

    /// A response whose status is not 2xx. `request`: the body that was sent, which is taken out of the receiver's words.
    pub fn of_rejection(rejection: &HttpResponse, request: &[u8], secrets: &[&str]) -> DeliveryError {
        let (status, retry_after) = (rejection.status, rejection.retry_after);
        let kind = StatusKind::of(status);
        let what = match kind {
            StatusKind::MovedPermanently | StatusKind::Redirect => {
                format!("{PEER} redirects (HTTP {status}), which is not followed")
            }
            StatusKind::Gone => format!("{PEER} wants nothing any more (HTTP 410)"),
            StatusKind::TooManyRequests => format!("{PEER} asks for fewer requests (HTTP 429)"),
            StatusKind::RequestTimeout | StatusKind::ServerError | StatusKind::Unavailable => {
                format!("{PEER} failed (HTTP {status})")
            }
            StatusKind::Unauthorized
            | StatusKind::NoSuchResource
            | StatusKind::NotNow
            | StatusKind::Rejected
            | StatusKind::Unknown => format!("{PEER} refused it (HTTP {status})"),
        };
        // Scrubbed before it is shortened: no cut leaves half of a secret.
        let words = redact_echo(&String::from_utf8_lossy(&rejection.body), &String::from_utf8_lossy(request));
        let words = shortened(scrub(&words, secrets).trim(), EXCERPT_MAX);
        let message = scrub(&if words.is_empty() { what } else { format!("{what}: {words}") }, secrets);
        match kind {
            StatusKind::Gone => DeliveryError::Gone { message },
            StatusKind::NotNow | StatusKind::Rejected => DeliveryError::Refused { message },
            StatusKind::Unauthorized
            | StatusKind::NoSuchResource
            | StatusKind::MovedPermanently
            | StatusKind::Redirect
            | StatusKind::RequestTimeout
            | StatusKind::TooManyRequests
            | StatusKind::ServerError
            | StatusKind::Unavailable
            | StatusKind::Unknown => DeliveryError::Transient { message, retry_after },
        }
    }
}
