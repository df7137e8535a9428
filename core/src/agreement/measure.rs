//! Figures of one property's labels and judgements, on its scale.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::report::{ReportError, Request, Row};
use super::scale::{Scale, folded};
use super::{
    Call, ClassPair, Classes, Estimate, Level, NumberPair, Numbers, Rating, Ratings, Resampling, weighted_back,
};

/// A figure by its key, and as a sentence calls it.
pub(super) struct Figure {
    pub key: &'static str,
    pub name: &'static str,
    pub estimate: Option<Estimate>,
}

/// What was measured on one scale.
pub(super) struct Measured {
    pub calls: usize,
    pub weight: f64,
    /// The first one is that of the sentence.
    pub figures: Vec<Figure>,
    /// By class: precision, recall and F1.
    pub classes: Option<Value>,
    pub confusion: Option<Value>,
}

/// A row whose two sides compare: its place in the list of rows, and both values.
struct Pair<T> {
    row: usize,
    label: T,
    judged: T,
}

/// Both sides of all rows, read once, and how each call counts.
pub(super) struct Prepared<'a> {
    request: &'a Request,
    /// Class names by place; empty where there are no classes.
    classes: Vec<String>,
    numbers: Vec<Pair<f64>>,
    /// Places of classes; of values 0 where both are the same, else 0 and 1.
    places: Vec<Pair<usize>>,
    calls: Weighted,
}

/// Calls by the number that rows give them.
struct Weighted {
    places: HashMap<u32, usize>,
    calls: Vec<Call>,
}

impl Weighted {
    /// The calls of these rows: each counts for its stratum over those of it that are among them.
    fn new<'r>(rows: impl Iterator<Item = &'r Row>) -> Weighted {
        let mut places = HashMap::new();
        let mut strata: HashMap<Option<&str>, u32> = HashMap::new();
        let mut sizes = Vec::new();
        let mut calls = Vec::new();
        for Row(_, call, stratum, size, ..) in rows {
            let next = places.len();
            if *places.entry(*call).or_insert(next) < next {
                continue;
            }
            let next = strata.len() as u32;
            let stratum = *strata.entry(stratum.as_deref()).or_insert(next);
            calls.push(Call { stratum, ..Call::EVEN });
            sizes.extend(size.map(|size| (stratum, size)));
        }
        if sizes.len() == calls.len() {
            calls = weighted_back(&sizes);
        }
        Weighted { places, calls }
    }
}

