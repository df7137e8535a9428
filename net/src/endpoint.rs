//! Where questions go.

use std::fmt;
use std::time::Duration;

/// An OpenAI-compatible server, a model on it, and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The v1 base, `https://api.openai.com/v1`; a slash at the end is the same.
    pub url: String,
    pub model: String,
    /// `None`: no Authorization header, as local servers want it.
    pub api_key: Option<ApiKey>,
    /// From the start of the request to the last byte of the answer, DNS, TLS and a second try in the other reply style
    /// included.
    pub timeout: Duration,
}

impl Endpoint {
    pub(crate) fn completions_url(&self) -> String {
        format!("{}/chat/completions", self.url.trim_end_matches('/'))
    }

    pub(crate) fn secrets(&self) -> Vec<&str> {
        self.api_key.iter().map(ApiKey::expose).collect()
    }
}

/// A key that no `{:?}` prints.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// White space around the key is dropped: files end in a line break.
    pub fn new(key: &str) -> ApiKey {
        ApiKey(key.trim().to_owned())
    }

    /// The key itself, for the Authorization header and for scrubbing, for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
