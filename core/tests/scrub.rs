//! No secret leaves through an error.

use proptest::prelude::*;
use voice_core::scrub::{MAX_CHARS, scrub};

#[test]
fn a_webhooks_secret_is_known_for_what_it_is() {
    let said = scrub("signed with (whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw), or WHSEC_x=", &[]);
    assert_eq!(said, "signed with (***), or ***");
}

#[test]
fn the_key_is_removed_wherever_it_stands() {
    assert_eq!(scrub("key CANARY-1234 is wrong: 'CANARY-1234'", &["CANARY-1234"]), "key *** is wrong: '***'");
    assert_eq!(scrub("xCANARY-1234y", &["CANARY-1234\n", ""]), "x***y");
}

#[test]
fn authorization_values_are_removed_even_if_the_key_is_not_known() {
    for quoted in [
        "Authorization: Bearer abcdef0123456789",
        "authorization: abcdef0123456789",
        r#"{"headers":{"authorization":"Bearer abcdef0123456789"}}"#,
        "'Authorization': 'Basic abcdef0123456789'",
        "the token Bearer abcdef0123456789 has expired",
        "x-api-key: abcdef0123456789",
        "Incorrect API key provided: sk-proj-abcdef0123456789.",
        "Incorrect API key provided: abcdef01****6789",
    ] {
        let clean = scrub(quoted, &[]);
        assert!(!clean.contains("abcdef01") && clean.contains("***"), "{clean}");
    }
}

#[test]
fn urls_lose_their_user_and_their_query() {
    assert_eq!(scrub("GET https://me:pw@host/v1?key=abc#x failed", &[]), "GET https://***@host/v1?*** failed");
    assert_eq!(scrub("http://host:8080/v1/chat", &[]), "http://host:8080/v1/chat");
}

#[test]
fn ordinary_words_stay() {
    for words in
        ["model `gpt-9` does not exist", "bearer of bad news", "Rate limit: 3 of 3 requests/min; try in 20s", "sk-"]
    {
        assert_eq!(scrub(words, &["CANARY"]), words);
    }
}

#[test]
fn nul_and_other_control_characters_become_spaces() {
    assert_eq!(scrub("a\0b\r\nc\u{1b}[31m", &[]), "a b  c [31m");
}

#[test]
fn a_secret_at_the_cut_is_gone_before_the_cut() {
    let text = format!("{}CANARY-1234", "x".repeat(MAX_CHARS - 5));
    let clean = scrub(&text, &["CANARY-1234"]);
    assert!(!clean.contains("CANA"), "{clean}");
    assert!(clean.chars().count() <= MAX_CHARS);
}

proptest! {
    #[test]
    fn whatever_surrounds_a_secret_it_is_gone(before in "\\PC{0,80}", secret in "[A-Za-z0-9_-]{12,40}", after in "\\PC{0,80}") {
        let clean = scrub(&format!("{before}{secret}{after}"), &[&secret]);
        prop_assert!(!clean.contains(&secret));
    }

    #[test]
    fn never_longer_than_allowed(text in "[\\x00-\\u{ffff}]{0,2000}") {
        let clean = scrub(&text, &[]);
        prop_assert!(clean.chars().count() <= MAX_CHARS);
        prop_assert!(!clean.contains('\0'));
    }
}
