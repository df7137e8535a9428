//! Agreement of numbers: mean absolute error, bias, root mean square error and rank correlation.

use super::bootstrap::{Estimate, Resampling, estimates};
use super::{AgreementError, Call, check_calls, counted, only_named, shares};

/// A label and a judgement of the same call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberPair {
    /// Place of the call in the list.
    pub call: usize,
    pub label: f64,
    pub judged: f64,
}

/// Pairs of numbers, ready to be measured under any weights.
#[derive(Debug, Clone)]
pub struct Numbers {
    calls: Vec<Call>,
    pairs: Vec<Pair>,
    /// How many different labels and judgements there are.
    labels: usize,
    judgements: usize,
}

/// What resampling reads of a pair, thousands of times.
#[derive(Debug, Clone, Copy)]
struct Pair {
    call: usize,
    /// For how many pairs of its call it stands: one over their number.
    share: f64,
    /// Judgement less label.
    error: f64,
    /// Places among the different labels and judgements, ascending.
    label: usize,
    judged: usize,
}

/// `T`: a figure, or a figure with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberFigures<T> {
    /// Mean of |judged - label|; `None`: nothing has weight.
    pub mae: Option<T>,
    /// Mean of judged - label: above 0 where the judge says more than people.
    pub bias: Option<T>,
    /// Root of the mean of (judged - label)^2.
    pub rmse: Option<T>,
    /// Spearman's rank correlation, average ranks for ties; `None` where one side is constant.
    pub spearman: Option<T>,
}

impl Numbers {
    /// Prepares pairs. A call without pairs counts for nothing.
    ///
    /// # Errors
    /// A number or a weight is not finite, a weight is negative, or a pair's call is not in the list.
    pub fn new(calls: &[Call], pairs: Vec<NumberPair>) -> Result<Numbers, AgreementError> {
        check_calls(calls)?;
        if pairs.iter().any(|pair| pair.call >= calls.len()) {
            return Err(AgreementError::NoSuchCall);
        } else if pairs.iter().any(|pair| !pair.label.is_finite() || !pair.judged.is_finite()) {
            return Err(AgreementError::NotFinite);
        }
        let of: Vec<usize> = pairs.iter().map(|pair| pair.call).collect();
        let (labels, judgements) = (distinct(&pairs, |pair| pair.label), distinct(&pairs, |pair| pair.judged));
        let place = |values: &[f64], value: f64| values.partition_point(|other| *other < value);
        let prepared = pairs.iter().zip(shares(calls.len(), &of)).map(|(pair, share)| Pair {
            call: pair.call,
            share,
            error: pair.judged - pair.label,
            label: place(&labels, pair.label),
            judged: place(&judgements, pair.judged),
        });
        Ok(Numbers {
            calls: only_named(calls, &of),
            pairs: prepared.collect(),
            labels: labels.len(),
            judgements: judgements.len(),
        })
    }

    /// How many calls have a pair.
    pub fn calls(&self) -> usize {
        counted(&self.calls)
    }

    /// The figures with their intervals.
    pub fn estimates(&self, resampling: Resampling) -> NumberFigures<Estimate> {
        let found = estimates(&self.calls, resampling, 4, |weights, found| {
            let figures = self.figures(weights);
            found.copy_from_slice(&[figures.mae, figures.bias, figures.rmse, figures.spearman]);
        });
        NumberFigures { mae: found[0], bias: found[1], rmse: found[2], spearman: found[3] }
    }

    /// The figures where each call has this weight.
    pub fn figures(&self, weights: &[f64]) -> NumberFigures<f64> {
        let (mut total, mut absolute, mut signed, mut squared) = (0.0, 0.0, 0.0, 0.0);
        let (mut of_label, mut of_judged) = (vec![0.0; self.labels], vec![0.0; self.judgements]);
        for pair in &self.pairs {
            let weight = weights[pair.call] * pair.share;
            total += weight;
            absolute += weight * pair.error.abs();
            signed += weight * pair.error;
            squared += weight * pair.error * pair.error;
            of_label[pair.label] += weight;
            of_judged[pair.judged] += weight;
        }
        if total <= 0.0 {
            return NumberFigures { mae: None, bias: None, rmse: None, spearman: None };
        }
        NumberFigures {
            mae: Some(absolute / total),
            bias: Some(signed / total),
            rmse: Some((squared / total).sqrt()),
            spearman: self.spearman(weights, total, of_label, of_judged),
        }
    }

