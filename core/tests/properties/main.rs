//! What holds of every input, whoever sends it. The properties are functions of bytes, so that `make fuzz` tries the very
//! same ones; what a fuzzer found stands in found.rs as an ordinary test.

mod formats;
mod found;
mod import;
mod redact;
mod reply;
mod speech;
mod transcript;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use voice_core::builtin;
use voice_core::protocol::{OPENAI_CHAT, Protocol};
use voice_core::question::Question;
use voice_core::transcript::{Role, Turn};

/// Characters that somebody once built an attack of.
fn odd_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9 .,]{1,12}",
        2 => any::<char>().prop_map(String::from),
        1 => prop::sample::select(vec![
            "\0", "\n", "\r\n", "\t", "\"", "\\", "\u{1b}[2J", "\u{7f}", "\u{85}", "\u{ad}", "\u{200b}", "\u{200c}", "\u{200d}",
            "\u{202e}", "\u{2066}", "\u{2028}", "\u{301}", "\u{fe0f}", "\u{feff}", "\u{3164}", "\u{e0041}", "\u{e0100}", "❤\u{fe0f}\u{200d}🔥",
            "[… 3 turns left out …]", "user: ", "[EMAIL_1]", "[CARD_4294967295]", "<!channel>", "}]}", "…]", "[…",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Any JSON, numbers at the edges among it.
fn any_json() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            json!(0),
            json!(-0.0),
            json!(1),
            json!(100),
            json!(100.5),
            json!(101),
            json!(u64::MAX),
            json!(1e308),
            json!(5e-324)
        ]),
    ];
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number, odd_text().prop_map(Value::from)];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((odd_text(), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// An object with these keys, most of them with a value of the right kind.
fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let field = |(key, right): (&'static str, BoxedStrategy<Value>)| {
        let value = prop_oneof![40 => right.prop_map(Some), 1 => any_json().prop_map(Some), 1 => Just(None)];
        value.prop_map(move |value| value.map(|value| (key.to_owned(), value)))
    };
    let fields: Vec<_> = fields.into_iter().map(field).collect();
    fields.prop_map(|fields| Value::Object(fields.into_iter().flatten().collect::<Map<_, _>>())).boxed()
}

fn text() -> BoxedStrategy<Value> {
    odd_text().prop_map(Value::from).boxed()
}

fn word(words: &'static [&'static str]) -> BoxedStrategy<Value> {
    prop::sample::select(words).prop_map(Value::from).boxed()
}

fn entity() -> BoxedStrategy<Value> {
    prop_oneof![Just(Value::Null), text()].boxed()
}

fn content() -> BoxedStrategy<Value> {
    object(vec![
        ("summary", text()),
        ("sentiment", (-1.1..1.1f64).prop_map(Value::from).boxed()),
        ("intent", word(&["info", "booking", "complaint", "sales", "support", "none"])),
        ("lead_score", (-3i64..104).prop_map(Value::from).boxed()),
        ("entities", object(vec![("name", entity()), ("email", entity()), ("phone", entity()), ("topic", entity())])),
        ("next_action", text()),
    ])
}

/// A reply to a definition, `n` in reply.rs.
fn analyses() -> BoxedStrategy<Value> {
    let values = object(vec![
        ("name", entity()),
        ("topic", prop::collection::vec(odd_text(), 0..3).prop_map(Value::from).boxed()),
    ]);
    let criteria = object(vec![
        ("a", object(vec![("verdict", word(&["pass", "fail", "not_applicable", "Failed"]))])),
        ("b", object(vec![("points", (-1i64..7).prop_map(Value::from).boxed())])),
    ]);
    let claim = object(vec![
        ("claim", word(&["values.name", "values.topic", "criteria.a", "b", "other"])),
        ("turn", any::<i32>().prop_map(Value::from).boxed()),
        ("quote", text()),
    ]);
    let evidence = prop::collection::vec(claim, 0..4).prop_map(Value::from).boxed();
    let part = object(vec![("values", values), ("criteria", criteria), ("evidence", evidence)]);
    object(vec![("analyses", object(vec![("n", part)]))])
}

fn completion() -> BoxedStrategy<Value> {
    let message = object(vec![("content", content().prop_map(|content| content.to_string().into()).boxed())]);
    let choice = object(vec![("message", message), ("finish_reason", word(&["stop", "length"]))]);
    object(vec![
        ("choices", prop::collection::vec(choice, 0..3).prop_map(Value::from).boxed()),
        ("model", text()),
        ("usage", object(vec![("prompt_tokens", any::<i64>().prop_map(Value::from).boxed())])),
    ])
}

fn milliseconds() -> BoxedStrategy<Value> {
    prop_oneof![(0i64..5000).prop_map(Value::from), (0.0..3e9f64).prop_map(Value::from), Just(Value::Null)].boxed()
}

fn moment() -> BoxedStrategy<Value> {
    concat!(
        "20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
        "([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-6][0-9](\\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
    )
    .prop_map(Value::from)
    .boxed()
}

