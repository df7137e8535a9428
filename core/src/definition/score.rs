//! What a scorecard comes to. Computed here: a model judges one criterion at a time and never does sums.

use serde_json::{Map, Value, json};

/// What was found of one criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    Pass,
    Fail,
    /// The call gave no occasion for it: it weighs nothing.
    NotApplicable,
    /// The model left it out, or what it said was refused.
    Unknown,
}

impl Verdict {
    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::NotApplicable => "not_applicable",
            Verdict::Unknown => "unknown",
        }
    }
}

/// Whether a call went as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Success {
    Pass,
    Fail,
    Unknown,
}

impl Success {
    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Success::Pass => "pass",
            Success::Fail => "fail",
            Success::Unknown => "unknown",
        }
    }
}

/// One criterion, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct CriterionAnswer {
    pub name: String,
    /// Of a criterion with points: pass from half of them on.
    pub verdict: Verdict,
    /// Where points are given and the criterion is applicable, from 0 to `max`.
    pub points: Option<u32>,
    /// `None`: it is passed or failed, and has no points.
    pub max: Option<u32>,
    /// More than 0.
    pub weight: f64,
}

impl CriterionAnswer {
    /// From 0 to 1. `None`: it weighs nothing.
    fn share(&self) -> Option<f64> {
        match (self.verdict, self.points, self.max) {
            (Verdict::NotApplicable | Verdict::Unknown, ..) => None,
            (_, Some(points), Some(max)) => Some(f64::from(points) / f64::from(max.max(1))),
            (Verdict::Pass, ..) => Some(1.0),
            (Verdict::Fail, ..) => Some(0.0),
        }
    }
}

/// What a scorecard comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scored {
    /// 0 to 100; `None`: no criterion was applicable.
    pub score: Option<i16>,
    pub success: Success,
}

/// The score is the weighted mean of the shares of what was applicable, as a percentage.
///
/// Success: criteria that are passed or failed decide. One failed: fail. Else one unknown: unknown. Else one passed:
/// pass. Where none of them was applicable, criteria with points decide: pass from a score of 50 on. Else unknown.
pub fn score(criteria: &[CriterionAnswer]) -> Scored {
    let shares = || criteria.iter().filter_map(|c| Some((c.weight, c.share()?)));
    let weight: f64 = shares().map(|(weight, _)| weight).sum();
    let sum: f64 = shares().map(|(weight, share)| weight * share).sum();
    // At least 0 and at most 100 but for rounding: the cast is exact.
    let score = (weight > 0.0).then(|| (100.0 * sum / weight).round().clamp(0.0, 100.0) as i16);

    let has = |verdict| criteria.iter().any(|c| c.max.is_none() && c.verdict == verdict);
    let success = if has(Verdict::Fail) {
        Success::Fail
    } else if has(Verdict::Unknown) {
        Success::Unknown
    } else if has(Verdict::Pass) {
        Success::Pass
    } else {
        match score {
            Some(50..) => Success::Pass,
            Some(_) => Success::Fail,
            None => Success::Unknown,
        }
    };
    Scored { score, success }
}

/// The criteria as they are stored: `{"<name>": {"verdict", "points", "max", "weight"}}`.
pub fn criteria_json(criteria: &[CriterionAnswer]) -> Value {
    let one = |c: &CriterionAnswer| {
        let judged = json!({"verdict": c.verdict.as_str(), "points": c.points, "max": c.max, "weight": c.weight});
        (c.name.clone(), judged)
    };
    Value::Object(criteria.iter().map(one).collect::<Map<_, _>>())
}
