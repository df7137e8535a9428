//! How one property of calls has moved since an earlier time, and with which judges. What is read and written is JSON:
//! `voice._drift()` passes it on as it is (`sql/read/drift.sql`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Stability, cut_points, place, stability};

/// Numbers are cut into so many bins, equally full at the earlier time.
const BINS: u64 = 10;

/// Counts of calls by value.
#[derive(Debug, Clone, Deserialize)]
pub struct DriftRequest {
    /// As it is to be called: `sentiment`, `booking.score`.
    pub property: String,
    pub is_number: bool,
    /// From which index on it has moved, if that is more than chance.
    pub threshold: f64,
    pub rows: Vec<Counted>,
}

impl DriftRequest {
    /// # Errors
    /// The text is no such request.
    pub fn parse(text: &str) -> Result<DriftRequest, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// Calls with one value: the value, rounded if it is a number; the week, `None`: of the earlier time; the model and the
/// version that judged them; how many there are, and the sum of their values (`None`: they are no numbers).
#[derive(Debug, Clone, Deserialize)]
pub struct Counted(pub String, pub Option<String>, pub String, pub String, pub u64, pub Option<f64>);

/// Which calls a row of the answer is of.
#[derive(Debug, Clone, Copy, Default)]
struct Part<'a> {
    week: Option<&'a str>,
    judge: Option<(&'a str, &'a str)>,
}

impl Part<'_> {
    /// Weeks are compared with the whole earlier time, a judge with itself.
    fn has(&self, row: &Counted) -> bool {
        self.week.is_none_or(|week| row.1.as_deref().is_none_or(|of| of == week))
            && self.judge.is_none_or(|judge| judge == (row.2.as_str(), row.3.as_str()))
    }
}

/// The whole, then each later week, then each model and version: objects `week`, `model`, `version`, `calls_before`,
/// `calls`, `mean_before`, `mean`, `psi`, `by_chance`, `moved`, `sentence`.
pub fn drift(request: &DriftRequest) -> Vec<Value> {
    let weeks: BTreeSet<&str> = request.rows.iter().filter_map(|row| row.1.as_deref()).collect();
    let judges: BTreeSet<(&str, &str)> = request.rows.iter().map(|row| (row.2.as_str(), row.3.as_str())).collect();
    let parts = std::iter::once(Part::default())
        .chain(weeks.into_iter().map(|week| Part { week: Some(week), judge: None }))
        .chain(judges.into_iter().map(|judge| Part { week: None, judge: Some(judge) }));
    parts.map(|part| moved(request, part)).collect()
}

fn moved(request: &DriftRequest, part: Part<'_>) -> Value {
    let rows: Vec<&Counted> = request.rows.iter().filter(|row| part.has(row)).collect();
    let side = |is_later: bool| rows.iter().copied().filter(move |row| row.1.is_some() == is_later);
    let calls = |is_later| side(is_later).map(|row| row.4).sum::<u64>();
    let mean = |is_later| {
        let sum = side(is_later).map(|row| row.5).sum::<Option<f64>>();
        sum.filter(|_| calls(is_later) > 0).map(|sum| sum / calls(is_later) as f64)
    };
    let found = stability(&counts(request, &rows));
    let has_moved = found.as_ref().map(|found| found.index > request.threshold && found.index > found.critical);
    let judges = |is_later| side(is_later).map(|row| (row.2.as_str(), row.3.as_str())).collect::<BTreeSet<_>>();
    json!({
        "week": part.week,
        "model": part.judge.map(|judge| judge.0),
        "version": part.judge.map(|judge| judge.1),
        "calls_before": calls(false),
        "calls": calls(true),
        "mean_before": mean(false),
        "mean": mean(true),
        "psi": found.as_ref().map(|found| found.index),
        "by_chance": found.as_ref().map(|found| found.by_chance),
        "moved": has_moved,
        "sentence": said(request, part, found.as_ref(), (calls(false), calls(true)), has_moved, judges(false) == judges(true)),
    })
}

/// Calls by bin, earlier and later. Numbers are cut by the earlier calls of the whole, so that all rows have the same bins.
fn counts(request: &DriftRequest, rows: &[&Counted]) -> Vec<(u64, u64)> {
    let mut bins: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let number = |row: &Counted| row.0.parse::<f64>().ok().filter(|value| value.is_finite());
    let earlier = request.rows.iter().filter(|row| row.1.is_none());
    let earlier: Vec<(f64, u64)> = earlier.filter_map(|row| Some((number(row)?, row.4))).collect();
    let cuts = cut_points(&earlier, BINS);
    for row in rows {
        let bin = match number(row) {
            Some(value) if request.is_number => place(&cuts, value).to_string(),
            _ => row.0.clone(),
        };
        let bin = bins.entry(bin).or_default();
        if row.1.is_none() { bin.0 += row.4 } else { bin.1 += row.4 }
    }
    bins.into_values().collect()
}