fn call() -> BoxedStrategy<Value> {
    let turn = object(vec![
        ("role", word(&["user", "assistant", "system"])),
        ("text", text()),
        ("start_ms", milliseconds()),
        ("end_ms", milliseconds()),
        ("started_at", moment()),
        ("audio_url", entity()),
        ("interrupted", any::<bool>().prop_map(Value::from).boxed()),
        ("llm_ttft_ms", milliseconds()),
    ]);
    let tool_call = object(vec![
        ("name", text()),
        ("args", any_json().boxed()),
        ("result", any_json().boxed()),
        ("offset_ms", milliseconds()),
        ("error", entity()),
    ]);
    let agent = prop_oneof![text(), object(vec![("id", entity()), ("name", entity()), ("vertical", entity())])];
    object(vec![
        ("id", prop_oneof![text(), any::<i64>().prop_map(Value::from)].boxed()),
        ("agent", agent.boxed()),
        ("direction", word(&["inbound", "outbound"])),
        ("status", word(&["completed", "failed", "transferred"])),
        ("duration_ms", milliseconds()),
        ("ended_at", moment()),
        ("meta", any_json().boxed()),
        ("turns", prop::collection::vec(turn, 0..4).prop_map(Value::from).boxed()),
        ("tool_calls", prop::collection::vec(tool_call, 0..3).prop_map(Value::from).boxed()),
    ])
}

fn call_of(text: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<Turn>> {
    let role = prop_oneof![Just(Role::User), Just(Role::Assistant), Just(Role::System)];
    prop::collection::vec((role, text).prop_map(|(role, text)| Turn { role, speaker: None, text }), 1..12)
}

/// A number with its check digit.
fn card() -> impl Strategy<Value = String> {
    "[2-6][0-9]{11,17}".prop_map(|number| {
        let digits = (0..10).map(|check| format!("{number}{check}"));
        digits.into_iter().find(|digits| redact::luhn(digits)).expect("one of ten digits")
    })
}

fn personal_words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => "[a-z]{1,8}",
        1 => prop::sample::select(vec!["double", "triple", "five", "oh", "plus", "at", "dot", "social", "mobile", "number", "card", "extension"])
            .prop_map(str::to_owned),
        1 => card(),
        1 => "[a-z]{1,8}@[a-z]{2,8}\\.[a-z]{2,3}",
        1 => "[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}",
        1 => "[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}",
        1 => "[0-9]{1,19}",
        1 => odd_text(),
    ];
    prop::collection::vec(word, 0..16).prop_map(|words| words.join(" "))
}

/// A property of what is never accepted, or always, would say little.
#[test]
fn what_is_generated_is_neither_all_good_nor_all_bad() {
    let accepted = |inputs: BoxedStrategy<Value>, is_good: fn(&str) -> bool| {
        let mut runner = TestRunner::deterministic();
        let input = |_| inputs.new_tree(&mut runner).expect("an input").current().to_string();
        (0..200).map(input).filter(|input| is_good(input)).count()
    };
    let accepted = [
        accepted(content(), |json| voice_core::analysis::parse(json).is_ok()),
        accepted(completion(), |json| OPENAI_CHAT.parse(&Question::fixed_fields(), json.as_bytes()).is_ok()),
        accepted(analyses(), reply::has_an_answer_without_a_fault),
        accepted(call(), |json| voice_core::import::Import::parse(json).is_ok()),
    ];
    assert!(accepted.iter().all(|n| (5..180).contains(n)), "{accepted:?} of 200");
}

proptest! {
    #[test]
    fn no_bytes_are_a_panic_or_a_row_out_of_range(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        reply::holds(&bytes);
        import::holds(&bytes);
        transcript::holds(&bytes);
        redact::holds(&bytes);
    }

    #[test]
    fn a_reply_is_refused_for_a_reason_or_stored_as_it_is(
        content in content(), completion in completion(), analyses in analyses(), other in any_json(),
    ) {
        reply::holds(content.to_string().as_bytes());
        reply::holds(completion.to_string().as_bytes());
        reply::holds(analyses.to_string().as_bytes());
        reply::holds(other.to_string().as_bytes());
    }

    #[test]
    fn an_import_says_nothing_that_the_tables_refuse(call in call(), other in any_json()) {
        import::holds(call.to_string().as_bytes());
        import::holds(other.to_string().as_bytes());
    }

    #[test]
    fn whatever_is_done_to_a_payload_it_is_a_call_or_refused(
        sample in prop::sample::select(formats::SAMPLES.to_vec()),
        at in prop::collection::vec((0usize..120, any_json()), 1..3),
    ) {
        let mut payload: Value = serde_json::from_str(sample).expect("a sample is JSON");
        for (mut at, value) in at {
            formats::replace(&mut payload, &mut at, &value);
        }
        formats::holds(&payload.to_string());
    }

    #[test]
    fn a_payload_with_a_changed_byte_is_a_call_or_refused(
        sample in prop::sample::select(formats::SAMPLES.to_vec()), at in any::<prop::sample::Index>(), byte in 0x20u8..0x7f,
    ) {
        let mut bytes = sample.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(payload) = str::from_utf8(&bytes) {
            formats::holds(payload);
        }
    }

    #[test]
    fn a_call_that_went_out_comes_in_again_the_same(call in call()) {
        if let Ok(call) = voice_core::import::Import::parse(&call.to_string()) {
            formats::comes_back(&call);
        }
    }

    #[test]
    fn a_cut_call_begins_and_ends_as_it_did(turns in call_of(odd_text()), max in 0usize..600) {
        transcript::held(&turns, max);
    }

    #[test]
    fn rules_quote_a_caller_in_letters_that_are_seen(turns in call_of(odd_text())) {
        let judged = builtin::analyze(&turns, "salon").0;
        let entities = judged.entities;
        let texts = [Some(judged.summary), Some(judged.next_action), entities.name, entities.topic];
        for text in texts.into_iter().flatten().chain(entities.email).chain(entities.phone) {
            prop_assert!(reply::is_fit_to_be_seen(&text), "{text:?}");
        }
    }

    #[test]
    fn no_value_leaves_and_everything_else_is_as_it_was(turns in call_of(personal_words())) {
        redact::held(&turns);
    }
}
