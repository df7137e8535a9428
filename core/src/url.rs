//! The one grammar of http and https URLs here: RFC 3986, and stricter. What is judged must be what is sent, so nothing is
//! normalised (the WHATWG URL standard reads `0x7f.1` as an address and drops tabs), and what two readers could read
//! differently is refused.

use core::net::{IpAddr, Ipv6Addr};

/// Longest name of a host, in bytes (RFC 1035).
const HOST_MAX: usize = 253;

/// A URL, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Url<'a> {
    pub https: bool,
    /// Without the brackets of an IPv6 address.
    pub host: &'a str,
    /// As given, or the scheme's own.
    pub port: u16,
    /// Scheme and authority, as they are written.
    pub origin: &'a str,
    /// Path and query, from the slash or the question mark; may be empty.
    pub path: &'a str,
}

/// What is wrong with a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlError {
    /// White space, control characters, or others that must be encoded.
    Malformed,
    /// Neither http nor https.
    Scheme,
    /// A user's name or password in it.
    Credentials,
    /// No host, or none that could be one.
    Host,
    /// Not a number from 1 to 65535.
    Port,
    /// A fragment, which is never sent.
    Fragment,
    /// A query, where only the base of other URLs is wanted.
    Query,
}

impl<'a> Url<'a> {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// The text is not an http or https URL, or has credentials or a fragment.
    pub fn parse(url: &'a str) -> Result<Url<'a>, UrlError> {
        let must_be_encoded = |c| matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
        if url.chars().any(|c| !c.is_ascii_graphic() || must_be_encoded(c)) {
            return Err(UrlError::Malformed);
        }
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(UrlError::Scheme),
        };
        if rest.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlError::Credentials);
        }
        let (host, port) = split_authority(authority)?;
        if !is_host(host) {
            return Err(UrlError::Host);
        }
        let port = match port {
            Some(port) => port_number(port).ok_or(UrlError::Port)?,
            None if https => 443,
            None => 80,
        };
        Ok(Url { https, host, port, origin: &url[..url.len() - path.len()], path })
    }

    /// Takes the base of other URLs apart, after which a path is put: it has no query.
    ///
    /// # Errors
    /// As [`Url::parse`], or the URL has a query.
    pub fn parse_base(url: &'a str) -> Result<Url<'a>, UrlError> {
        let base = Url::parse(url)?;
        if base.path.contains('?') { Err(UrlError::Query) } else { Ok(base) }
    }
}

/// Whether this is a host's name, an IPv4 address, or an IPv6 address without brackets.
pub fn is_host(host: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    match host.contains(':') {
        true => host.parse::<Ipv6Addr>().is_ok(),
        false => !host.is_empty() && host.len() <= HOST_MAX && host.chars().all(is_name),
    }
}

/// Whether a host names this machine itself, whatever its name resolves to.
pub fn is_localhost(host: &str) -> bool {
    host.strip_suffix('.').unwrap_or(host).eq_ignore_ascii_case("localhost")
}

/// The address that a host is, where it is one.
pub fn address(host: &str) -> Option<IpAddr> {
    host.parse().ok()
}

/// Host and port of an authority; the colons of an IPv6 address stand within brackets.
fn split_authority(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    let Some(bracketed) = authority.strip_prefix('[') else {
        return Ok(match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        });
    };
    let (host, rest) = bracketed.split_once(']').ok_or(UrlError::Host)?;
    // Only an IPv6 address stands within brackets.
    if !host.contains(':') || !is_host(host) {
        return Err(UrlError::Host);
    }
    match rest.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(UrlError::Port),
    }
}

fn port_number(digits: &str) -> Option<u16> {
    // `parse` alone would take a plus sign.
    let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_as_it_is_written() {
        let url = Url::parse("HTTPS://Example.com:8443/a?b=c").unwrap();
        assert_eq!((url.https, url.host, url.port), (true, "Example.com", 8443));
        assert_eq!((url.origin, url.path), ("HTTPS://Example.com:8443", "/a?b=c"));
        let url = Url::parse("http://[::1]").unwrap();
        assert_eq!((url.https, url.host, url.port, url.origin, url.path), (false, "::1", 80, "http://[::1]", ""));
        assert_eq!(Url::parse("https://example.com?x").unwrap().path, "?x");
    }

    #[test]
    fn what_is_no_url_or_could_be_read_in_two_ways_is_refused() {
        for (bad, error) in [
            ("ftp://example.com/", UrlError::Scheme),
            ("file:///etc/passwd", UrlError::Scheme),
            ("example.com/hook", UrlError::Scheme),
            ("https://", UrlError::Host),
            ("https:///x", UrlError::Host),
            ("https://[::1", UrlError::Host),
            ("https://[example.com]/", UrlError::Host),
            ("https://[fe80::1%25eth0]/", UrlError::Host),
            ("https://exa%6dple.com/", UrlError::Host),
            ("https://user:password@example.com/", UrlError::Credentials),
            ("https://user@example.com/", UrlError::Credentials),
            ("https://example.com:99999/", UrlError::Port),
            ("https://example.com:0/", UrlError::Port),
            ("https://example.com:+80/", UrlError::Port),
            ("https://example.com:/", UrlError::Port),
            ("https://[::1]x/", UrlError::Port),
            ("https://example.com/a b", UrlError::Malformed),
            ("https://example.com\\@10.0.0.1/", UrlError::Malformed),
            ("https://example.com/\u{e9}", UrlError::Malformed),
            ("https://example.com/#top", UrlError::Fragment),
        ] {
            assert_eq!(Url::parse(bad), Err(error), "{bad}");
        }
    }

    #[test]
    fn a_base_that_no_request_could_go_to_is_refused() {
        for good in
            ["https://api.openai.com/v1", "HTTP://localhost:8080/v1/", "http://[::1]:11434/v1", "http://10.0.0.1"]
        {
            assert!(Url::parse_base(good).is_ok(), "{good}");
        }
        for (bad, error) in [
            ("api.openai.com/v1", UrlError::Scheme),
            ("ftp://example.com", UrlError::Scheme),
            ("https://", UrlError::Host),
            ("https:///v1", UrlError::Host),
            ("http://[::1/v1", UrlError::Host),
            ("http://h:99999/v1", UrlError::Port),
            ("http://h:abc/v1", UrlError::Port),
            ("http://h:0/v1", UrlError::Port),
            ("https://me:secret@example.com/v1", UrlError::Credentials),
            ("https://example.com/v1?x=1", UrlError::Query),
            ("https://example.com/v1#top", UrlError::Fragment),
            ("https://example.com/a b", UrlError::Malformed),
        ] {
            assert_eq!(Url::parse_base(bad), Err(error), "{bad}");
        }
    }

    #[test]
    fn a_host_has_no_scheme_port_or_path() {
        for host in ["example.com", "10.0.0.1", "::1", "2606:4700::1111", "my_host", "localhost."] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", "example.com:443", "[::1]", "a/b", "https://a", "a b", &"x".repeat(254)] {
            assert!(!is_host(host), "{host}");
        }
    }
}
