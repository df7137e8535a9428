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
    pairs: Vec<NumberPair>,
    /// For how many pairs of its call a pair stands: one over their number.
    shares: Vec<f64>,
    /// Places of the pairs by label, and by judgement.
    by_label: Vec<usize>,
    by_judged: Vec<usize>,
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
        let shares = shares(calls.len(), &of);
        let by = |side: fn(&NumberPair) -> f64| {
            let mut places: Vec<usize> = (0..pairs.len()).collect();
            places.sort_by(|&a, &b| side(&pairs[a]).total_cmp(&side(&pairs[b])));
            places
        };
        let (by_label, by_judged) = (by(|pair| pair.label), by(|pair| pair.judged));
        Ok(Numbers { calls: only_named(calls, &of), pairs, shares, by_label, by_judged })
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
        let weight_of = |place: usize| weights[self.pairs[place].call] * self.shares[place];
        let (mut total, mut absolute, mut signed, mut squared) = (0.0, 0.0, 0.0, 0.0);
        for (place, pair) in self.pairs.iter().enumerate() {
            let (weight, error) = (weight_of(place), pair.judged - pair.label);
            total += weight;
            absolute += weight * error.abs();
            signed += weight * error;
            squared += weight * error * error;
        }
        if total <= 0.0 {
            return NumberFigures { mae: None, bias: None, rmse: None, spearman: None };
        }
        NumberFigures {
            mae: Some(absolute / total),
            bias: Some(signed / total),
            rmse: Some((squared / total).sqrt()),
            spearman: self.spearman(total, weight_of),
        }
    }

    /// Pearson's correlation of the ranks. The rank of a value is the weight that lies below it and half of the weight that
    /// is equal: with weights of 1 that is its average rank less one half, and a constant changes no correlation.
    fn spearman(&self, total: f64, weight_of: impl Fn(usize) -> f64) -> Option<f64> {
        let mut of_label = vec![0.0; self.pairs.len()];
        let mut of_judged = vec![0.0; self.pairs.len()];
        ranks(&self.by_label, |place| self.pairs[place].label, &weight_of, total, &mut of_label);
        ranks(&self.by_judged, |place| self.pairs[place].judged, &weight_of, total, &mut of_judged);
        let (mut both, mut label, mut judged) = (0.0, 0.0, 0.0);
        for place in 0..self.pairs.len() {
            let weight = weight_of(place);
            both += weight * of_label[place] * of_judged[place];
            label += weight * of_label[place] * of_label[place];
            judged += weight * of_judged[place] * of_judged[place];
        }
        // A side is constant where all ranks are the middle one; sums of rounded weights leave a trace of rounding.
        let constant = |sum: f64| sum <= 1e-12 * total;
        (!constant(label) && !constant(judged)).then(|| (both / (label * judged).sqrt()).clamp(-1.0, 1.0))
    }
}

/// Ranks of values in this order, as shares of the whole weight less one half: -0.5 to 0.5, their mean is 0.
fn ranks(
    order: &[usize],
    value: impl Fn(usize) -> f64,
    weight_of: impl Fn(usize) -> f64,
    total: f64,
    into: &mut [f64],
) {
    let mut below = 0.0;
    let mut start = 0;
    while start < order.len() {
        let same = value(order[start]);
        let mut equal = 0.0;
        let mut end = start;
        while end < order.len() && value(order[end]) == same {
            equal += weight_of(order[end]);
            end += 1;
        }
        let rank = (below + equal / 2.0) / total - 0.5;
        for &place in &order[start..end] {
            into[place] = rank;
        }
        below += equal;
        start = end;
    }
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
