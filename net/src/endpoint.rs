//! Where requests to a model go.

use std::fmt;
use std::time::Duration;

use voice_core::credentials;
use voice_core::protocol::RequestOptions;

/// A server, a model on it, and how long a request may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The base, to which the protocol's path is appended: `https://api.openai.com/v1`. A slash at the end is ignored.
    pub url: String,
    pub model: String,
    /// `None`: the server wants no key, as local servers do.
    pub api_key: Option<ApiKey>,
    /// Sent with each request beside the protocol's own, as gateways want them.
    pub headers: Vec<Header>,
    /// URL of an HTTP proxy through which connections go (CONNECT, RFC 9110); `None`: straight.
    pub proxy: Option<String>,
    /// What is added to the body of each request.
    pub options: RequestOptions,
    /// From the start of the request to the last byte of the answer, DNS, TLS and further tries in other
    /// styles included.
    pub timeout: Duration,
}

impl Endpoint {
    pub(crate) fn url_of(&self, path: &str) -> String {
        format!("{}{path}", self.url.trim_end_matches('/'))
    }

    /// What no message may repeat.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        let headers = self.headers.iter().filter(|header| credentials::is_secret(&header.name));
        self.api_key.iter().chain(headers.map(|header| &header.value)).map(ApiKey::expose).collect()
    }
}

/// A header whose value `{:?}` does not print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub value: ApiKey,
}

/// A key that `{:?}` does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// White space around the key is dropped: files end in a line break.
    pub fn new(key: &str) -> ApiKey {
        ApiKey(key.trim().to_owned())
    }

    /// The key itself, for the request's header and for scrubbing, for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
