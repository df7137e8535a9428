//! Agreement of one property, from its labels and judgements to figures and a sentence. What is read and written is JSON:
//! `voice._agreement()` passes it on as it is (`sql/read/agreement.sql`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::measure::{Measured, Prepared, estimate};
use super::scale::{Scale, ScaleSource};
use super::sentence::{Target, sentence};
use super::{AgreementError, Estimate, Resampling};

/// Labels of one property, each with the judgement of its call.
#[derive(Debug, Clone, Deserialize)]
pub struct Request {
    /// As it is to be called: `sentiment`, `booking.service`.
    pub property: String,
    pub scale: ScaleSource,
    pub rows: Vec<Row>,
    /// By figure: `{"mae": 0.15}`.
    #[serde(default)]
    pub targets: BTreeMap<String, f64>,
    pub resamples: usize,
    pub seed: i64,
}

impl Request {
    /// # Errors
    /// The text is no such request.
    pub fn parse(text: &str) -> Result<Request, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// What one person says of a call, and what was made of it: group, place of the call (any number that is its own), stratum,
/// how many calls that stratum has (`None`: the call stands for itself), label, judgement (`None`: there is none).
#[derive(Debug, Clone, Deserialize)]
pub struct Row(
    pub Option<String>,
    pub u32,
    pub Option<String>,
    pub Option<usize>,
    pub Option<String>,
    pub Option<String>,
);

/// What cannot be measured.
#[derive(Debug, PartialEq)]
pub enum ReportError {
    /// A target of a figure that there is not: the property, the figure, and those that there are.
    NoSuchFigure(String, String, String),
    Agreement(AgreementError),
}

impl From<AgreementError> for ReportError {
    fn from(error: AgreementError) -> ReportError {
        ReportError::Agreement(error)
    }
}

/// The agreement of each group, in the order of their names: objects `group`, `kind`, `calls`, `unpaired`, `stands_for`,
/// `figures`, `confusion`, `people`, `sentence`. Rows without a group are left out where others have one.
///
/// # Errors
/// A target names a figure that the property's scale does not have, or a value is not finite.
pub fn report(request: &Request) -> Result<Vec<Value>, ReportError> {
    let resampling = Resampling { resamples: request.resamples, seed: request.seed as u64, ..Resampling::default() };
    let scale = Scale::of(&request.scale);
    let mut groups: BTreeSet<Option<&str>> = request.rows.iter().map(|row| row.0.as_deref()).collect();
    if groups.len() > 1 {
        groups.remove(&None);
    }
    let prepared = Prepared::new(request, &scale);
    groups
        .into_iter()
        .map(|group| {
            let is_in = |row: usize| request.rows[row].0.as_deref() == group;
            let measured = prepared.measure(&scale, resampling, &is_in)?;
            let people = prepared.people(&scale, resampling, &is_in)?;
            let rows = (0..request.rows.len()).filter(|&row| is_in(row)).count();
            let paired = prepared.paired(&is_in);
            let is_weighted = request.rows.iter().any(|row| row.3.is_some());
            Ok(json!({
                "group": group,
                "kind": scale.as_str(),
                "calls": measured.calls,
                "unpaired": rows - paired,
                "stands_for": is_weighted.then_some(measured.weight),
                "sentence": said(request, group, &measured, people.as_ref())?,
                "people": people.map(|(calls, alpha)| {
                    let mut object = estimate(alpha);
                    object["calls"] = json!(calls);
                    object
                }),
                "figures": figures(&measured),
                "confusion": measured.confusion,
            }))
        })
        .collect()
}

fn figures(measured: &Measured) -> Value {
    let mut figures: Map<String, Value> =
        measured.figures.iter().map(|figure| (figure.key.to_owned(), json!(figure.estimate.map(estimate)))).collect();
    if let Some(classes) = &measured.classes {
        figures.insert("classes".to_owned(), classes.clone());
    }
    Value::Object(figures)
}

/// A sentence for each target or, without one, of the first figure; then what people reach among themselves.
fn said(
    request: &Request,
    group: Option<&str>,
    measured: &Measured,
    people: Option<&(usize, Estimate)>,
) -> Result<String, ReportError> {
    let what = match group {
        Some(group) => format!("{}, {group}", request.property),
        None => request.property.clone(),
    };
    let mut said = Vec::new();
    for (key, value) in &request.targets {
        let Some(figure) = measured.figures.iter().find(|figure| figure.key == key && key != "bias") else {
            let known = measured.figures.iter().map(|figure| figure.key).filter(|key| *key != "bias");
            let known = known.collect::<Vec<_>>().join(", ");
            return Err(ReportError::NoSuchFigure(request.property.clone(), key.clone(), known));
        };
        let target =
            if matches!(key.as_str(), "mae" | "rmse") { Target::AtMost(*value) } else { Target::AtLeast(*value) };
        said.push(sentence(&what, figure.name, figure.estimate, measured.calls, Some(target)));
    }
    if said.is_empty() {
        let first = &measured.figures[0];
        said.push(sentence(&what, first.name, first.estimate, measured.calls, None));
    }
    if let Some((calls, alpha)) = people {
        said.push(sentence("people with each other", "alpha", Some(*alpha), *calls, None));
    }
    Ok(said.join("; "))
}
