//! Every bad answer of a model is refused for a reason that says what was bad.

use proptest::prelude::*;
use serde_json::{Value, json};
use voice_core::analysis::{self, Analysis, AnalysisError, Intent};
use voice_core::answer::Answer;
use voice_core::protocol::{OPENAI_CHAT, Protocol};
use voice_core::question::Question;
use voice_core::reply::Tokens;

fn good() -> Value {
    json!({
        "summary": "Maria booked a consultation.", "sentiment": 0.6, "intent": "booking", "lead_score": 85,
        "entities": {"name": "Maria", "email": null, "phone": "+1 555 010 2000", "topic": "Botox"},
        "next_action": "Confirm by text message."
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut spoilt = good();
    *spoilt.pointer_mut(field).unwrap() = value;
    spoilt
}

fn without(field: &str) -> Value {
    let mut spoilt = good();
    spoilt.as_object_mut().unwrap().remove(field);
    spoilt
}

fn refused(content: &str) -> String {
    analysis::parse(content).expect_err("should have been refused").to_string()
}

fn spoilt(field: &str, value: Value) -> String {
    refused(&with(field, value).to_string())
}

#[test]
fn a_good_answer_is_read_as_it_stands() {
    let analysis = analysis::parse(&good().to_string()).unwrap();
    assert_eq!((analysis.sentiment, analysis.lead_score, analysis.intent), (0.6, 85, Intent::Booking));
    assert_eq!(analysis.entities.name.as_deref(), Some("Maria"));
    assert_eq!(analysis.entities.email, None);
    assert_eq!(analysis.summary, "Maria booked a consultation.");
    assert_eq!(analysis.next_action, "Confirm by text message.");
}

#[test]
fn every_intent_of_the_prompt_is_accepted() {
    for intent in Intent::ALL {
        let analysis = analysis::parse(&with("/intent", json!(intent.as_str())).to_string()).unwrap();
        assert_eq!(analysis.intent, intent);
        assert_eq!(json!(intent), json!(intent.as_str()));
    }
}

#[test]
fn white_space_around_the_object_is_fine() {
    assert!(analysis::parse(&format!("\n\t {} \r\n", good())).is_ok());
}

#[test]
fn text_around_the_object_is_refused() {
    assert_eq!(refused(&format!("Here is the JSON: {}", good())), "there is text before the JSON object");
    assert_eq!(refused(&format!("{}\nI hope this helps!", good())), "there is text after the JSON object");
    assert_eq!(refused(&format!("{}{}", good(), good())), "there is text after the JSON object");
}

#[test]
fn what_is_not_json_is_refused() {
    assert!(refused("The caller was happy.").starts_with("not JSON: "));
    assert!(refused("{summary: 'x'}").starts_with("not JSON: "));
    assert_eq!(refused(" \n "), "the message has no content");
}

#[test]
fn json_that_is_cut_off_is_refused_wherever_it_is_cut() {
    let whole = good().to_string();
    for end in 1..whole.len() {
        assert_eq!(refused(&whole[..end]), "the JSON is cut off");
    }
}

#[test]
fn json_that_is_no_object_is_refused() {
    for other in ["[]", "null", "42", "\"ok\"", "[0.5, 80, \"info\", {}, \"\", \"\"]"] {
        assert_eq!(refused(other), "the JSON is not an object");
    }
}

#[test]
fn nan_and_infinity_are_refused() {
    for number in ["NaN", "Infinity", "-Infinity"] {
        let content = good().to_string().replace("0.6", number);
        assert!(refused(&content).starts_with("not JSON: "), "{number}");
    }
    assert!(refused(&good().to_string().replace("0.6", "1e999")).starts_with("not JSON: number out of range"));
    assert_eq!(spoilt("/sentiment", json!("NaN")), "sentiment must be a number, not a string");
}

#[test]
fn a_missing_field_is_named() {
    for field in ["summary", "sentiment", "intent", "lead_score", "entities", "next_action"] {
        assert_eq!(refused(&without(field).to_string()), format!("{field} is missing"));
    }
}

#[test]
fn a_wrong_type_is_named() {
    assert_eq!(spoilt("/sentiment", json!("good")), "sentiment must be a number, not a string");
    assert_eq!(spoilt("/sentiment", json!(null)), "sentiment must be a number, not null");
    assert_eq!(spoilt("/lead_score", json!("85%")), "lead_score must be an integer, not a string");
    assert_eq!(spoilt("/lead_score", json!(true)), "lead_score must be an integer, not true");
    assert_eq!(spoilt("/intent", json!(["sales"])), "intent must be a string, not an array");
    assert_eq!(spoilt("/entities", json!([null, null, null, null])), "entities must be an object, not an array");
    assert_eq!(
        spoilt("/entities/name", json!({"first": "Maria"})),
        "entities.name must be a string or null, not an object"
    );
    assert_eq!(
        spoilt("/entities/phone", json!(5550102000_u64)),
        "entities.phone must be a string or null, not a number of 10 characters"
    );
    assert_eq!(spoilt("/summary", json!(null)), "summary must be a string, not null");
    assert_eq!(spoilt("/next_action", json!(7)), "next_action must be a string, not 7");
}

#[test]
fn a_score_of_250_is_refused_and_never_made_100() {
    assert_eq!(spoilt("/lead_score", json!(250)), "lead_score must be from 0 to 100, not 250");
    assert_eq!(spoilt("/lead_score", json!(-1)), "lead_score must be from 0 to 100, not -1");
    assert_eq!(spoilt("/lead_score", json!(1e300)), "lead_score must be from 0 to 100, not 1e+300");
    assert_eq!(
        spoilt("/lead_score", json!(u64::MAX)),
        "lead_score must be from 0 to 100, not a number of 20 characters"
    );
    for (edge, score) in [(json!(0), 0), (json!(100), 100)] {
        assert_eq!(analysis::parse(&with("/lead_score", edge).to_string()).unwrap().lead_score, score);
    }
}

#[test]
fn a_whole_number_written_with_a_fraction_is_an_integer_and_85_5_is_not() {
    assert_eq!(analysis::parse(&with("/lead_score", json!(85.0)).to_string()).unwrap().lead_score, 85);
    assert_eq!(spoilt("/lead_score", json!(85.5)), "lead_score must be an integer, not 85.5");
}

#[test]
fn a_sentiment_of_7_5_is_refused_and_never_made_1() {
    assert_eq!(spoilt("/sentiment", json!(7.5)), "sentiment must be from -1.0 to 1.0, not 7.5");
    assert_eq!(
        spoilt("/sentiment", json!(-1.0001)),
        "sentiment must be from -1.0 to 1.0, not a number of 7 characters"
    );
    for edge in [-1.0, 0.0, 1.0] {
        assert_eq!(analysis::parse(&with("/sentiment", json!(edge)).to_string()).unwrap().sentiment, edge);
    }
}

#[test]
fn an_intent_of_banana_is_refused() {
    assert_eq!(
        spoilt("/intent", json!("banana")),
        "intent must be one of info, booking, complaint, sales, support, none, not another word of 6 characters"
    );
    assert!(spoilt("/intent", json!("Sales call")).ends_with("another word of 10 characters"));
    assert!(spoilt("/intent", json!("")).starts_with("intent must be one of"));
    let long = spoilt("/intent", json!("banana".repeat(10_000)));
    assert!(long.chars().count() < 200, "{long}");
}

#[test]
fn a_blank_summary_is_refused() {
    assert_eq!(spoilt("/summary", json!("  ")), "summary is blank");
}

#[test]
fn half_a_name_an_address_or_a_number_is_another_one_and_refused() {
    for field in ["name", "email", "phone"] {
        let long = format!("1@{}", "x".repeat(319));
        assert_eq!(
            spoilt(&format!("/entities/{field}"), json!(long)),
            format!("entities.{field} has 321 characters, at most 320 are allowed")
        );
    }
}

#[test]
fn nul_characters_are_refused_wherever_they_would_be_stored() {
    for field in ["/summary", "/next_action", "/entities/name", "/entities/topic"] {
        let reason = spoilt(field, json!("a\0b"));
        assert_eq!(reason, format!("{} contains a NUL character", field[1..].replace('/', ".")));
    }
    assert!(spoilt("/intent", json!("sales\0")).starts_with("intent must be one of"));
}

#[test]
fn what_cannot_be_seen_is_not_stored() {
    let mut content = good();
    content["summary"] = json!("Paid\r\nin \u{1b}[31mred\u{202e} and\u{200b} left\u{e0041}\u{e0042}.");
    content["entities"]["email"] = json!("kim\u{200b}@\u{2066}example.com\u{feff}");
    content["entities"]["name"] = json!("\u{200b}\u{202e}\u{e0020}");
    content["next_action"] = json!("\u{7}Call\tback \u{645}\u{6cc}\u{200c}\u{62e}\u{648}");
    let analysis = analysis::parse(&content.to_string()).unwrap();
    assert_eq!(analysis.summary, "Paid  in [31mred and left.");
    assert_eq!(analysis.entities.email.as_deref(), Some("kim@example.com"));
    assert_eq!(analysis.entities.name, None);
    assert_eq!(analysis.next_action, "Call back \u{645}\u{6cc}\u{200c}\u{62e}\u{648}");

    content["summary"] = json!("\u{200b}\u{2028}\u{ad}");
    assert_eq!(analysis::parse(&content.to_string()), Err(AnalysisError::Blank("summary")));
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    let twice = good().to_string().replacen('{', r#"{"lead_score": 100,"#, 1);
    assert_eq!(refused(&twice), "the key lead_score is there twice");
    let inside = good().to_string().replace(r#""name":"#, r#""name":"Eve","name":"#);
    assert_eq!(refused(&inside), "the key name is there twice");
}

#[test]
fn unknown_extra_fields_change_nothing() {
    let mut content = good();
    content["confidence"] = json!({"sentiment": [1, 2, 3]});
    content["entities"]["city"] = json!("Austin");
    assert_eq!(analysis::parse(&content.to_string()), analysis::parse(&good().to_string()));
}

#[test]
fn a_blank_entity_is_a_missing_one() {
    let analysis = analysis::parse(&with("/entities/name", json!(" ")).to_string()).unwrap();
    assert_eq!(analysis.entities.name, None);
}

#[test]
fn a_depth_bomb_is_an_error_and_no_crash() {
    let deep = |open: &str, close: &str| format!(r#"{{"x":{}1{}}}"#, open.repeat(100_000), close.repeat(100_000));
    assert!(refused(&deep("[", "]")).starts_with("not JSON: recursion limit"));
    assert!(refused(&deep(r#"{"a":"#, "}")).starts_with("not JSON: recursion limit"));
    assert!(OPENAI_CHAT.parse(&Question::fixed_fields(), deep("[", "]").as_bytes()).is_err());
}

fn completion(message: Value, finish_reason: &str) -> Value {
    json!({
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 321, "completion_tokens": 87, "total_tokens": 408}
    })
}

fn answered() -> Value {
    completion(json!({"role": "assistant", "content": good().to_string(), "refusal": null}), "stop")
}

fn reason(body: &Value) -> String {
    OPENAI_CHAT
        .parse(&Question::fixed_fields(), body.to_string().as_bytes())
        .expect_err("should have been refused")
        .to_string()
}

#[test]
fn a_completion_gives_analysis_model_and_tokens() {
    let reply = OPENAI_CHAT.parse(&Question::fixed_fields(), answered().to_string().as_bytes()).unwrap();
    assert_eq!(reply.answer, Answer::from(analysis::parse(&good().to_string()).unwrap()));
    assert_eq!(reply.model, "gpt-4o-mini-2024-07-18");
    assert_eq!((reply.prompt_tokens, reply.completion_tokens), (Some(321), Some(87)));
}

#[test]
fn a_server_that_says_little_is_understood() {
    let body = json!({"choices": [{"message": {"content": good().to_string()}}]});
    let reply = OPENAI_CHAT.parse(&Question::fixed_fields(), body.to_string().as_bytes()).unwrap();
    assert_eq!((reply.model.as_str(), reply.prompt_tokens, reply.completion_tokens), ("", None, None));
}

#[test]
fn odd_token_counts_are_none_and_no_reason_to_refuse() {
    for usage in [json!({"prompt_tokens": -1, "completion_tokens": 1e20}), json!("many"), json!(null)] {
        let mut body = answered();
        body["usage"] = usage;
        let reply = OPENAI_CHAT.parse(&Question::fixed_fields(), body.to_string().as_bytes()).unwrap();
        assert_eq!((reply.prompt_tokens, reply.completion_tokens), (None, None));
    }
}

#[test]
fn a_refusal_is_told_in_the_models_words() {
    let body = completion(json!({"role": "assistant", "content": null, "refusal": "I cannot help."}), "stop");
    assert_eq!(reason(&body), "the model refused, in 14 characters");
}

#[test]
fn an_answer_that_the_server_calls_unfinished_is_refused_even_if_it_parses() {
    let message = json!({"role": "assistant", "content": good().to_string()});
    for finish in ["length", "content_filter"] {
        assert_eq!(
            reason(&completion(message.clone(), finish)),
            format!("the answer is not whole: finish_reason is {finish}")
        );
    }
}

#[test]
fn a_message_without_content_is_an_answer_of_the_model_that_says_nothing() {
    assert_eq!(reason(&completion(json!({"content": null}), "tool_calls")), "the message has no content");
}

#[test]
fn what_a_refused_answer_cost_is_known() {
    let body = completion(json!({"content": "I think she was happy."}), "stop").to_string();
    assert!(OPENAI_CHAT.parse(&Question::fixed_fields(), body.as_bytes()).is_err());
    assert_eq!(OPENAI_CHAT.tokens(body.as_bytes()), Tokens { prompt: Some(321), completion: Some(87), cached: None });
    assert_eq!(OPENAI_CHAT.tokens(b"<html>"), Tokens::default());
}

#[test]
fn what_the_server_had_in_its_cache_is_a_part_of_the_prompt_or_not_known() {
    let cached = |usage: serde_json::Value| OPENAI_CHAT.tokens(json!({"usage": usage}).to_string().as_bytes()).cached;
    let of =
        |prompt: i64, cached: i64| json!({"prompt_tokens": prompt, "prompt_tokens_details": {"cached_tokens": cached}});
    assert_eq!(
        [(100, 64), (100, 0), (100, 100)].map(|(all, part)| cached(of(all, part))),
        [Some(64), Some(0), Some(100)]
    );
    assert_eq!([(100, 101), (100, -1)].map(|(all, part)| cached(of(all, part))), [None, None]);
    assert_eq!(cached(json!({"prompt_tokens": 5, "prompt_tokens_details": null})), None);
    assert_eq!(cached(json!({"prompt_tokens_details": {"cached_tokens": 5}})), None);
}

#[test]
fn a_call_without_a_word_of_the_user_has_an_analysis_that_costs_nothing() {
    let rule = analysis::no_conversation();
    assert_eq!((rule.lead_score, rule.intent, rule.sentiment), (0, Intent::None, 0.0));
    assert_eq!(analysis::parse(&serde_json::to_string(&rule).unwrap()).as_ref(), Ok(&rule));
}

proptest! {
    #[test]
    fn no_content_is_a_panic_or_a_row_out_of_range(content in "\\PC{0,200}") {
        let _ = analysis::parse(&content);
        let _ = OPENAI_CHAT.parse(&Question::fixed_fields(), content.as_bytes());
    }

    #[test]
    fn what_is_accepted_is_in_range(sentiment in -2.0..2.0f64, score in -50i64..150, summary in "\\PC{0,300}") {
        let mut content = good();
        content["sentiment"] = json!(sentiment);
        content["lead_score"] = json!(score);
        content["summary"] = json!(summary);
        if let Ok(analysis) = analysis::parse(&content.to_string()) {
            let Analysis { sentiment: kept, lead_score, summary, .. } = analysis;
            prop_assert_eq!((kept, i64::from(lead_score)), (sentiment, score));
            prop_assert!((-1.0..=1.0).contains(&kept) && (0..=100).contains(&lead_score));
            prop_assert!(summary.chars().count() <= 240);
        }
    }

    /// Whatever characters a caller makes the model write, what is stored has no control and no direction in it, and
    /// to read what was stored once more changes nothing.
    #[test]
    fn stored_texts_are_visible_and_stay_as_they_are(
        summary in any::<String>(), action in any::<String>(), name in any::<String>(),
    ) {
        let mut content = good();
        content["summary"] = json!(summary);
        content["next_action"] = json!(action);
        content["entities"]["name"] = json!(name);
        if let Ok(first) = analysis::parse(&content.to_string()) {
            let texts = [Some(&first.summary), Some(&first.next_action), first.entities.name.as_ref()];
            for text in texts.into_iter().flatten() {
                let hidden = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
                prop_assert!(!text.contains(hidden), "{text:?}");
            }
            let again = serde_json::to_string(&first).unwrap();
            prop_assert_eq!(analysis::parse(&again), Ok(first));
        }
    }
}

#[test]
fn no_reason_repeats_a_word_of_the_reply() {
    const SECRET: &str = "divorce";
    let number = json!(12125550142_u64);
    let mut reasons = vec![
        refused(SECRET),
        refused(&format!("{SECRET} {}", good())),
        refused(&format!("{{\"{SECRET}\": 1, \"{SECRET}\": 2}}")),
        spoilt("/intent", json!(SECRET)),
        spoilt("/lead_score", number.clone()),
        spoilt("/lead_score", json!(SECRET)),
        spoilt("/sentiment", number.clone()),
        spoilt("/summary", number),
        spoilt("/entities", json!(SECRET)),
        reason(&completion(json!({"content": null, "refusal": SECRET}), "stop")),
        reason(&json!({"error": {"message": SECRET}})),
        reason(&json!({"choices": SECRET})),
        reason(&json!({"choices": [{"message": SECRET}]})),
        reason(&json!(SECRET)),
    ];
    reasons.push(OPENAI_CHAT.parse(&Question::fixed_fields(), SECRET.as_bytes()).unwrap_err().to_string());
    for reason in reasons {
        assert!(!reason.contains(SECRET) && !reason.contains("12125550142"), "{reason}");
    }
}
