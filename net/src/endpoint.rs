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

/// What is wrong with a URL as the base of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseUrlError {
    /// Neither http nor https.
    Scheme,
    /// No host, or none that could be one.
    Host,
    /// Not a number from 1 to 65535.
    Port,
    /// A user's name or password in it.
    Credentials,
    /// A query or a fragment, after which no path can be put.
    Query,
    /// White space, control characters, or otherwise no URL (RFC 3986).
    Malformed,
}

/// Whether requests can go to `{url}/chat/completions`.
pub fn check_url(url: &str) -> Result<(), BaseUrlError> {
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(BaseUrlError::Malformed);
    }
    let (scheme, rest) = url.split_once("://").ok_or(BaseUrlError::Scheme)?;
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(BaseUrlError::Scheme);
    }
    if rest.contains(['?', '#']) {
        return Err(BaseUrlError::Query);
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err(BaseUrlError::Credentials);
    }
    if authority.starts_with('[') && !authority.contains(']') {
        return Err(BaseUrlError::Host);
    }
    // The colons of an IPv6 address stand within brackets.
    let after_host = authority.rfind(']').map_or(authority, |end| &authority[end + 1..]);
    if let Some((_, port)) = after_host.split_once(':')
        && !port.parse::<u16>().is_ok_and(|port| port > 0)
    {
        return Err(BaseUrlError::Port);
    }
    let uri: ureq::http::Uri = url.parse().map_err(|_| BaseUrlError::Host)?;
    if uri.host().is_none_or(str::is_empty) { Err(BaseUrlError::Host) } else { Ok(()) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_no_request_could_go_to_is_refused() {
        for good in
            ["https://api.openai.com/v1", "HTTP://localhost:8080/v1/", "http://[::1]:11434/v1", "http://10.0.0.1"]
        {
            assert_eq!(check_url(good), Ok(()), "{good}");
        }
        for (bad, fault) in [
            ("api.openai.com/v1", BaseUrlError::Scheme),
            ("ftp://example.com", BaseUrlError::Scheme),
            ("https://", BaseUrlError::Host),
            ("https:///v1", BaseUrlError::Host),
            ("http://[::1/v1", BaseUrlError::Host),
            ("http://h:99999/v1", BaseUrlError::Port),
            ("http://h:abc/v1", BaseUrlError::Port),
            ("http://h:0/v1", BaseUrlError::Port),
            ("https://me:secret@example.com/v1", BaseUrlError::Credentials),
            ("https://example.com/v1?x=1", BaseUrlError::Query),
            ("https://example.com/v1#top", BaseUrlError::Query),
            ("https://example.com/a b", BaseUrlError::Malformed),
        ] {
            assert_eq!(check_url(bad), Err(fault), "{bad}");
        }
    }
}
