//! What a model says of the criteria of a definition.

use serde_json::{Map, Number, Value};

use crate::definition::{Criterion, CriterionAnswer, Grading, Verdict};

/// Reads the criteria in `object`, refusing single ones by their path.
pub(super) fn read(
    criteria: &[Criterion],
    object: &Map<String, Value>,
    refused: &mut Vec<String>,
    mended: &mut bool,
) -> Vec<CriterionAnswer> {
    let answers = criteria
        .iter()
        .map(|criterion| {
            let judged = object.get(&criterion.name).and_then(|value| of_criterion(criterion.grading, value, mended));
            judged.map_or_else(
                || {
                    refused.push(format!("criteria.{}", criterion.name));
                    unknown(criterion)
                },
                |(verdict, points)| CriterionAnswer { verdict, points, ..unknown(criterion) },
            )
        })
        .collect();
    // Their names are the model's words.
    if object.keys().any(|key| criteria.iter().all(|criterion| criterion.name != *key)) {
        refused.push("criteria.*".into());
    }
    answers
}

/// A criterion of which nothing is known.
pub(super) fn unknown(criterion: &Criterion) -> CriterionAnswer {
    CriterionAnswer {
        name: criterion.name.clone(),
        verdict: Verdict::Unknown,
        points: None,
        max: criterion.max(),
        weight: criterion.weight,
    }
}

/// Verdict and points; `None`: it is neither. What stands in an object of its own is read without it as well.
fn of_criterion(grading: Grading, value: &Value, mended: &mut bool) -> Option<(Verdict, Option<u32>)> {
    let key = match grading {
        Grading::PassFail => "verdict",
        Grading::Score { .. } => "points",
    };
    let value = match value {
        Value::Object(fields) => {
            *mended |= fields.len() > 1;
            fields.get(key)?
        }
        bare => {
            *mended = true;
            bare
        }
    };
    match grading {
        Grading::PassFail => verdict(value, mended).map(|verdict| (verdict, None)),
        Grading::Score { max } => points(value, max, mended),
    }
}

fn verdict(value: &Value, mended: &mut bool) -> Option<Verdict> {
    let word = value.as_str()?;
    let known = [Verdict::Pass, Verdict::Fail, Verdict::NotApplicable];
    let find = |word: &str| known.into_iter().find(|verdict| verdict.as_str() == word);
    find(word).or_else(|| {
        *mended = true;
        match word.trim().to_lowercase().replace([' ', '-'], "_").as_str() {
            "passed" => Some(Verdict::Pass),
            "failed" => Some(Verdict::Fail),
            "n/a" => Some(Verdict::NotApplicable),
            word => find(word),
        }
    })
}

/// Points, pass from half of them on; null: not applicable. Out of range is refused, never bent.
fn points(value: &Value, max: u32, mended: &mut bool) -> Option<(Verdict, Option<u32>)> {
    let number = match value {
        Value::Null => return Some((Verdict::NotApplicable, None)),
        Value::Number(number) => number.as_f64()?,
        Value::String(text) if verdict(value, &mut false) == Some(Verdict::NotApplicable) => {
            *mended |= !text.is_empty();
            return Some((Verdict::NotApplicable, None));
        }
        Value::String(text) => {
            *mended = true;
            text.trim().parse::<Number>().ok()?.as_f64()?
        }
        _ => return None,
    };
    let in_range = number.fract() == 0.0 && (0.0..=f64::from(max)).contains(&number);
    // Whole and at most `max` as just checked, so the cast is exact.
    let points = in_range.then_some(number as u32)?;
    let verdict = if 2 * points >= max { Verdict::Pass } else { Verdict::Fail };
    Some((verdict, Some(points)))
}