    /// Pearson's correlation of the ranks. `of_label`, `of_judged`: the weight of each different value.
    fn spearman(&self, weights: &[f64], total: f64, mut of_label: Vec<f64>, mut of_judged: Vec<f64>) -> Option<f64> {
        let spread = |of_value: &mut [f64]| {
            let squares = rank(of_value, total);
            // All ranks of a constant side are the middle one; sums of rounded weights leave a trace of rounding.
            (squares > 1e-12 * total).then_some(squares)
        };
        let (label, judged) = (spread(&mut of_label)?, spread(&mut of_judged)?);
        let both: f64 = self
            .pairs
            .iter()
            .map(|pair| weights[pair.call] * pair.share * of_label[pair.label] * of_judged[pair.judged])
            .sum();
        Some((both / (label * judged).sqrt()).clamp(-1.0, 1.0))
    }
}

/// Turns the weight of each value into its rank, and gives the sum of the squares of all ranks. The rank is the weight that
/// lies below the value and half of its own, as a share of the whole, less one half: with equal weights the average rank of
/// its ties but for a factor and a constant, and those change no correlation. The mean of all ranks is 0.
fn rank(of_value: &mut [f64], total: f64) -> f64 {
    let (mut below, mut squares) = (0.0, 0.0);
    for value in of_value {
        let weight = std::mem::take(value);
        *value = (below + weight / 2.0) / total - 0.5;
        squares += weight * *value * *value;
        below += weight;
    }
    squares
}

/// The different values of a side, ascending.
fn distinct(pairs: &[NumberPair], side: fn(&NumberPair) -> f64) -> Vec<f64> {
    let mut values: Vec<f64> = pairs.iter().map(side).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup_by(|a, b| a == b);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(values: &[(usize, f64, f64)]) -> Vec<NumberPair> {
        values.iter().map(|&(call, label, judged)| NumberPair { call, label, judged }).collect()
    }

    #[test]
    fn a_call_that_two_people_labelled_counts_once() {
        let numbers = Numbers::new(&[Call::EVEN; 2], pairs(&[(0, 0.0, 0.5), (0, 0.5, 0.5), (1, 0.0, 1.0)])).unwrap();
        let figures = numbers.figures(&[1.0, 1.0]);
        assert_eq!(figures.mae, Some((0.25 + 1.0) / 2.0));
        assert_eq!(numbers.calls(), 2);
    }

    #[test]
    fn weights_lead_back_to_all_calls() {
        // Of 90 good calls one was drawn, of 10 bad ones one.
        let calls = [Call { weight: 90.0, stratum: 0 }, Call { weight: 10.0, stratum: 1 }];
        let numbers = Numbers::new(&calls, pairs(&[(0, 0.5, 0.5), (1, -0.5, 0.5)])).unwrap();
        assert_eq!(numbers.estimates(Resampling::default()).mae.unwrap().value, 0.1);
    }

    #[test]
    fn a_constant_side_has_no_rank_correlation() {
        let numbers = Numbers::new(&[Call::EVEN; 3], pairs(&[(0, 0.1, 0.3), (1, 0.1, 0.2), (2, 0.1, 0.1)])).unwrap();
        assert_eq!(numbers.figures(&[1.0; 3]).spearman, None);
        assert_eq!(numbers.figures(&[0.3; 3]).spearman, None);
    }

    #[test]
    fn a_call_without_pairs_is_not_drawn() {
        let numbers = Numbers::new(&[Call::EVEN; 50], pairs(&[(0, 0.0, 0.5), (49, 0.0, 0.5)])).unwrap();
        let mae = numbers.estimates(Resampling::default()).mae.unwrap();
        assert_eq!(numbers.calls(), 2);
        assert_eq!(mae.interval.map(|i| (i.lower, i.upper)), Some((0.5, 0.5)));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        assert_eq!(Numbers::new(&[Call::EVEN], pairs(&[(1, 0.0, 0.0)])).err(), Some(AgreementError::NoSuchCall));
        assert_eq!(Numbers::new(&[Call::EVEN], pairs(&[(0, f64::NAN, 0.0)])).err(), Some(AgreementError::NotFinite));
        let calls = [Call { weight: -1.0, stratum: 0 }];
        assert_eq!(Numbers::new(&calls, Vec::new()).err(), Some(AgreementError::BadWeight));
        let none = Numbers::new(&[Call::EVEN], Vec::new()).unwrap().estimates(Resampling::default());
        assert_eq!(none.mae, None);
    }
}
