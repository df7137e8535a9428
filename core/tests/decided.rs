//! Which words decided: the evidence that comes with an analysis by rules.

use proptest::prelude::*;
use voice_core::builtin::{Decided, analyze};
use voice_core::transcript::Role::{Assistant as A, System as S, User as U};
use voice_core::transcript::{Line, Role, ToolCall, Turn, turns};

fn turn(role: Role, text: &str) -> Turn {
    Turn { role, speaker: None, text: text.to_owned() }
}

/// Claim, turn and quote of a call.
fn decided(call: &[(Role, &str)]) -> Vec<(&'static str, usize, String)> {
    let turns: Vec<Turn> = call.iter().map(|(role, text)| turn(*role, text)).collect();
    analyze(&turns, "salon").1.into_iter().map(|Decided { claim, turn, quote }| (claim, turn, quote)).collect()
}

fn claims(expected: &[(&'static str, usize, &str)]) -> Vec<(&'static str, usize, String)> {
    expected.iter().map(|(claim, turn, quote)| (*claim, *turn, (*quote).to_owned())).collect()
}

#[test]
fn feeling_lead_score_and_intent_come_with_the_words_that_decided() {
    let call = [
        (A, "Good morning, how can I help?"),
        (U, "Hi. I'd like to book a table for four tonight."),
        (A, "You're booked for eight."),
        (U, "That's wonderful, thank you so much!"),
    ];
    let booking = "I'd like to book a table for four tonight.";
    let expected =
        [("sentiment", 3, "That's wonderful, thank you so much!"), ("lead_score", 1, booking), ("intent", 1, booking)];
    assert_eq!(decided(&call), claims(&expected));
}

#[test]
fn an_angry_call_is_shown_by_its_angriest_words() {
    let call = [
        (U, "Thanks for taking my call, that is lovely of you."),
        (A, "Of course."),
        (U, "This is horrible, I hate it. You charged me twice and I want my money back."),
    ];
    let found = decided(&call);
    assert_eq!(
        found[0],
        ("sentiment", 2, "This is horrible, I hate it. You charged me twice and I want my money back.".into())
    );
    assert_eq!(found[2], ("intent", 2, "You charged me twice and I want my money back.".into()));
}

#[test]
fn a_polite_complaint_is_shown_by_the_complaint() {
    let call = [(U, "I was overcharged on Monday."), (A, "I see."), (U, "It is as it is.")];
    assert_eq!(decided(&call)[0], ("sentiment", 0, "I was overcharged on Monday.".into()));
}

#[test]
fn the_rule_that_moved_the_score_most_is_the_one_that_is_shown() {
    let call =
        [(U, "What time do you open?"), (A, "At nine."), (U, "I want to cancel my account and close my account.")];
    assert_eq!(decided(&call)[0], ("lead_score", 2, "I want to cancel my account and close my account.".into()));
}

#[test]
fn what_only_the_agent_says_is_shown_by_the_agents_words() {
    let call = [
        (U, "Well, the usual thing on the usual day."),
        (A, "Would you like me to book the appointment?"),
        (U, "Yes, please."),
        (A, "Your appointment is confirmed for Tuesday."),
    ];
    let booked = "Your appointment is confirmed for Tuesday.";
    assert_eq!(decided(&call), claims(&[("lead_score", 3, booked), ("intent", 3, booked)]));
}

#[test]
fn a_recording_is_shown_by_what_it_says() {
    let call = [(A, "Hello?"), (U, "Hi, you've reached Dana."), (U, "Please leave a message after the tone.")];
    let quote = "Please leave a message after the tone.";
    assert_eq!(decided(&call), claims(&["sentiment", "lead_score", "intent"].map(|claim| (claim, 2, quote))));
}

#[test]
fn a_caller_who_says_nothing_shows_nothing() {
    assert_eq!(decided(&[(A, "Hello?"), (U, " … "), (S, "hung up")]), []);
    assert_eq!(decided(&[]), []);
    assert_eq!(decided(&[(U, "Hello?")]), [], "a greeting wants nothing, in no words");
}

#[test]
fn of_a_long_turn_only_the_words_around_are_quoted() {
    let filler = "and then we went on and on about that and more ".repeat(8);
    let long =
        format!("{filler} and I want to book an appointment {filler}. I am so happy. {filler}.").replace(" .", ".");
    let found = decided(&[(U, &long)]);
    let of = |claim: &str| found.iter().find(|one| one.0 == claim).unwrap().2.clone();
    assert_eq!(of("sentiment"), "I am so happy.");
    assert!(of("intent").contains("I want to book an appointment"), "{found:?}");
    for (_, _, quote) in &found {
        assert!(quote.split_whitespace().count() <= 20 && long.contains(quote.as_str()), "{quote}");
    }
}

#[test]
fn of_a_turn_that_is_read_at_its_two_ends_nothing_is_quoted_that_nobody_said() {
    let pause = "x".repeat(50_000);
    for text in [format!("I want to book {pause} an appointment"), format!("I want to {pause}{pause} book a table")] {
        for (_, _, quote) in decided(&[(U, &text)]) {
            assert!(text.contains(&quote), "{quote}");
            assert!(quote.chars().count() <= 200);
        }
    }
}

#[test]
fn tool_calls_between_the_turns_are_not_counted() {
    let lines: [Line; 3] = [
        turn(A, "Hello?").into(),
        ToolCall { name: "look_up".into(), ..ToolCall::default() }.into(),
        turn(U, "I want to book a table.").into(),
    ];
    let (_, decided) = analyze(turns(&lines), "salon");
    assert!(!decided.is_empty() && decided.iter().all(|one| one.turn == 1), "{decided:?}");
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        "[a-z]{1,9}[.,!?]?",
        prop::sample::select(vec![
            "book a table",
            "horrible",
            "wonderful!",
            "refund",
            "I want",
            "is booked.",
            "would you like",
            "after the tone",
            "leave a message",
            "it was our mistake",
            "\u{200b}",
            "\u{202e}no",
            "\n",
            "cancel my",
            "perfecto, gracias",
            "el",
            "la",
            "yes",
            "…",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.join(" "))
}

/// Letters and digits alone.
fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric()).collect()
}

proptest! {
    #[test]
    fn every_quote_stands_in_its_turn_and_is_fit_to_be_seen(
        call in prop::collection::vec((prop_oneof![Just(U), Just(A), Just(S)], text()), 0..8),
    ) {
        let turns: Vec<Turn> = call.iter().map(|(role, text)| turn(*role, text)).collect();
        let (analysis, decided) = analyze(&turns, "salon");
        let mut claimed: Vec<&str> = decided.iter().map(|one| one.claim).collect();
        prop_assert!(claimed.iter().all(|claim| ["sentiment", "lead_score", "intent"].contains(claim)));
        claimed.dedup();
        prop_assert_eq!(claimed.len(), decided.len(), "once each");
        for one in &decided {
            let turn = &turns[one.turn];
            prop_assert!(turn.role != S);
            prop_assert!(one.claim != "sentiment" || turn.role == U, "feelings are the caller's");
            prop_assert!(bare(&turn.text).contains(&bare(&one.quote)), "{:?} in {:?}", one, turn.text);
            prop_assert!(!one.quote.is_empty() && one.quote.chars().count() <= 200);
            prop_assert!(!one.quote.chars().any(|c| c.is_control() || c == '\u{202e}' || c == '\u{200b}'), "{:?}", one.quote);
        }
        let by_agent = decided.iter().any(|one| one.claim == "intent" && turns[one.turn].role == A);
        let shown = decided.iter().any(|one| one.claim == "sentiment");
        prop_assert!(analysis.sentiment >= 0.0 || shown || by_agent, "{analysis:?}");
    }
}