fn said(
    request: &DriftRequest,
    part: Part<'_>,
    found: Option<&Stability>,
    (before, calls): (u64, u64),
    has_moved: Option<bool>,
    is_same_judge: bool,
) -> String {
    let what = match part {
        Part { week: Some(week), .. } => format!("{}, week of {week}", request.property),
        Part { judge: Some((model, version)), .. } => format!("{}, {model} {version}", request.property),
        _ => request.property.clone(),
    };
    let Some(found) = found else {
        return format!("{what}: {calls} calls against {before}: nothing to compare");
    };
    let verdict = match (has_moved, is_same_judge) {
        (Some(true), true) => "moved, judged as before: the calls have changed",
        (Some(true), false) => "moved, and so has what judges: compare one model and version with itself",
        _ => "not shown to have moved",
    };
    format!(
        "{what}: PSI {:.3} on {calls} calls against {before} (by chance {:.3}): {verdict}",
        found.index, found.by_chance
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(counted: &[(&str, Option<&str>, &str, u64)]) -> DriftRequest {
        let row = |&(value, week, model, calls): &(&str, Option<&str>, &str, u64)| {
            let sum = value.parse::<f64>().ok().map(|value| value * calls as f64);
            Counted(value.into(), week.map(str::to_owned), model.into(), "1".into(), calls, sum)
        };
        DriftRequest {
            property: "lead_score".into(),
            is_number: true,
            threshold: 0.2,
            rows: counted.iter().map(row).collect(),
        }
    }

    #[test]
    fn calls_that_changed_are_told_from_a_judge_that_did() {
        let whole = |counted: &[(&str, Option<&str>, &str, u64)]| drift(&rows(counted)).remove(0);
        let changed = whole(&[
            ("20", None, "a", 500),
            ("80", None, "a", 500),
            ("20", Some("w"), "a", 100),
            ("80", Some("w"), "a", 900),
        ]);
        assert_eq!(
            (&changed["moved"], &changed["calls"], &changed["mean"]),
            (&json!(true), &json!(1000), &json!(74.0))
        );
        assert!(changed["sentence"].as_str().unwrap().ends_with("the calls have changed"), "{changed}");
        let judged = whole(&[
            ("20", None, "a", 500),
            ("80", None, "a", 500),
            ("20", Some("w"), "b", 100),
            ("80", Some("w"), "b", 900),
        ]);
        assert!(judged["sentence"].as_str().unwrap().contains("so has what judges"), "{judged}");
    }

    #[test]
    fn a_few_calls_that_differ_by_chance_have_not_moved() {
        let found = drift(&rows(&[
            ("20", None, "a", 5),
            ("80", None, "a", 5),
            ("20", Some("w"), "a", 2),
            ("80", Some("w"), "a", 6),
        ]));
        assert!(found[0]["psi"].as_f64().unwrap() > 0.2, "{}", found[0]);
        assert_eq!(found[0]["moved"], json!(false), "{}", found[0]);
    }

    #[test]
    fn a_week_is_compared_with_the_whole_and_a_judge_with_itself() {
        let found = drift(&rows(&[
            ("20", None, "a", 500),
            ("80", None, "b", 300),
            ("20", Some("v"), "a", 90),
            ("80", Some("w"), "c", 10),
        ]));
        let seen: Vec<_> = found
            .iter()
            .map(|row| {
                (row["week"].as_str(), row["model"].as_str(), row["calls_before"].as_u64(), row["calls"].as_u64())
            })
            .collect();
        let expected = [
            (None, None, Some(800), Some(100)),
            (Some("v"), None, Some(800), Some(90)),
            (Some("w"), None, Some(800), Some(10)),
            (None, Some("a"), Some(500), Some(90)),
            (None, Some("b"), Some(300), Some(0)),
            (None, Some("c"), Some(0), Some(10)),
        ];
        assert_eq!(seen, expected);
        assert_eq!((&found[5]["psi"], &found[5]["moved"]), (&Value::Null, &Value::Null));
    }
}
