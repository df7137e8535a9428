//! From labels and judgements as SQL hands them over to figures and sentences.

use serde_json::{Value, json};
use voice_core::agreement::{ReportError, Request, report};

use super::reference::{Case, cases};

const INTENTS: [&str; 6] = ["info", "booking", "complaint", "sales", "support", "none"];

fn reported(request: Value) -> Vec<Value> {
    report(&Request::parse(&request.to_string()).unwrap()).unwrap()
}

fn request(property: &str, scale: Value, rows: Vec<Value>) -> Value {
    json!({"property": property, "scale": scale, "rows": rows, "targets": {}, "resamples": 200, "seed": 1})
}

/// A stratum a call: each then stands for as many calls as its weight.
fn rows(case: &Case, sides: impl Iterator<Item = (String, String)>, weights: &[f64]) -> Vec<Value> {
    let rows: Vec<Value> = sides
        .zip(weights)
        .enumerate()
        .map(|(call, ((label, judged), weight))| json!([null, call, call.to_string(), *weight as u64, label, judged]))
        .collect();
    assert_eq!(rows.len(), weights.len());
    assert!(!rows.is_empty(), "{:?}", case.columns);
    rows
}

fn figure(of: &Value, name: &str) -> Option<f64> {
    of["figures"][name]["value"].as_f64()
}

#[test]
fn figures_of_a_report_are_those_of_the_reference() {
    for case in cases("numbers", 9) {
        let sides = case.column(0).into_iter().zip(case.column(1)).map(|(a, b)| (a.to_string(), b.to_string()));
        let rows = rows(&case, sides, &case.column(2));
        let found = reported(request("sentiment", json!({"fixed": "sentiment"}), rows)).remove(0);
        for name in ["mae", "bias", "rmse", "spearman"] {
            case.require(name, figure(&found, name));
        }
        assert_eq!(found["stands_for"].as_f64(), Some(case.column(2).iter().sum()));
    }
    // Six classes at most, and strata are of whole calls.
    let fits = |case: &Case| case.places(0)[0] <= INTENTS.len() && case.column(3).iter().all(|w| w.fract() == 0.0);
    for case in cases("classes", 9).into_iter().filter(fits) {
        let name = |place: usize| INTENTS[place].to_owned();
        let sides = case.places(1).into_iter().zip(case.places(2)).map(|(a, b)| (name(a), name(b)));
        let rows = rows(&case, sides, &case.column(3));
        let found = reported(request("intent", json!({"fixed": "intent"}), rows)).remove(0);
        for name in ["accuracy", "kappa", "macro_precision", "macro_recall", "macro_f1"] {
            case.require(name, figure(&found, name));
        }
        for (class, word) in INTENTS.into_iter().enumerate().take(case.places(0)[0]) {
            for name in ["precision", "recall", "f1"] {
                let value = found["figures"]["classes"][word][name]["value"].as_f64();
                case.require(&format!("{name}_{class}"), value);
            }
        }
    }
}

#[test]
fn alpha_of_a_report_is_that_of_the_reference() {
    let mut seen = 0;
    for case in cases("ratings", 6) {
        let of_a_person = case.columns[1].len() / case.places(0)[0];
        let people = case.columns[1].chunks(of_a_person).enumerate().flat_map(|(person, column)| {
            column.iter().enumerate().filter_map(move |(call, value)| Some((person, call, (*value)?)))
        });
        let people: Vec<(usize, usize, f64)> = people.collect();
        for (figure, scale) in
            [("nominal", json!({"criterion": {"kind": "pass_fail"}})), ("interval", json!({"fixed": "sentiment"}))]
        {
            // Minus nothing is another text.
            let rows =
                people.iter().map(|(_, call, value)| json!([null, call, null, null, (value + 0.0).to_string(), null]));
            let found = reported(request("x", scale, rows.collect())).remove(0);
            case.require(figure, found["people"]["value"].as_f64());
            assert_eq!((&found["calls"], &found["unpaired"]), (&json!(0), &json!(people.len())));
            seen += 1;
        }
    }
    assert!(seen >= 12, "{seen}");
}

