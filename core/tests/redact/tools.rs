//! What is replaced in the arguments, results and errors of tools.

use proptest::prelude::*;
use serde_json::{Value, json};
use voice_core::pii::Kind;
use voice_core::redact::redact;
use voice_core::transcript::{Line, ToolCall, numbered};

fn call(args: &str, result: Option<&str>, error: Option<&str>) -> Line {
    let (result, error) = (result.map(str::to_owned), error.map(str::to_owned));
    ToolCall { name: "book".into(), args: args.into(), result, error, latency_ms: None }.into()
}

/// The arguments as they leave.
fn leaves(args: &str) -> String {
    match redact(&[call(args, None, None)]).0.remove(0) {
        Line::Tool(call) => call.args,
        Line::Turn(_) => unreachable!("a tool call stays one"),
    }
}

#[test]
fn a_value_is_the_same_placeholder_said_and_handed_to_a_tool() {
    let lines = [
        super::turn("It's 212-555-0142, kim@example.com").into(),
        call(
            r#"{"phone": "+12125550142", "mail": "kim@example.com"}"#,
            Some(r#"{"callback": 2125550142}"#),
            Some("no reply from kim@example.com, nor from leo@example.com"),
        ),
        super::turn("My other mail is leo@example.com").into(),
    ];
    let (redacted, secrets) = redact(&lines);
    assert_eq!(
        numbered(&redacted),
        [
            "[1] user: It's [PHONE_1], [EMAIL_1]",
            r#"[2] tool book {"phone": "[PHONE_1]", "mail": "[EMAIL_1]"} → failed: no reply from [EMAIL_1], nor from [EMAIL_2]"#,
            "[3] user: My other mail is [EMAIL_2]",
        ]
    );
    let Line::Tool(call) = &redacted[1] else { panic!("a tool call stays one") };
    assert_eq!(call.result.as_deref(), Some(r#"{"callback": "[PHONE_1]"}"#));
    assert_eq!(secrets.resolve("[PHONE_1] [EMAIL_2]"), "2125550142 leo@example.com");
    assert_eq!((secrets.count(Kind::Phone), secrets.count(Kind::Email)), (1, 2));
}

#[test]
fn values_in_json_are_found_by_what_they_are_and_what_they_are_called() {
    for (args, expected) in [
        (r#"{"card": 4111111111111111}"#, r#"{"card": "[CARD_1]"}"#),
        (r#"{"ssn":"219099999"}"#, r#"{"ssn":"[SSN_1]"}"#),
        (r#"{"ssn":219099999}"#, r#"{"ssn":"[SSN_1]"}"#),
        (r#"{"phoneNumber":612345678}"#, r#"{"phoneNumber":"[PHONE_1]"}"#),
        (r#"{"customer":{"mobile_number":"612 345 678"}}"#, r#"{"customer":{"mobile_number":"[PHONE_1]"}}"#),
        (r#"{"phones":["212-555-0142",6465550177]}"#, r#"{"phones":["[PHONE_1]","[PHONE_2]"]}"#),
        (r#"{"kim@example.com":true}"#, r#"{"[EMAIL_1]":true}"#),
        (r#"["tel:+12125550142","say \"hi\" to kim@example.com"]"#, r#"["tel:[PHONE_1]","say \"hi\" to [EMAIL_1]"]"#),
        (r#""kim@example.com""#, r#""[EMAIL_1]""#),
        (r#"{"body":"{\"phone\":2125550142}"}"#, r#"{"body":"{\"phone\":\"[PHONE_1]\"}"}"#),
        (r#"{"mail":"kim\u0040example.com"}"#, r#"{"mail":"[EMAIL_1]"}"#),
        ("name=Kim, phone=212-555-0142", "name=Kim, phone=[PHONE_1]"),
    ] {
        assert_eq!(leaves(args), expected);
    }
}

#[test]
fn times_ids_prices_and_places_stay() {
    for args in [
        r#"{"start": "2026-11-29T14:00:00.123456+00:00", "date": "2026-12-01", "day": 20261201}"#,
        r#"{"ts": 1711975200, "ts_ms": 1711975200000, "expires": "1711975200000"}"#,
        r#"{"id": 2125550142, "order_id": "2125550142", "bookingNumber": 2125550142, "order": {"number": 2125550142}}"#,
        r#"{"uuid": "3f2b8c1e-1234-5678-9012-123456789012", "sid": "CA1234567890abcdef1234567890abcdef"}"#,
        r#"{"price": 1250000, "lat": 40.712776123, "lon": -74.005974123, "big": 1e21, "total": 12345678901}"#,
        r#"{ "spaces" :  [ 1 , 2.50 , -3 , true , null , "\u00e9\ud83d\ude00" ] }"#,
        "{}",
        "",
    ] {
        assert_eq!(leaves(args), args);
    }
    assert_eq!(leaves(r#"{"phone": 1711975200}"#), r#"{"phone": "[PHONE_1]"}"#, "called so, it is one");
}

#[test]
fn a_placeholder_that_a_tool_names_is_nobodys() {
    for named in [r#"{"note": "[EMAIL_1]"}"#, r#"{"note": "\u005bemail_1\u005d"}"#] {
        let (redacted, secrets) = redact(&[super::turn("kim@example.com").into(), call("{}", Some(named), None)]);
        assert_eq!(numbered(&redacted)[0], "[1] user: [EMAIL_2]");
        assert_eq!(secrets.resolve("[EMAIL_1]"), "[EMAIL_1]");
    }
}

#[test]
fn what_was_asked_before_a_tool_call_is_still_asked_after_it() {
    let lines =
        [super::turn("What's your social?").into(), call("{}", Some("7"), None), super::turn("It's 219099999").into()];
    assert_eq!(numbered(&redact(&lines).0)[2], "[3] user: It's [SSN_1]");
}

#[test]
fn a_huge_result_takes_time_in_proportion_and_keeps_no_value_in_what_is_shown() {
    let rows = json!([{"phone": "212-555-0142"}]).to_string().repeat(200_000);
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let key = format!(r#"{{"{}": [{}"\u0041"]}}"#, "k".repeat(500_000), "1,".repeat(200_000));
    for result in [rows, deep, key, "\"".repeat(1_000_000), "{\"a\":".repeat(300_000)] {
        let shown = numbered(&redact(&[call("{}", Some(&result), None)]).0).remove(0);
        assert!(!shown.contains("0142"), "{shown}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (2_000_000_000u64..9_999_999_999).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[a-z]{1,5}@[a-z]{2,5}\\.com".prop_map(Value::from),
        Just(Value::from("say \"212-555-0142\"\n\\")),
    ];
    let key = prop_oneof!["[a-z]{1,4}", Just("phone".to_owned()), Just("order_id".to_owned())];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// The same JSON but for its strings and whole numbers.
fn same_shape(said: &Value, leaves: &Value) -> bool {
    match (said, leaves) {
        (Value::Array(said), Value::Array(leaves)) => {
            said.len() == leaves.len() && said.iter().zip(leaves).all(|(said, leaves)| same_shape(said, leaves))
        }
        (Value::Object(said), Value::Object(leaves)) => {
            said.len() == leaves.len()
                && said.values().zip(leaves.values()).all(|(said, leaves)| same_shape(said, leaves))
        }
        (Value::String(_), Value::String(_)) => true,
        (Value::Number(said), Value::String(leaves)) => said.is_u64() && leaves.starts_with('['),
        (said, leaves) => said == leaves,
    }
}

proptest! {
    #[test]
    fn json_stays_json_of_the_same_shape_and_once_is_enough(value in any_json()) {
        let args = value.to_string();
        let (once, secrets) = redact(&[call(&args, Some(&args), None)]);
        let Line::Tool(redacted) = &once[0] else { panic!("a tool call stays one") };
        let leaves: Value = serde_json::from_str(&redacted.args).expect("JSON");
        prop_assert!(same_shape(&value, &leaves), "{leaves}");
        prop_assert_eq!(Some(&redacted.args), redacted.result.as_ref());
        if secrets.is_empty() {
            prop_assert_eq!(&redacted.args, &args);
        }
        let (twice, none) = redact(&once);
        prop_assert_eq!(&twice, &once);
        prop_assert!(none.is_empty());
    }
}
