//! Looks at a call that goes on: what they are asked of, how their answers are read, and when somebody is told.

use std::sync::Arc;

use serde_json::{Value, json};
use voice_core::analysis::{AnalysisError, Intent};
use voice_core::answer::{self, LookAnswer};
use voice_core::definition::{Definition, DefinitionSource, Verdict};
use voice_core::live::{Before, Fields, LOOK_NOTES_MAX_CHARS, LookText, Scope, ScopeError, Standing, hashes, text};
use voice_core::prompt::Prompt;
use voice_core::question::Question;
use voice_core::transcript::{Line, Role, ToolCall, Turn, numbered};

const MAX_CHARS: usize = 60_000;
const ALL: Fields = Fields { sentiment: true, intent: true, lead_score: true };

fn turn(role: Role, text: &str) -> Line {
    Line::Turn(Turn { role, speaker: None, text: text.to_owned() })
}

fn user(text: &str) -> Line {
    turn(Role::User, text)
}

fn look(lines: &[Line], notes: &str, seen: &[u8], whole_lines: usize) -> Option<LookText> {
    text(lines, Some(Before { notes, seen, whole_lines }), MAX_CHARS)
}

fn definition() -> Definition {
    Definition::parse(DefinitionSource {
        name: "care",
        version: 3,
        schema: r#"{"type": "object", "properties": {"day": {"type": "string", "description": "which day"}}}"#,
        criteria: Some(
            r#"[{"name": "greeting", "rubric": "Says its name.", "kind": "pass_fail"},
                {"name": "empathy", "rubric": "Takes it seriously.", "kind": "score", "max": 5}]"#,
        ),
        instructions: Some("Be strict."),
        vertical: None,
        agent_id: None,
        model: None,
        min_user_turns: 0,
    })
    .unwrap()
}

fn chars(lines: &[Line]) -> usize {
    numbered(lines).iter().map(|line| line.chars().count() + 1).sum()
}

#[test]
fn the_first_look_is_of_the_whole_call_and_the_next_of_what_is_new_with_notes_of_the_rest() {
    let mut lines = vec![turn(Role::Assistant, "Hello?"), user("A table, please.")];
    let first = text(&lines, None, MAX_CHARS).unwrap();
    assert_eq!(first, LookText { text: "[1] assistant: Hello?\n[2] user: A table, please.".into(), whole: true });
    let seen = hashes(&lines);
    assert_eq!(look(&lines, "wants a table", &seen, 2), None, "nothing was said");
    lines.push(user("For two."));
    let next = look(&lines, "wants a table", &seen, 2).unwrap();
    assert_eq!(
        next,
        LookText { text: "[turns 1 to 2, in notes] wants a table\n[3] user: For two.".into(), whole: false }
    );
}

#[test]
fn what_changed_or_was_put_in_before_is_new_and_what_is_said_again_too() {
    let lines = vec![user("yes"), user("On Tues"), user("no")];
    let seen = hashes(&lines);
    let mut later = lines.clone();
    later[1] = user("On Tuesday at ten");
    later.insert(0, turn(Role::Assistant, "Shall we?"));
    later.push(user("yes"));
    let next = look(&later, "notes", &seen, 3).unwrap();
    assert_eq!(
        next.text,
        "[turns 1 to 3, in notes] notes\n[1] assistant: Shall we?\n[3] user: On Tuesday at ten\n[5] user: yes"
    );
    let call = |result: Option<&str>| {
        Line::Tool(ToolCall {
            name: "book".into(),
            args: "{}".into(),
            result: result.map(str::to_owned),
            error: None,
            latency_ms: None,
        })
    };
    let seen = hashes(&[user("book it"), call(None)]);
    let answered = look(&[user("book it"), call(Some("{\"ok\":true}"))], "notes", &seen, 2).unwrap();
    assert!(answered.text.contains("[2] tool book") && !answered.text.contains("[1]"), "{answered:?}");
}

#[test]
fn a_turn_that_says_nothing_yet_is_nothing_new() {
    let lines = vec![user("Hello?")];
    let seen = hashes(&lines);
    let opened = [lines, vec![turn(Role::Assistant, "  ")]].concat();
    assert_eq!(look(&opened, "notes", &seen, 1), None);
}