#[test]
fn a_report_says_whether_its_targets_are_met() {
    let rows: Vec<Value> =
        (0..50).map(|call| json!([null, call, null, null, "0.5", if call % 2 == 0 { "0.6" } else { "0.4" }])).collect();
    let mut asked = request("sentiment", json!({"fixed": "sentiment"}), rows.clone());
    asked["targets"] = json!({"mae": 0.15});
    assert_eq!(reported(asked.clone())[0]["sentence"], "sentiment: MAE 0.10 [0.10, 0.10] on 50 calls: target 0.15 met");
    asked["targets"] = json!({"accuracy": 0.9});
    let wrong = report(&Request::parse(&asked.to_string()).unwrap()).unwrap_err();
    let known = "mae, rmse, spearman".to_owned();
    assert_eq!(wrong, ReportError::NoSuchFigure("sentiment".into(), "accuracy".into(), known));
    // A second person, who says the same of half of the calls.
    let more = (0..25).map(|call| json!([null, call, null, null, if call < 20 { "0.5" } else { "0.1" }, null]));
    let found =
        reported(request("sentiment", json!({"fixed": "sentiment"}), rows.into_iter().chain(more).collect())).remove(0);
    assert_eq!((&found["calls"], &found["unpaired"], &found["people"]["calls"]), (&json!(50), &json!(25), &json!(25)));
    let sentence = found["sentence"].as_str().unwrap();
    assert!(sentence.contains("on 50 calls; people with each other: alpha "), "{sentence}");
}

#[test]
fn each_group_has_its_own_figures_and_its_share_of_the_weights() {
    // Two strata of 100 and 10 calls; of the first two are labelled, of the second one.
    let rows = vec![
        json!(["a", 1, "big", 100, "pass", "pass"]),
        json!(["b", 2, "big", 100, "fail", "pass"]),
        json!(["b", 3, "small", 10, "pass", "pass"]),
        json!([null, 4, "small", 10, "pass", null]),
    ];
    let found = reported(request("booking.greeted", json!({"criterion": {"kind": "pass_fail"}}), rows));
    assert_eq!(found.iter().map(|of| of["group"].as_str().unwrap()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((found[0]["stands_for"].as_f64(), found[1]["stands_for"].as_f64()), (Some(50.0), Some(60.0)));
    assert_eq!((figure(&found[0], "accuracy"), figure(&found[1], "accuracy")), (Some(1.0), Some(10.0 / 60.0)));
    assert_eq!(found[1]["confusion"], json!({"pass": {"pass": 10}, "fail": {"pass": 50}}));
}

#[test]
fn values_are_the_same_but_for_case_and_space_and_points_are_ordered_classes_too() {
    let rows = vec![
        json!([null, 1, null, null, "A cut", " a CUT"]),
        json!([null, 2, null, null, "null", "null"]),
        json!([null, 3, null, null, "colour", "a cut"]),
        json!([null, 4, null, null, "colour", null]),
    ];
    let found = reported(request("booking.service", json!({"property": {"type": "string"}}), rows)).remove(0);
    assert_eq!((&found["kind"], &found["calls"], &found["unpaired"]), (&json!("value"), &json!(3), &json!(1)));
    assert_eq!(figure(&found, "accuracy"), Some(2.0 / 3.0));
    let rows =
        (0..40).map(|call| json!([null, call, null, null, (call % 5).to_string(), (call % 5 / 2 * 2).to_string()]));
    let scale = json!({"criterion": {"kind": "score", "max": 4}});
    let found = reported(request("booking.clarity", scale, rows.collect())).remove(0);
    assert_eq!(figure(&found, "mae"), Some(0.4));
    assert!(figure(&found, "kappa_quadratic").unwrap() > figure(&found, "kappa_linear").unwrap(), "{found}");
}
