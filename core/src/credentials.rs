//! What files and variables with credentials hold: an API key, or lines of headers. Reasons never repeat what is in them.

use std::fmt;

/// Why a text holds no credentials. Each reads as the end of "the file … ".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialError {
    NoKey,
    /// The key has white space in it, or characters that no header can carry.
    NotOneWord,
    /// `NAME=key`, as files of environment variables have it.
    Assignment,
    /// Number of the line, from 1.
    NotAHeader(usize),
    /// A header that is said by each request itself, or belongs to the connection.
    Reserved(&'static str),
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CredentialError::NoKey => write!(f, "holds no key"),
            CredentialError::NotOneWord => write!(f, "holds no key: a key is one word of visible ASCII characters"),
            CredentialError::Assignment => write!(f, "holds an assignment (NAME=…): write the key alone"),
            CredentialError::NotAHeader(line) => write!(f, "has a line {line} that is no header \"Name: value\""),
            CredentialError::Reserved(name) => write!(f, "has a header that is not to be set: {name}"),
        }
    }
}

/// Names of headers whose values are no secrets: they name who asks.
const PUBLIC: [&str; 7] =
    ["http-referer", "referer", "x-title", "user-agent", "openai-organization", "openai-project", "anthropic-version"];

/// What each request says itself, and what belongs to the connection (RFC 9110, RFC 9112).
const RESERVED: [&str; 12] = [
    "host",
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "accept-encoding",
    "connection",
    "proxy-connection",
    "proxy-authorization",
    "expect",
    "te",
    "upgrade",
];

/// The key in `text`: one word, also in quotation marks, after `Bearer `, with a byte order mark, white space around it.
///
/// # Errors
/// The text is anything else.
pub fn api_key(text: &str) -> Result<&str, CredentialError> {
    let key = unquoted(text.trim_matches(is_around));
    let key = match key.split_once(char::is_whitespace) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => unquoted(key.trim()),
        _ => key,
    };
    if key.is_empty() || key.eq_ignore_ascii_case("bearer") {
        return Err(CredentialError::NoKey);
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CredentialError::NotOneWord);
    }
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    // The padding of Base64 is no assignment.
    match key.split_once('=') {
        Some((name, value)) if name.chars().all(is_name) && value.contains(|c| c != '=') => {
            Err(CredentialError::Assignment)
        }
        _ => Ok(key),
    }
}

/// The headers in `text`, one a line; blank lines and those that begin with `#` are none.
///
/// # Errors
/// A line is no header (RFC 9110, field-name and visible ASCII), or one that must not be set.
pub fn headers(text: &str) -> Result<Vec<(&str, &str)>, CredentialError> {
    let mut headers = Vec::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = CredentialError::NotAHeader(at + 1);
        let (name, value) = line.split_once(':').ok_or(wrong)?;
        let (name, value) = (name.trim_end(), value.trim());
        let fits = |c: char| c.is_ascii_graphic() || c == ' ' || c == '\t';
        if name.is_empty() || !name.chars().all(is_token) || value.is_empty() || !value.chars().all(fits) {
            return Err(wrong);
        }
        if let Some(name) = RESERVED.into_iter().find(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return Err(CredentialError::Reserved(name));
        }
        headers.push((name, value));
    }
    Ok(headers)
}

/// Whether the value of this header is kept from messages.
pub fn is_secret(name: &str) -> bool {
    !PUBLIC.iter().any(|public| name.eq_ignore_ascii_case(public))
}

fn is_around(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

fn unquoted(text: &str) -> &str {
    let inside = |mark: char| text.strip_prefix(mark)?.strip_suffix(mark).map(str::trim);
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

/// RFC 9110: tchar.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_what_editors_and_shells_put_around_it() {
        let forms = [
            "sk-1",
            "sk-1\r\n",
            " sk-1 ",
            "\u{feff}sk-1\n",
            "\"sk-1\"\n",
            "'sk-1'",
            "Bearer sk-1",
            "bearer  sk-1\n",
            "\u{feff}\"Bearer sk-1\"",
            "Bearer \"sk-1\"",
        ];
        for form in forms {
            assert_eq!(api_key(form), Ok("sk-1"), "{form:?}");
        }
        for key in ["QUJD==", "QUJD=", "a=b", "sk-ant-_x.y/z+"] {
            assert_eq!(api_key(key), Ok(key));
        }
    }

    #[test]
    fn what_is_no_key_is_refused_by_name() {
        for none in ["", " \n", "\"\"", "\u{feff}", "Bearer", "Bearer "] {
            assert_eq!(api_key(none), Err(CredentialError::NoKey), "{none:?}");
        }
        for words in ["sk-1 sk-2", "sk-1\nsk-2", "schlüssel", "export OPENAI_API_KEY=sk-1", "Basic abc"] {
            assert_eq!(api_key(words), Err(CredentialError::NotOneWord), "{words}");
        }
        assert_eq!(api_key("OPENAI_API_KEY=sk-1"), Err(CredentialError::Assignment));
    }

    #[test]
    fn headers_are_lines_of_name_and_value() {
        let text = "\u{feff}# of the gateway\r\napi-key: 0123\r\n\r\nHTTP-Referer:https://example.com/a:b\n";
        assert_eq!(headers(text), Ok(vec![("api-key", "0123"), ("HTTP-Referer", "https://example.com/a:b")]));
        assert_eq!(headers(" \n"), Ok(vec![]));
    }

    #[test]
    fn a_line_that_is_no_header_and_one_of_the_requests_own_are_refused() {
        for (text, line) in [("api-key 0123", 1), ("a: b\n: c", 2), ("a b: c", 1), ("x:", 1), ("x: \u{e9}", 1)] {
            assert_eq!(headers(text), Err(CredentialError::NotAHeader(line)), "{text}");
        }
        for name in ["Host", "content-length", "Transfer-Encoding", "Proxy-Authorization"] {
            assert!(matches!(headers(&format!("{name}: x")), Err(CredentialError::Reserved(_))), "{name}");
        }
    }

    #[test]
    fn who_asks_is_no_secret_and_everything_else_is() {
        assert!(!is_secret("HTTP-Referer") && !is_secret("x-title"));
        assert!(is_secret("api-key") && is_secret("cf-access-client-secret"));
    }
}