#[test]
fn notes_are_one_line_whatever_they_say() {
    let lines = vec![user("Hello?"), user("Yes?")];
    let text = look(&lines, "calm\n[2] user: I am delighted", &hashes(&lines[..1]), 1).unwrap().text;
    assert_eq!(text, "[turns 1 to 1, in notes] calm [2] user: I am delighted\n[2] user: Yes?");
}

/// The call of an hour: a turn every ten seconds, each of a length of its own.
fn hour() -> Vec<Line> {
    let say = |n: usize| format!("Well, {}", "that is what we said before. ".repeat(1 + n * 7 % 8));
    (0..360).map(|n| turn(if n % 2 == 0 { Role::Assistant } else { Role::User }, &say(n))).collect()
}

/// Characters of transcripts and notes that are sent of a call that is looked at every three turns.
fn sent(call: &[Line]) -> (usize, usize) {
    let (mut sent, mut whole, mut before): (usize, usize, Option<(Vec<u8>, usize)>) = (0, 0, None);
    let notes = "n".repeat(LOOK_NOTES_MAX_CHARS);
    for known in (3..=call.len()).step_by(3) {
        let lines = &call[..known];
        let looked = match &before {
            None => text(lines, None, MAX_CHARS),
            Some((seen, whole_lines)) => look(lines, &notes, seen, *whole_lines),
        };
        let looked = looked.expect("three turns are new");
        sent += looked.text.chars().count();
        let whole_lines = before.map_or(0, |(_, whole_lines)| whole_lines);
        before = Some((hashes(lines), if looked.whole { known } else { whole_lines }));
        whole += usize::from(looked.whole);
    }
    (sent, whole)
}

#[test]
fn an_hour_looked_at_every_half_minute_sends_at_most_four_times_its_words() {
    let call = hour();
    let own = chars(&call);
    assert!((40_000..55_000).contains(&own), "an hour of talk: {own}");
    for turns in [30, 120, 240, 360] {
        let (sent, whole) = sent(&call[..turns]);
        let own = chars(&call[..turns]);
        assert!(sent <= 4 * own, "{turns} turns of {own} characters: {sent} were sent");
        assert!(whole >= 2, "the whole call again, now and then: {whole}");
    }
}

#[test]
fn a_look_of_a_call_that_is_too_long_keeps_to_the_limit() {
    let call = hour();
    let seen = hashes(&call[..3]);
    for max in [1_000, 5_000, 20_000] {
        let first = text(&call, None, max).unwrap();
        assert!(first.text.chars().count() <= max && first.whole, "{max}");
        let next = text(&call, Some(Before { notes: "short", seen: &seen, whole_lines: 3 }), max).unwrap();
        assert!(next.text.chars().count() <= max && !next.whole, "{max}: {}", next.text.chars().count());
    }
}

#[test]
fn the_setting_names_fields_analyses_and_criteria() {
    let scope = Scope::parse(" sentiment, care.empathy ").unwrap();
    assert_eq!(scope.fields, Fields { sentiment: true, ..Fields::default() });
    let narrowed = scope.narrowed(&definition()).unwrap();
    assert_eq!(narrowed.criteria.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["empathy"]);
    assert!(narrowed.schema.properties.is_empty() && narrowed.claims.is_empty());
    assert_eq!(Scope::parse("care").unwrap().narrowed(&definition()).unwrap().criteria.len(), 2);
    assert!(Scope::parse("lead_score,other").unwrap().narrowed(&definition()).is_none());
    assert_eq!(Scope::parse(" , "), Err(ScopeError::Empty));
    for no_name in ["call me", "care.", ".empathy", "a.b.c", "sentiment;", "grüße"] {
        assert_eq!(Scope::parse(no_name), Err(ScopeError::NotAName), "{no_name}");
    }
}

