//! Where a webhook may go, as far as its URL says.

use std::fmt;

use super::Format;
use super::address::Rule;
use crate::url::{Url, UrlError, address, is_localhost};

/// Stands where a URL's secret part was (Slack's path), so that it can be shown.
pub const HIDDEN: &str = "…";
/// Longer ones are a mistake.
const LONGEST: usize = 2000;

/// What the operator allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// `webhook_private_addresses`
    pub private_addresses: bool,
    /// `webhook_allowed_hosts`, as it is set; blank: any.
    pub allowed_hosts: String,
}

/// Why a URL cannot be a webhook's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookUrlError {
    TooLong,
    /// White space, control characters, or what only an encoded URL may have.
    Malformed,
    /// Neither http nor https.
    Scheme,
    /// A user's name or password in it.
    Credentials,
    Host,
    Port,
    Fragment,
    /// http to another machine.
    Unencrypted,
    /// The host is an address that may not be reached: which, and what it is.
    Address(String, &'static str),
    /// Not among the allowed hosts.
    NotAllowed(String),
    /// Slack's URL without its secret path.
    NoPath,
}

impl WebhookUrlError {
    /// What is wrong; names no more of the URL than its host.
    pub fn detail(&self) -> String {
        match self {
            WebhookUrlError::TooLong => format!("The URL has more than {LONGEST} bytes."),
            WebhookUrlError::Malformed => {
                "The URL contains white space, control characters, or others that must be encoded.".into()
            }
            WebhookUrlError::Scheme => "The URL does not begin with https:// or http://.".into(),
            WebhookUrlError::Credentials => {
                "The URL carries a user or a password, and it is visible to whoever reads voice.webhook.".into()
            }
            WebhookUrlError::Host => "The URL names no host, or none that could be one.".into(),
            WebhookUrlError::Port => "The port is not a number from 1 to 65535.".into(),
            WebhookUrlError::Fragment => "The URL has a fragment (#…), which is never sent.".into(),
            WebhookUrlError::Unencrypted => {
                "The URL is http to another machine: whoever is on the way reads along.".into()
            }
            WebhookUrlError::Address(address, what) => format!("{address} is {what}, not public."),
            WebhookUrlError::NotAllowed(host) => {
                format!("The host {host} is not among voice_analytics.webhook_allowed_hosts.")
            }
            WebhookUrlError::NoPath => "The URL has no path: what is posted there reaches no channel.".into(),
        }
    }

    /// The way out.
    pub fn hint(&self) -> &'static str {
        match self {
            WebhookUrlError::Credentials => {
                "Leave them out: the signature shows the receiver who calls (webhook-signature)."
            }
            WebhookUrlError::Unencrypted => {
                "Use https; http goes to this machine only (127.0.0.1, localhost), or anywhere with voice_analytics.webhook_private_addresses."
            }
            WebhookUrlError::Address(..) => {
                "Use a public address, or let a superuser set voice_analytics.webhook_private_addresses if that network is meant to be called."
            }
            WebhookUrlError::NotAllowed(_) => "Let a superuser add the host to voice_analytics.webhook_allowed_hosts.",
            WebhookUrlError::NoPath => "Give the whole URL that Slack shows: https://hooks.slack.com/services/…",
            _ => "For example https://example.com/hooks/voice.",
        }
    }
}

impl fmt::Display for WebhookUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail())
    }
}

impl From<UrlError> for WebhookUrlError {
    fn from(error: UrlError) -> WebhookUrlError {
        match error {
            UrlError::Malformed => WebhookUrlError::Malformed,
            UrlError::Scheme => WebhookUrlError::Scheme,
            UrlError::Credentials => WebhookUrlError::Credentials,
            UrlError::Host => WebhookUrlError::Host,
            UrlError::Port => WebhookUrlError::Port,
            UrlError::Fragment | UrlError::Query => WebhookUrlError::Fragment,
        }
    }
}

/// Whether the host says itself that this machine is meant.
fn is_local(host: &str) -> bool {
    let strict = Rule { private: false, loopback: false };
    is_localhost(host) || address(host).is_some_and(|address| strict.judge(address) == Err("loopback"))
}

/// Which addresses a host may have. `host`: without the brackets of an IPv6 address.
pub fn rule(host: &str, private_addresses: bool) -> Rule {
    Rule { private: private_addresses, loopback: is_local(host) }
}

/// Takes a webhook's URL apart.
///
/// # Errors
/// The URL may not be a webhook's of this format, as far as can be told without a look-up of the host's addresses.
pub fn check<'a>(url: &'a str, format: Format, policy: &Policy) -> Result<Url<'a>, WebhookUrlError> {
    if url.len() > LONGEST {
        return Err(WebhookUrlError::TooLong);
    }
    let parsed = Url::parse(url)?;
    if !policy.allows(parsed.host) {
        return Err(WebhookUrlError::NotAllowed(parsed.host.to_owned()));
    }
    if let Some(address) = address(parsed.host)
        && let Err(what) = rule(parsed.host, policy.private_addresses).judge(address)
    {
        return Err(WebhookUrlError::Address(address.to_string(), what));
    }
    if !parsed.https && !is_local(parsed.host) && !policy.private_addresses {
        return Err(WebhookUrlError::Unencrypted);
    }
    if format == Format::Slack && parsed.path.trim_matches('/').is_empty() {
        return Err(WebhookUrlError::NoPath);
    }
    Ok(parsed)
}

