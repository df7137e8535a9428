//! The one place where what goes into a table, a log line or an error loses its secrets.

/// Longest text that [`scrub`] returns, in characters.
pub const MAX_CHARS: usize = 500;

/// Stands for what is hidden until the end: a character that the text cannot hold, where asterisks may be a server's own.
const HIDDEN: char = '\0';

/// `text` without the given secrets, without the value of any `Authorization` header, bearer token, `sk-…` key or `whsec_…` secret it
/// may quote, without the user part and the query of URLs, control characters (NUL among them) turned into spaces; at most
/// [`MAX_CHARS`] characters.
///
/// Secrets are removed before the text is shortened, so no cut leaves half of one.
pub fn scrub(text: &str, secrets: &[&str]) -> String {
    let mut clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    for secret in secrets.iter().map(|secret| secret.trim()).filter(|secret| !secret.is_empty()) {
        clean = clean.replace(secret, HIDDEN.encode_utf8(&mut [0; 1]));
    }
    shortened(&without_tokens(&without_url_secrets(&clean)).replace(HIDDEN, "***"), MAX_CHARS)
}

/// The beginning of `text`, at most `max_chars` characters, with an ellipsis where something is missing.
pub fn shortened(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        None => text.to_owned(),
        Some(_) => {
            let mut short: String = text.chars().take(max_chars.saturating_sub(1)).collect();
            if max_chars > 0 {
                short.push('…');
            }
            short
        }
    }
}

/// What stands between the words of a header, of JSON and of prose; everything else may belong to a token.
fn separates(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '"' | '\'' | ':' | ',' | ';' | '{' | '}' | '[' | ']' | '(' | ')' | '<' | '>' | '\\')
}

fn without_tokens(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut after = After::Other;
    let mut rest = text;
    while !rest.is_empty() {
        let gap = rest.find(|c| !separates(c)).unwrap_or(rest.len());
        clean.push_str(&rest[..gap]);
        rest = &rest[gap..];
        let word = &rest[..rest.find(separates).unwrap_or(rest.len())];
        rest = &rest[word.len()..];
        let lower = word.to_ascii_lowercase();
        let scheme = matches!(lower.as_str(), "bearer" | "basic" | "token" | "apikey");
        let secret = match after {
            After::Header => !scheme && !word.is_empty(),
            After::Scheme => word.len() >= 8,
            After::Other => false,
        };
        // Servers quote half of a key and star the rest; half is half too much.
        let looks_like_a_key =
            (lower.starts_with("sk-") && word.len() >= 8) || lower.contains("whsec_") || word.contains("**");
        if secret || looks_like_a_key {
            clean.push(HIDDEN);
        } else {
            clean.push_str(word);
        }
        after = match lower.as_str() {
            "authorization" | "proxy-authorization" | "x-api-key" | "api-key" | "api_key" => After::Header,
            "bearer" | "basic" if after == After::Other => After::Scheme,
            _ if scheme => after,
            _ => After::Other,
        };
    }
    clean
}

#[derive(PartialEq, Clone, Copy)]
enum After {
    Header,
    Scheme,
    Other,
}

/// Hides the user part and the query of every URL: both are places where people put keys.
fn without_url_secrets(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        clean.push_str(before);
        let end =
            url.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ')')).unwrap_or(url.len());
        let (url, after) = url.split_at(end);
        let authority = url.find(['/', '?', '#']).unwrap_or(url.len());
        let url = match url[..authority].rfind('@') {
            Some(at) => {
                clean.push(HIDDEN);
                &url[at..]
            }
            None => url,
        };
        match url.find('?') {
            Some(at) => {
                clean.push_str(&url[..=at]);
                clean.push(HIDDEN);
            }
            None => clean.push_str(url),
        }
        rest = after;
    }
    clean.push_str(rest);
    clean
}
