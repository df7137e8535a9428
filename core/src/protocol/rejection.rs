//! A response that is no answer: by its status, or by what a 200 says in its body.

use std::time::Duration;

/// A request that the server, or one behind it, did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// What it is classified as: the status of the response, or the one that its body speaks of.
    pub status: u16,
    /// Where the status of the response is 2xx: what is wrong with it, in words of ours.
    pub body: Option<String>,
    /// The server's own words, as they are; empty: none.
    pub words: String,
    /// The `Location` header.
    pub location: Option<String>,
    /// The `Retry-After` header, as a wait from now.
    pub retry_after: Option<Duration>,
}

impl Rejection {
    /// A 2xx whose body means this status.
    pub(super) fn of_body(status: u16, body: impl Into<String>, words: impl Into<String>) -> Rejection {
        Rejection { status, body: Some(body.into()), words: words.into(), location: None, retry_after: None }
    }
}