/// The URL as it may be shown: Slack's path is all its secret.
pub fn shown(url: &str, format: Format) -> String {
    match (format, Url::parse(url)) {
        (Format::Slack, Ok(parsed)) => format!("{}/{HIDDEN}", parsed.origin),
        _ => url.to_owned(),
    }
}

impl Policy {
    fn allows(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let mut entries = self.allowed_hosts.split(',').map(str::trim).filter(|entry| !entry.is_empty()).peekable();
        entries.peek().is_none()
            || entries.any(|entry| {
                let entry = entry.to_ascii_lowercase();
                match entry.strip_prefix("*.") {
                    Some(domain) => {
                        host.strip_suffix(domain).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
                    }
                    None => entry.trim_matches(['[', ']']) == host,
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(url: &str, policy: &Policy) -> Result<(), WebhookUrlError> {
        check(url, Format::Standard, policy).map(drop)
    }

    #[test]
    fn https_goes_anywhere_public_and_http_to_this_machine_only() {
        let policy = Policy::default();
        for url in [
            "https://example.com/hooks",
            "HTTPS://example.com:8443/hooks?tenant=7",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]:444/x",
            "http://127.0.0.1:8080/x",
            "http://localhost:8080",
            "http://LOCALHOST./",
            "http://[::1]/x",
            "https://localhost/x",
        ] {
            assert_eq!(judge(url, &policy), Ok(()), "{url}");
        }
        let open = Policy { private_addresses: true, ..Policy::default() };
        for url in ["http://example.com/", "http://10.0.0.1/", "https://192.168.1.1/", "http://169.254.169.254/"] {
            assert!(judge(url, &policy).is_err(), "{url}");
            assert_eq!(judge(url, &open), Ok(()), "{url}");
        }
        assert!(judge("https://0.0.0.0/", &open).is_err());
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said() {
        let long = format!("https://example.com/{}", "x".repeat(LONGEST));
        for (url, fault) in [
            (long.as_str(), WebhookUrlError::TooLong),
            ("ftp://example.com/", WebhookUrlError::Scheme),
            ("file:///etc/passwd", WebhookUrlError::Scheme),
            ("example.com/hook", WebhookUrlError::Scheme),
            ("https://", WebhookUrlError::Host),
            ("https:///x", WebhookUrlError::Host),
            ("https://[::1", WebhookUrlError::Host),
            ("https://[fe80::1%25eth0]/", WebhookUrlError::Host),
            ("https://exa%6dple.com/", WebhookUrlError::Host),
            ("https://user:password@example.com/", WebhookUrlError::Credentials),
            ("https://user@example.com/", WebhookUrlError::Credentials),
            ("https://example.com:99999/", WebhookUrlError::Port),
            ("https://example.com:0/", WebhookUrlError::Port),
            ("https://example.com:+80/", WebhookUrlError::Port),
            ("https://example.com:/", WebhookUrlError::Port),
            ("https://[::1]x/", WebhookUrlError::Port),
            ("https://example.com/a b", WebhookUrlError::Malformed),
            ("https://example.com\\@10.0.0.1/", WebhookUrlError::Malformed),
            ("https://example.com/\u{e9}", WebhookUrlError::Malformed),
            ("https://example.com/#top", WebhookUrlError::Fragment),
            ("http://example.com/", WebhookUrlError::Unencrypted),
            ("http://169.254.169.254/latest", WebhookUrlError::Address("169.254.169.254".into(), "link-local")),
            ("https://[::ffff:10.0.0.1]/", WebhookUrlError::Address("::ffff:10.0.0.1".into(), "private")),
        ] {
            assert_eq!(judge(url, &Policy::default()), Err(fault.clone()), "{url}");
            assert!(!fault.detail().is_empty() && !fault.hint().is_empty());
            assert!(!fault.detail().contains("password@"));
        }
    }

    #[test]
    fn allowed_hosts_are_names_and_what_is_below_a_domain() {
        let policy =
            Policy { allowed_hosts: " example.com, *.acme.test ,[2606:4700::1111]".into(), ..Policy::default() };
        for url in
            ["https://example.com/", "https://EXAMPLE.com./", "https://a.b.acme.test/", "https://[2606:4700::1111]/"]
        {
            assert_eq!(judge(url, &policy), Ok(()), "{url}");
        }
        for url in
            ["https://acme.test/", "https://evilacme.test/", "https://example.com.evil.test/", "https://localhost/"]
        {
            assert!(matches!(judge(url, &policy), Err(WebhookUrlError::NotAllowed(_))), "{url}");
        }
    }

    #[test]
    fn only_a_url_that_names_this_machine_reaches_it() {
        let loopback = |url: &str| rule(Url::parse(url).unwrap().host, false).loopback;
        assert!(
            loopback("http://localhost:1/") && loopback("http://127.9.9.9/") && loopback("http://[::ffff:127.0.0.1]/")
        );
        // A name that resolves to loopback, and the numbers that only the C library reads as addresses.
        assert!(!loopback("https://rebinding.test/") && !loopback("http://2130706433/") && !loopback("http://0x7f.1/"));
    }

    #[test]
    fn slacks_path_is_not_shown() {
        let url = "https://hooks.slack.com/services/T0/B0/x7";
        assert_eq!(shown(url, Format::Slack), "https://hooks.slack.com/…");
        assert_eq!(shown(url, Format::Standard), url);
        assert_eq!(check("https://hooks.slack.com/", Format::Slack, &Policy::default()), Err(WebhookUrlError::NoPath));
    }
}