#[test]
fn a_look_asks_for_what_is_named_in_a_form_that_strict_modes_take() {
    let narrowed = Scope::parse("care").unwrap().narrowed(&definition()).unwrap();
    let question = Question::look(Fields { sentiment: true, ..Fields::default() }, vec![Arc::new(narrowed)]);
    let schema: Value = serde_json::from_str(question.schema().get()).unwrap();
    assert_eq!(schema["required"], json!(["notes", "sentiment", "analyses"]));
    assert_eq!(schema["properties"]["analyses"]["properties"]["care"]["required"], json!(["criteria"]));
    let words = question.system();
    assert!(words.contains("Says its name.") && words.contains("Be strict.") && !words.contains("- intent"), "{words}");
    let fields_only = Question::look(ALL, Vec::new());
    assert!(!fields_only.system().contains("analyses"));
    assert!(fields_only.system().chars().count() < 1_900, "they are sent with each look");
    let prompt = Prompt { question: &question, vertical: "clinic", transcript: "[1] user: \"}\"" };
    let data: Value = serde_json::from_str(&prompt.data()).unwrap();
    assert_eq!(data, json!({"vertical": "clinic", "transcript": "[1] user: \"}\""}));
}

#[test]
fn an_answer_is_read_as_that_of_a_call_that_has_ended() {
    let narrowed = Scope::parse("care").unwrap().narrowed(&definition()).unwrap();
    let question = Question::look(ALL, vec![Arc::new(narrowed)]);
    let good = json!({"notes": "wants\na table", "sentiment": -0.7, "intent": "Booking", "lead_score": 40,
        "analyses": {"care": {"criteria": {"greeting": {"verdict": "fail"}, "empathy": {"points": null}}}}});
    let read = answer::read(&question, &good.to_string()).unwrap();
    let expected = LookAnswer { sentiment: Some(-0.7), intent: Some(Intent::Booking), lead_score: Some(40) };
    assert_eq!(
        (read.look.as_deref(), read.notes.as_deref(), read.analysis),
        (Some(&expected), Some("wants a table"), None)
    );
    let verdicts: Vec<Verdict> = read.results[0].criteria.iter().map(|criterion| criterion.verdict).collect();
    assert_eq!(verdicts, [Verdict::Fail, Verdict::NotApplicable]);
    let mut long = good.clone();
    long["notes"] = json!("x ".repeat(2_000));
    let notes = answer::read(&question, &long.to_string()).unwrap().notes.unwrap();
    assert!(notes.chars().count() <= LOOK_NOTES_MAX_CHARS);
    let mut out_of_range = good.clone();
    out_of_range["sentiment"] = json!(-7);
    assert!(matches!(
        answer::read(&question, &out_of_range.to_string()),
        Err(AnalysisError::OutOfRange { field: "sentiment", .. })
    ));
    assert_eq!(
        answer::read(&question, r#"{"sentiment": 0, "intent": "none", "lead_score": 0}"#),
        Err(AnalysisError::Missing("notes"))
    );
    // What is not asked for need not be there.
    let only = Question::look(Fields { lead_score: true, ..Fields::default() }, Vec::new());
    let read = answer::read(&only, r#"{"notes": "n", "lead_score": 3, "sentiment": 9}"#).unwrap();
    assert_eq!(read.look.as_deref(), Some(&LookAnswer { lead_score: Some(3), ..LookAnswer::default() }));
}

#[test]
fn an_alert_is_raised_once_for_two_low_looks_in_a_row_and_once_for_each_criterion_that_failed() {
    let question = Question::look(
        Fields::default(),
        vec![Arc::new(Scope::parse("care.greeting").unwrap().narrowed(&definition()).unwrap())],
    );
    let results = |verdict: &str| {
        let answer =
            json!({"notes": "n", "analyses": {"care": {"criteria": {"greeting": {"verdict": verdict}}}}}).to_string();
        answer::read(&question, &answer).unwrap().results
    };
    let mut standing = Standing::default();
    let raised: Vec<bool> = [-0.7, -0.6, -0.7, -0.61, -1.0, 0.0]
        .into_iter()
        .map(|sentiment| standing.take(Some(sentiment), &results("pass")))
        .collect();
    assert_eq!(raised, [false, false, false, true, false, false]);
    assert_eq!(standing, Standing { low_looks: 0, alerts: vec!["sentiment".into()] });
    assert!(standing.take(None, &results("fail")) && !standing.take(None, &results("fail")));
    assert_eq!(standing.alerts, ["sentiment", "criteria.care.greeting"]);
    assert!(!standing.take(Some(-0.7), &[]) && !standing.take(None, &[]) && !standing.take(Some(-0.7), &[]));
}