impl Prepared<'_> {
    pub(super) fn new<'a>(request: &'a Request, scale: &Scale) -> Prepared<'a> {
        let (mut numbers, mut places) = (Vec::new(), Vec::new());
        let mut classes = match scale {
            Scale::Class(names) => names.clone(),
            _ => Vec::new(),
        };
        for (at, Row(.., label, judged)) in request.rows.iter().enumerate() {
            match (scale, label, judged) {
                (Scale::Number { .. }, Some(label), Some(judged)) => {
                    if let (Some(label), Some(judged)) = (number(label), number(judged)) {
                        numbers.push(Pair { row: at, label, judged });
                    }
                }
                (Scale::Class(_), Some(label), Some(judged)) => {
                    let (label, judged) = (class(&mut classes, label), class(&mut classes, judged));
                    places.push(Pair { row: at, label, judged });
                }
                (Scale::Value, Some(label), Some(judged)) => {
                    places.push(Pair { row: at, label: 0, judged: usize::from(folded(judged) != folded(label)) });
                }
                _ => {}
            }
        }
        let paired = numbers.iter().map(|pair| pair.row).chain(places.iter().map(|pair| pair.row));
        let calls = Weighted::new(paired.map(|row| &request.rows[row]));
        Prepared { request, classes, numbers, places, calls }
    }

    fn call(&self, row: usize) -> usize {
        self.calls.places[&self.request.rows[row].1]
    }

    /// How many rows of the group have two sides.
    pub(super) fn paired(&self, is_in: &impl Fn(usize) -> bool) -> usize {
        let rows = self.numbers.iter().map(|pair| pair.row).chain(self.places.iter().map(|pair| pair.row));
        rows.filter(|&row| is_in(row)).count()
    }

    pub(super) fn measure(
        &self,
        scale: &Scale,
        resampling: Resampling,
        is_in: &impl Fn(usize) -> bool,
    ) -> Result<Measured, ReportError> {
        let mut measured = match scale {
            Scale::Number { points } => self.measure_numbers(*points, resampling, is_in)?,
            Scale::Class(_) | Scale::Value => self.measure_classes(scale, resampling, is_in)?,
        };
        let rows = self.numbers.iter().map(|pair| pair.row).chain(self.places.iter().map(|pair| pair.row));
        let calls: BTreeSet<usize> = rows.filter(|&row| is_in(row)).map(|row| self.call(row)).collect();
        measured.weight = calls.iter().map(|&call| self.calls.calls[call].weight).sum();
        Ok(measured)
    }

    fn measure_numbers(
        &self,
        points: Option<u32>,
        resampling: Resampling,
        is_in: &impl Fn(usize) -> bool,
    ) -> Result<Measured, ReportError> {
        let pairs: Vec<&Pair<f64>> = self.numbers.iter().filter(|pair| is_in(pair.row)).collect();
        let of =
            pairs.iter().map(|pair| NumberPair { call: self.call(pair.row), label: pair.label, judged: pair.judged });
        let numbers = Numbers::new(&self.calls.calls, of.collect())?;
        let found = numbers.estimates(resampling);
        let mut figures = vec![
            Figure { key: "mae", name: "MAE", estimate: found.mae },
            Figure { key: "bias", name: "bias", estimate: found.bias },
            Figure { key: "rmse", name: "RMSE", estimate: found.rmse },
            Figure { key: "spearman", name: "Spearman's rho", estimate: found.spearman },
        ];
        let place = |max: u32, value: f64| {
            (value.fract() == 0.0 && (0.0..=f64::from(max)).contains(&value)).then_some(value as usize)
        };
        if let Some(max) = points {
            let of = pairs.iter().filter_map(|pair| {
                let (label, judged) = (place(max, pair.label)?, place(max, pair.judged)?);
                Some(ClassPair { call: self.call(pair.row), label, judged })
            });
            let found = Classes::new(&self.calls.calls, max as usize + 1, of.collect())?.estimates(resampling);
            figures.extend(ordered(found.kappa_linear, found.kappa_quadratic));
        }
        Ok(Measured { calls: numbers.calls(), weight: 0.0, figures, classes: None, confusion: None })
    }

    fn measure_classes(
        &self,
        scale: &Scale,
        resampling: Resampling,
        is_in: &impl Fn(usize) -> bool,
    ) -> Result<Measured, ReportError> {
        let pairs = self.places.iter().filter(|pair| is_in(pair.row)).map(|pair| ClassPair {
            call: self.call(pair.row),
            label: pair.label,
            judged: pair.judged,
        });
        let count = if *scale == Scale::Value { 2 } else { self.classes.len() };
        let classes = Classes::new(&self.calls.calls, count, pairs.collect())?;
        let found = classes.estimates(resampling);
        let accuracy = Figure { key: "accuracy", name: "accuracy", estimate: found.accuracy };
        if *scale == Scale::Value {
            return Ok(Measured {
                calls: classes.calls(),
                weight: 0.0,
                figures: vec![accuracy],
                classes: None,
                confusion: None,
            });
        }
        let of_class = self.classes.iter().zip(&found.of_class).filter(|(_, of)| of.f1.is_some()).map(|(name, of)| {
            let object = json!({
                "precision": of.precision.map(estimate), "recall": of.recall.map(estimate), "f1": of.f1.map(estimate),
            });
            (name.clone(), object)
        });
        Ok(Measured {
            calls: classes.calls(),
            weight: 0.0,
            figures: vec![
                Figure { key: "kappa", name: "kappa", estimate: found.kappa },
                accuracy,
                Figure { key: "macro_precision", name: "mean precision", estimate: found.macro_precision },
                Figure { key: "macro_recall", name: "mean recall", estimate: found.macro_recall },
                Figure { key: "macro_f1", name: "mean F1", estimate: found.macro_f1 },
            ],
            classes: Some(Value::Object(of_class.collect())),
            confusion: Some(self.confusion(&classes.confusion().rows)),
        })
    }

    /// By label and judgement, how many calls; what there is none of is left out.
    fn confusion(&self, rows: &[Vec<f64>]) -> Value {
        let some = |row: &Vec<f64>| -> Map<String, Value> {
            let cells = self.classes.iter().zip(row).filter(|(_, weight)| **weight > 0.0);
            cells.map(|(name, weight)| (name.clone(), whole(*weight))).collect()
        };
        let rows = self.classes.iter().zip(rows).map(|(name, row)| (name.clone(), some(row)));
        Value::Object(rows.filter(|(_, row)| !row.is_empty()).map(|(name, row)| (name, Value::Object(row))).collect())
    }

    /// Krippendorff's alpha of calls that two people or more have labelled, and their number; `None`: there are none.
    pub(super) fn people(
        &self,
        scale: &Scale,
        resampling: Resampling,
        is_in: &impl Fn(usize) -> bool,
    ) -> Result<Option<(usize, Estimate)>, ReportError> {
        let mut labelled: HashMap<u32, usize> = HashMap::new();
        let rows = || self.request.rows.iter().enumerate().filter(|(at, row)| is_in(*at) && row.4.is_some());
        for (_, row) in rows() {
            *labelled.entry(row.1).or_default() += 1;
        }
        labelled.retain(|_, people| *people > 1);
        if labelled.is_empty() {
            return Ok(None);
        }
        let rows: Vec<&Row> = rows().map(|(_, row)| row).filter(|row| labelled.contains_key(&row.1)).collect();
        let weighted = Weighted::new(rows.iter().copied());
        let mut values: HashMap<String, usize> = HashMap::new();
        let mut classes = self.classes.clone();
        let level = match scale {
            Scale::Number { .. } => Level::Interval,
            Scale::Class(_) | Scale::Value => Level::Nominal,
        };
        let ratings = rows.iter().filter_map(|row| {
            let label = row.4.as_deref()?;
            let value = match scale {
                Scale::Number { .. } => number(label)?,
                Scale::Class(_) => class(&mut classes, label) as f64,
                Scale::Value => {
                    let next = values.len();
                    *values.entry(folded(label)).or_insert(next) as f64
                }
            };
            Some(Rating { call: weighted.places[&row.1], value })
        });
        let ratings = Ratings::new(&weighted.calls, ratings.collect(), level)?;
        Ok(ratings.estimate(resampling).map(|alpha| (ratings.calls(), alpha)))
    }
}

fn ordered(linear: Option<Estimate>, quadratic: Option<Estimate>) -> [Figure; 2] {
    [
        Figure { key: "kappa_linear", name: "kappa (linear weights)", estimate: linear },
        Figure { key: "kappa_quadratic", name: "kappa (quadratic weights)", estimate: quadratic },
    ]
}

/// The number that a text is, if it is finite.
fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|value: &f64| value.is_finite())
}

/// The place of a class; one that is not known is added.
fn class(classes: &mut Vec<String>, name: &str) -> usize {
    classes.iter().position(|class| class == name).unwrap_or_else(|| {
        classes.push(name.to_owned());
        classes.len() - 1
    })
}

/// Counts of calls that stand for themselves are whole.
fn whole(weight: f64) -> Value {
    if weight.fract() == 0.0 { json!(weight as u64) } else { json!(weight) }
}

/// As JSON: `{"value", "lower", "upper"}`.
pub(super) fn estimate(of: Estimate) -> Value {
    let interval = of.interval;
    json!({"value": of.value, "lower": interval.map(|i| i.lower), "upper": interval.map(|i| i.upper)})
}
