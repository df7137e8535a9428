//! HTTP exchanges as plain values, and the one classification of how they fail. `net/` sends and receives them.
//! What a failure means is decided per peer: [`crate::protocol::failure`] for models, [`crate::webhook::delivery`] for
//! webhooks.

use std::fmt;
use std::time::Duration;

/// A POST request of JSON, without its host.
pub struct HttpRequest {
    /// Appended to the base URL. It begins with a slash.
    pub path: &'static str,
    /// Headers beside `content-type`. Values may be secret.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// A response of any status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    pub status: u16,
    /// The `Location` header.
    pub location: Option<String>,
    /// The `Retry-After` header, as a wait from now.
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

impl HttpResponse {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// What a status that is not 2xx says (RFC 9110, RFC 6585, RFC 8470).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusKind {
    /// 301, 308.
    MovedPermanently,
    /// Any other 3xx.
    Redirect,
    /// 401, 403: the credentials are refused.
    Unauthorized,
    /// 404, 405: there is no such resource, or it takes no POST.
    NoSuchResource,
    /// 410.
    Gone,
    /// 408: the server gave up waiting for the request.
    RequestTimeout,
    /// 402, 409, 425: the same request can succeed later.
    NotNow,
    /// 429.
    TooManyRequests,
    /// Any other 4xx: the request itself is rejected.
    Rejected,
    /// 500, 502, 504: the server, or one behind it, failed on a request that it had accepted.
    ServerError,
    /// Any other 5xx, such as 503 (overloaded) and 529.
    Unavailable,
    /// Not a status of HTTP.
    Unknown,
}

impl StatusKind {
    pub fn of(status: u16) -> StatusKind {
        match status {
            301 | 308 => StatusKind::MovedPermanently,
            300..=399 => StatusKind::Redirect,
            401 | 403 => StatusKind::Unauthorized,
            404 | 405 => StatusKind::NoSuchResource,
            410 => StatusKind::Gone,
            408 => StatusKind::RequestTimeout,
            402 | 409 | 425 => StatusKind::NotNow,
            429 => StatusKind::TooManyRequests,
            400..=499 => StatusKind::Rejected,
            500 | 502 | 504 => StatusKind::ServerError,
            500..=599 => StatusKind::Unavailable,
            _ => StatusKind::Unknown,
        }
    }
}

/// Why there is no response, or not all of one. The texts are those of the HTTP library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportError {
    InvalidUrl(String),
    /// A header or the request line cannot be written.
    InvalidRequest(String),
    /// No address of the host may be connected to; with the reason.
    BlockedAddress(String),
    TimedOut,
    /// The proxy makes no connection to the peer; with its answer.
    ProxyRefused(String),
    /// There is no connection to the proxy; with the reason.
    ProxyUnreachable(String),
    /// The proxy is there, and does not serve for the moment; with its answer, or what it did instead.
    ProxyFailed(String),
    UnknownHost,
    ConnectionRefused,
    ConnectionClosed,
    /// No TLS connection: the certificate or the handshake failed.
    Insecure(String),
    Unreachable(String),
    /// The peer's bytes are not HTTP.
    NotHttp(String),
    HeaderTooLarge,
    /// The body is longer than the limit of the request.
    BodyTooLarge,
    Other(String),
}

impl TransportError {
    /// Whether the peer may have failed on this request: the request may have been sent, and the peer did not answer it.
    pub fn may_be_caused_by_request(&self) -> bool {
        matches!(
            self,
            TransportError::TimedOut
                | TransportError::ConnectionClosed
                | TransportError::Unreachable(_)
                | TransportError::NotHttp(_)
                | TransportError::HeaderTooLarge
        )
    }

    /// What happened, for the operator. `peer` is the other side's name, such as "the LLM server"; `timeout` the time that
    /// the request had.
    pub fn describe(&self, peer: &str, timeout: Duration) -> String {
        match self {
            TransportError::InvalidUrl(why) => format!("the URL of {peer} is not valid: {why}"),
            TransportError::InvalidRequest(why) => format!("the request to {peer} cannot be written: {why}"),
            TransportError::BlockedAddress(why) => why.clone(),
            TransportError::TimedOut => timed_out(peer, timeout),
            TransportError::ProxyRefused(why) => format!("the proxy does not connect to {peer}: {why}"),
            TransportError::ProxyUnreachable(why) => format!("the proxy before {peer} cannot be reached: {why}"),
            TransportError::ProxyFailed(why) => format!("the proxy before {peer} failed: {why}"),
            TransportError::UnknownHost => format!("{peer}'s name is not known"),
            TransportError::ConnectionRefused => format!("{peer} refuses connections"),
            TransportError::ConnectionClosed => format!("{peer} closed the connection"),
            TransportError::Insecure(why) => format!("no secure connection to {peer}: {why}"),
            TransportError::Unreachable(why) => format!("{peer} cannot be reached: {why}"),
            TransportError::NotHttp(why) => format!("{peer} does not speak HTTP as it should: {why}"),
            TransportError::HeaderTooLarge => format!("{peer}'s response header is too large"),
            TransportError::BodyTooLarge => format!("{peer}'s response is too large"),
            TransportError::Other(why) => format!("the request to {peer} failed: {why}"),
        }
    }
}

/// The message of a request that got no response in time.
pub fn timed_out(peer: &str, timeout: Duration) -> String {
    format!("no answer from {peer} within {} s", timeout.as_secs_f64())
}

impl fmt::Debug for HttpRequest {
    /// Without header values and body: they hold keys and words of calls.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        let body = format_args!("{} bytes", self.body.len());
        f.debug_struct("HttpRequest").field("path", &self.path).field("headers", &names).field("body", &body).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_printed_without_its_key_and_its_words() {
        let headers = vec![("authorization", "Bearer key-1".to_owned())];
        let request = HttpRequest { path: "/x", headers, body: b"said".to_vec() };
        assert_eq!(format!("{request:?}"), r#"HttpRequest { path: "/x", headers: ["authorization"], body: 4 bytes }"#);
    }
}
