//! How well judgements agree with people's labels, and people with each other. Every figure counts calls with weights, so
//! that a sample that was not drawn evenly still speaks of all calls; every interval comes from a seed, so that it can be
//! repeated.

mod alpha;
mod bootstrap;
mod classes;
mod doubt;
mod drift;
mod measure;
mod numbers;
mod random;
mod report;
mod sample;
mod scale;
mod sentence;
mod stability;

use std::fmt;

pub use alpha::{Level, Rating, Ratings};
pub use bootstrap::{Estimate, Interval, Resampling, estimates};
pub use classes::{ClassFigures, ClassPair, Classes, Confusion, OfClass};
pub use doubt::{Judgement, doubt};
pub use drift::{Counted, DriftRequest, drift};
pub use numbers::{NumberFigures, NumberPair, Numbers};
pub use random::Random;
pub use report::{ReportError, Request, Row, report};
pub use sample::{Candidate, Draw, Drawn, Stratum, allocate, draw_evenly, draw_stratified, weighted_back};
pub use scale::{Scale, ScaleSource};
pub use sentence::{Outcome, Target, sentence};
pub use stability::{Bin, Stability, cut_points, place, stability};

/// A call that was labelled. Pairs and ratings name it by its place in a list of calls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Call {
    /// For how many calls it stands: one over the probability with which it was drawn. 1 where all were drawn alike.
    pub weight: f64,
    /// The part of the sample within which it was drawn. Intervals resample each stratum by itself.
    pub stratum: u32,
}

impl Call {
    /// A call of a sample in which every call was as likely as any other.
    pub const EVEN: Call = Call { weight: 1.0, stratum: 0 };
}

/// What is no label or no judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgreementError {
    /// A value is infinite or not a number.
    NotFinite,
    /// A pair or a rating names a call that is not in the list.
    NoSuchCall,
    /// A pair names a class that is not in the list.
    NoSuchClass,
    /// A call's weight is negative, infinite or not a number.
    BadWeight,
}

impl fmt::Display for AgreementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AgreementError::NotFinite => "a value is infinite or not a number",
            AgreementError::NoSuchCall => "a pair or a rating names a call that is not in the list",
            AgreementError::NoSuchClass => "a pair names a class that is not in the list",
            AgreementError::BadWeight => "the weight of a call is negative, infinite or not a number",
        })
    }
}

impl std::error::Error for AgreementError {}

/// Checks a list of calls.
///
/// # Errors
/// A weight is negative or not finite.
fn check_calls(calls: &[Call]) -> Result<(), AgreementError> {
    match calls.iter().all(|call| call.weight.is_finite() && call.weight >= 0.0) {
        true => Ok(()),
        false => Err(AgreementError::BadWeight),
    }
}

/// For how many pairs of its call each pair stands: one over their number, so that a call that five people labelled counts
/// once. `of`: the call of each pair, of `calls` calls.
fn shares(calls: usize, of: &[usize]) -> Vec<f64> {
    let mut pairs_of = vec![0.0_f64; calls];
    for &call in of {
        pairs_of[call] += 1.0;
    }
    of.iter().map(|&call| 1.0 / pairs_of[call]).collect()
}

/// The calls; those that no pair names have no weight, so that no resample draws them.
fn only_named(calls: &[Call], of: &[usize]) -> Vec<Call> {
    let mut named = vec![false; calls.len()];
    for &call in of {
        named[call] = true;
    }
    calls
        .iter()
        .zip(named)
        .map(|(call, named)| Call { weight: if named { call.weight } else { 0.0 }, ..*call })
        .collect()
}

/// How many calls count.
fn counted(calls: &[Call]) -> usize {
    calls.iter().filter(|call| call.weight > 0.0).count()
}
