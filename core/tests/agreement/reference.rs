use std::collections::BTreeMap;

use voice_core::agreement::{
    Call, ClassPair, Classes, Level, NumberPair, Numbers, Rating, Ratings, Resampling, cut_points, place, stability,
};

/// Written by reference.py.
const REFERENCE: &str = include_str!("reference.tsv");

/// Data of one line, and what the reference says of it.
pub struct Case {
    name: &'static str,
    pub columns: Vec<Vec<Option<f64>>>,
    figures: BTreeMap<&'static str, f64>,
}

impl Case {
    /// A column that has a value everywhere.
    pub fn column(&self, at: usize) -> Vec<f64> {
        self.columns[at].iter().map(|value| value.unwrap()).collect()
    }

    /// A column of places.
    pub fn places(&self, at: usize) -> Vec<usize> {
        self.column(at).iter().map(|value| *value as usize).collect()
    }

    /// Requires a figure to be the reference's, to 6 digits after the point; `None` where that is nan.
    pub fn require(&self, figure: &str, found: Option<f64>) {
        let expected = self.figures[figure];
        match found {
            None => assert!(expected.is_nan(), "{}: {figure} is {expected}, not none", self.name),
            Some(found) => {
                assert!((found - expected).abs() < 5e-7, "{}: {figure} is {expected}, not {found}", self.name);
            }
        }
    }
}

fn list(text: &str) -> Vec<Option<f64>> {
    text.split(',').map(|value| if value.is_empty() { None } else { Some(value.parse().unwrap()) }).collect()
}

/// The cases of a kind. At least so many: a file that was cut short must not pass.
pub fn cases(kind: &str, at_least: usize) -> Vec<Case> {
    let cases: Vec<Case> = REFERENCE
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .filter(|fields| fields[0] == kind)
        .map(|fields| {
            let (figures, data) = fields[2..].split_last().unwrap();
            let figures = figures.split(',').map(|figure| figure.split_once('=').unwrap());
            Case {
                name: fields[1],
                columns: data.iter().map(|column| list(column)).collect(),
                figures: figures.map(|(name, value)| (name, value.parse().unwrap())).collect(),
            }
        })
        .collect();
    assert!(cases.len() >= at_least, "{kind}: {}", cases.len());
    cases
}

fn number_pairs(label: &[f64], judged: &[f64]) -> Vec<NumberPair> {
    let sides = label.iter().zip(judged).enumerate();
    sides.map(|(call, (&label, &judged))| NumberPair { call, label, judged }).collect()
}

#[test]
fn errors_and_rank_correlations_are_those_of_scikit_learn_and_scipy() {
    for case in cases("numbers", 9) {
        let weights = case.column(2);
        let calls = vec![Call::EVEN; weights.len()];
        let numbers = Numbers::new(&calls, number_pairs(&case.column(0), &case.column(1))).unwrap();
        let found = numbers.figures(&weights);
        case.require("mae", found.mae);
        case.require("bias", found.bias);
        case.require("rmse", found.rmse);
        case.require("spearman", found.spearman);
    }
}

#[test]
fn kappa_precision_recall_and_f1_are_those_of_scikit_learn() {
    for case in cases("classes", 9) {
        let count = case.places(0)[0];
        let sides = case.places(1).into_iter().zip(case.places(2)).enumerate();
        let pairs = sides.map(|(call, (label, judged))| ClassPair { call, label, judged }).collect();
        let calls: Vec<Call> = case.column(3).iter().map(|&weight| Call { weight, stratum: 0 }).collect();
        let classes = Classes::new(&calls, count, pairs).unwrap();
        let found = classes.figures(&case.column(3));
        case.require("accuracy", found.accuracy);
        case.require("kappa", found.kappa);
        case.require("kappa_linear", found.kappa_linear);
        case.require("kappa_quadratic", found.kappa_quadratic);
        case.require("macro_precision", found.macro_precision);
        case.require("macro_recall", found.macro_recall);
        case.require("macro_f1", found.macro_f1);
        for (class, of) in found.of_class.iter().enumerate() {
            case.require(&format!("precision_{class}"), of.precision);
            case.require(&format!("recall_{class}"), of.recall);
            case.require(&format!("f1_{class}"), of.f1);
        }
        for (row, columns) in classes.confusion().rows.iter().enumerate() {
            for (column, weight) in columns.iter().enumerate() {
                case.require(&format!("n_{row}_{column}"), Some(*weight));
            }
        }
    }
}

#[test]
fn alpha_is_that_of_the_krippendorff_package() {
    for case in cases("ratings", 6) {
        let people = case.places(0)[0];
        let values = &case.columns[1];
        let calls = values.len() / people;
        let ratings: Vec<Rating> = values
            .iter()
            .enumerate()
            .filter_map(|(at, value)| Some(Rating { call: at % calls, value: (*value)? }))
            .collect();
        for (name, level) in [("nominal", Level::Nominal), ("ordinal", Level::Ordinal), ("interval", Level::Interval)] {
            let found = Ratings::new(&vec![Call::EVEN; calls], ratings.clone(), level).unwrap();
            case.require(name, found.alpha(&vec![1.0; calls]));
        }
    }
}

#[test]
fn intervals_are_those_of_scipy_within_chance() {
    for case in cases("bootstrapped", 2) {
        let (label, judged) = (case.column(0), case.column(1));
        let numbers = Numbers::new(&vec![Call::EVEN; label.len()], number_pairs(&label, &judged)).unwrap();
        let found = numbers.estimates(Resampling { resamples: 20_000, ..Resampling::default() });
        let figures = [("mae", found.mae), ("bias", found.bias), ("rmse", found.rmse), ("spearman", found.spearman)];
        for (name, estimate) in figures {
            let interval = estimate.unwrap().interval.unwrap();
            for (end, bound) in [("lower", interval.lower), ("upper", interval.upper)] {
                let expected = case.figures[format!("{name}_{end}").as_str()];
                assert!((bound - expected).abs() < 0.01, "{}: {name} {end} is {expected}, not {bound}", case.name);
            }
        }
    }
}

#[test]
fn the_stability_index_is_the_symmetric_divergence_of_scipy() {
    for case in cases("moved", 4) {
        let earlier: Vec<(f64, u64)> = case.column(1).into_iter().map(|value| (value, 1)).collect();
        let cuts = cut_points(&earlier, case.places(0)[0] as u64);
        assert_eq!(cuts, case.column(3), "{}", case.name);
        let mut counts = vec![(0, 0); cuts.len() + 1];
        for value in case.column(1) {
            counts[place(&cuts, value)].0 += 1;
        }
        for value in case.column(2) {
            counts[place(&cuts, value)].1 += 1;
        }
        case.require("index", stability(&counts).map(|found| found.index));
    }
}
