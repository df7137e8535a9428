use serde_json::{Value, json};
use voice_core::definition::{
    CriterionAnswer, Definition, DefinitionSource, Grading, Scored, Success, Verdict, criteria_json, score,
};

use crate::{CRITERIA, SOURCE, told};

fn parse(criteria: &str) -> Result<Definition, voice_core::definition::DefinitionError> {
    Definition::parse(DefinitionSource { criteria: Some(criteria), ..SOURCE })
}

#[test]
fn a_scorecard_is_read_in_its_order() {
    let criteria = parse(CRITERIA).unwrap().criteria;
    let read: Vec<_> = criteria.iter().map(|c| (c.name.as_str(), c.grading, c.weight)).collect();
    assert_eq!(read, [("greeting", Grading::PassFail, 2.0), ("empathy", Grading::Score { max: 4 }, 1.0)]);
    let default = parse(r#"[{"name": "a", "rubric": "r", "kind": "score"}]"#).unwrap();
    assert_eq!(default.criteria[0].grading, Grading::Score { max: 5 });
}

#[test]
fn what_is_no_criterion_is_refused_with_its_name() {
    for (criteria, what) in [
        (json!({}), "not a list"),
        (json!([1]), "criterion 1 is not an object"),
        (json!([{"rubric": "r", "kind": "score"}]), "criterion 1 has no name"),
        (json!([{"name": "a b", "rubric": "r", "kind": "score"}]), "criterion 1 has no name"),
        (json!([{"name": "a", "kind": "score"}]), "\"a\" has no \"rubric\""),
        (json!([{"name": "a", "rubric": " ", "kind": "score"}]), "\"a\" has no \"rubric\""),
        (json!([{"name": "a", "rubric": 1, "kind": "score"}]), "wrong \"rubric\""),
        (json!([{"name": "a", "rubric": "r".repeat(2001), "kind": "score"}]), "2001"),
        (json!([{"name": "a", "rubric": "r"}]), "no known \"kind\""),
        (json!([{"name": "a", "rubric": "r", "kind": "stars"}]), "\"stars\""),
        (json!([{"name": "a", "rubric": "r", "kind": "pass_fail", "max": 5}]), "\"max\" and no points"),
        (json!([{"name": "a", "rubric": "r", "kind": "score", "max": 0}]), "from 1 to 100, not 0"),
        (json!([{"name": "a", "rubric": "r", "kind": "score", "max": 101}]), "not 101"),
        (json!([{"name": "a", "rubric": "r", "kind": "score", "max": "5"}]), "not a string"),
        (json!([{"name": "a", "rubric": "r", "kind": "score", "weight": 0}]), "wrong \"weight\""),
        (json!([{"name": "a", "rubric": "r", "kind": "score", "weight": -1}]), "wrong \"weight\""),
        (json!([{"name": "a", "rubric": "r", "kind": "score", "weight": "1"}]), "wrong \"weight\""),
        (json!([{"name": "a", "rubric": "r", "kind": "score", "weigth": 1}]), "\"weigth\""),
        (
            json!([{"name": "a", "rubric": "r", "kind": "score"}, {"name": "A", "rubric": "r", "kind": "score"}]),
            "taken",
        ),
        (
            Value::Array((0..51).map(|n| json!({"name": format!("c{n}"), "rubric": "r", "kind": "score"})).collect()),
            "51",
        ),
    ] {
        let error = told(parse(&criteria.to_string()).unwrap_err());
        assert!(error.contains(what), "{error}");
    }
    assert!(told(parse("[").unwrap_err()).contains("criteria is not JSON"));
}

fn judged(verdict: Verdict, weight: f64) -> CriterionAnswer {
    CriterionAnswer { name: "c".into(), verdict, points: None, max: None, weight }
}

fn points(points: Option<u32>, max: u32, weight: f64) -> CriterionAnswer {
    let verdict = match points {
        None => Verdict::NotApplicable,
        Some(points) if 2 * points >= max => Verdict::Pass,
        Some(_) => Verdict::Fail,
    };
    CriterionAnswer { name: "s".into(), verdict, points, max: Some(max), weight }
}

#[test]
fn the_score_is_the_weighted_mean_of_what_was_applicable() {
    use Verdict::{Fail, NotApplicable, Pass, Unknown};
    for (criteria, expected) in [
        (vec![], None),
        (vec![judged(NotApplicable, 1.0), judged(Unknown, 1.0), points(None, 5, 1.0)], None),
        (vec![judged(Pass, 1.0)], Some(100)),
        (vec![judged(Fail, 1.0)], Some(0)),
        (vec![judged(Pass, 2.0), judged(Fail, 1.0)], Some(67)),
        (vec![judged(Pass, 2.0), judged(Fail, 1.0), judged(NotApplicable, 100.0)], Some(67)),
        (vec![points(Some(4), 5, 1.0)], Some(80)),
        (vec![points(Some(4), 5, 1.0), judged(Pass, 3.0)], Some(95)),
        (vec![points(Some(1), 8, 1.0)], Some(13)),
        (vec![judged(Pass, 0.1), judged(Fail, 0.2)], Some(33)),
        (vec![judged(Pass, 1e-300), judged(Pass, 1000.0)], Some(100)),
    ] {
        assert_eq!(score(&criteria).score, expected, "{criteria:?}");
    }
}

#[test]
fn success_is_decided_by_what_is_passed_or_failed() {
    use Verdict::{Fail, NotApplicable, Pass, Unknown};
    for (criteria, expected) in [
        (vec![], Success::Unknown),
        (vec![judged(Pass, 1.0), judged(Pass, 1.0)], Success::Pass),
        (vec![judged(Pass, 1.0), judged(Fail, 1.0)], Success::Fail),
        (vec![judged(Unknown, 1.0), judged(Fail, 1.0)], Success::Fail),
        (vec![judged(Unknown, 1.0), judged(Pass, 1.0)], Success::Unknown),
        (vec![judged(Unknown, 1.0), points(Some(5), 5, 1.0)], Success::Unknown),
        (vec![judged(NotApplicable, 1.0), judged(Pass, 1.0)], Success::Pass),
        (vec![judged(Pass, 1.0), points(Some(0), 5, 9.0)], Success::Pass),
        // Only points are applicable.
        (vec![judged(NotApplicable, 1.0), points(Some(1), 2, 1.0)], Success::Pass),
        (vec![points(Some(2), 5, 1.0)], Success::Fail),
        (vec![points(None, 5, 1.0)], Success::Unknown),
        (vec![judged(NotApplicable, 1.0)], Success::Unknown),
    ] {
        assert_eq!(score(&criteria).success, expected, "{criteria:?}");
    }
}

#[test]
fn criteria_are_stored_by_their_names() {
    let criteria = [judged(Verdict::NotApplicable, 2.0), points(Some(4), 5, 1.5)];
    assert_eq!(
        criteria_json(&criteria),
        json!({
            "c": {"verdict": "not_applicable", "points": null, "max": null, "weight": 2.0},
            "s": {"verdict": "pass", "points": 4, "max": 5, "weight": 1.5},
        })
    );
    assert_eq!(score(&criteria), Scored { score: Some(80), success: Success::Pass });
}
