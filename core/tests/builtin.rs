//! The builtin analyzer as a whole: it survives anything, and it stays as good as it was measured to be.

use proptest::prelude::*;
use voice_core::analysis::Intent;
use voice_core::builtin::analyze;
use voice_core::transcript::{Role, Turn};

fn turn(role: Role, text: impl Into<String>) -> Turn {
    Turn { role, text: text.into() }
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::User), Just(Role::Assistant), Just(Role::System)]
}

/// Text as callers might speak it, made of the pieces that the rules look for, and of anything.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        "[A-Z][a-z]{0,5}[.,!?]?",
        prop::sample::select(vec![
            "my name is",
            "it's",
            "I'm",
            "Mr.",
            "at",
            "dot",
            "@",
            "example.com",
            "five",
            "double",
            "oh",
            "+1",
            "555-0142",
            "book",
            "is booked",
            "would you like",
            "not",
            "refund",
            "but",
            "no",
            "least",
            "so",
            "kind of",
            "—",
            "’",
            "…",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #[test]
    fn any_call_has_an_analysis_in_range(
        turns in prop::collection::vec((role(), text()), 0..12),
        vertical in "[a-z_]{0,12}",
    ) {
        let turns: Vec<Turn> = turns.into_iter().map(|(role, text)| turn(role, text)).collect();
        let analysis = analyze(&turns, &vertical);
        prop_assert!((-1.0..=1.0).contains(&analysis.sentiment));
        prop_assert!((0..=100).contains(&analysis.lead_score));
        prop_assert!(analysis.summary.chars().count() <= 240);
        prop_assert!(!analysis.next_action.is_empty() && analysis.next_action.chars().count() <= 500);
        let entities = analysis.entities;
        for entity in [entities.name, entities.email, entities.phone, entities.topic].into_iter().flatten() {
            prop_assert!(!entity.is_empty() && entity.chars().count() <= 320 && !entity.contains('\0'), "{:?}", entity);
        }
    }
}

#[test]
fn ten_megabytes_of_anything_are_read_quickly() {
    for piece in ["no ", "good but ", "a", "five ", "at dot ", "I'm A. ", "é@é.é ", "?", "\u{202e}💘", "book, ", "Mr. "]
    {
        let long = turn(Role::User, piece.repeat(10_000_000 / piece.len()));
        let analysis = analyze(&[turn(Role::Assistant, "Your name?"), long], "");
        assert!(analysis.summary.chars().count() <= 240);
    }
}

#[test]
fn a_hundred_thousand_turns_are_read_in_one_pass() {
    let turns: Vec<Turn> = (0..100_000)
        .map(|i| match i % 2 {
            0 => turn(Role::Assistant, "Would you like to book? I have a@example.com, 303-555-0142, Jo?"),
            _ => turn(Role::User, format!("No, I'm Ann Lee, not that, b{i}@example.com.")),
        })
        .collect();
    assert_eq!(analyze(&turns, "").entities.email.as_deref(), Some("b99999@example.com"));
}

#[test]
fn a_call_without_words_of_the_user_has_no_intent() {
    let analysis = analyze(&[turn(Role::Assistant, "Hello?"), turn(Role::User, " … ")], "salon");
    assert_eq!((analysis.intent, analysis.lead_score), (Intent::None, 0));
}
