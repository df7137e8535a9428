//! Intervals by bootstrap: a figure of many samples that are drawn from the sample.
//!
//! What is drawn is calls, with all that was said of them: several labels of one call are not independent. Each stratum of
//! n calls is resampled by itself: n - 1 of its calls with replacement, each draw counted n / (n - 1) times (Rao and Wu
//! 1988). Without that factor strata of two calls would seem twice as certain as they are; with one stratum of 200 calls it
//! is the ordinary bootstrap within half a percent. A stratum of one call stays as it is and adds no uncertainty: draw two.
//!
//! The interval is from percentile to percentile (Efron 1979), interpolated as numpy's default does. For figures that are
//! biased in small samples (RMSE, macro F1) it may leave out the estimate itself.

use super::Call;
use super::random::Random;

/// How intervals are made: the same values give the same intervals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resampling {
    /// How many samples are drawn from the sample.
    pub resamples: usize,
    pub seed: u64,
    /// How much of the resamples lies within the interval: 0 to 1.
    pub level: f64,
}

impl Default for Resampling {
    fn default() -> Self {
        Resampling { resamples: 2000, seed: 0, level: 0.95 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub lower: f64,
    pub upper: f64,
}

/// A figure with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub value: f64,
    /// `None`: no stratum has two calls, or most resamples have no such figure.
    pub interval: Option<Interval>,
}

/// Figures of a sample, each with its interval. `figures` writes them for given weights, one for each call; `None`: these
/// calls have no such figure. `count`: how many it writes.
pub fn estimates(
    calls: &[Call],
    resampling: Resampling,
    count: usize,
    mut figures: impl FnMut(&[f64], &mut [Option<f64>]),
) -> Vec<Option<Estimate>> {
    let own: Vec<f64> = calls.iter().map(|call| call.weight).collect();
    let mut found = vec![None; count];
    figures(&own, &mut found);
    let values = found.clone();

    let strata = strata(calls);
    let mut drawn: Vec<Vec<f64>> = vec![Vec::with_capacity(resampling.resamples); count];
    if strata.iter().any(|stratum| stratum.len() > 1) {
        let mut random = Random::new(resampling.seed);
        let mut weights = vec![0.0; calls.len()];
        for _ in 0..resampling.resamples {
            resample(&own, &strata, &mut random, &mut weights);
            found.fill(None);
            figures(&weights, &mut found);
            for (figures, figure) in drawn.iter_mut().zip(&found) {
                figures.extend(*figure);
            }
        }
    }
    values
        .into_iter()
        .zip(&mut drawn)
        .map(|(value, drawn)| Some(Estimate { value: value?, interval: interval(drawn, resampling) }))
        .collect()
}

/// The places of the calls of each stratum. Calls without weight are in none: whoever draws must not draw them.
fn strata(calls: &[Call]) -> Vec<Vec<usize>> {
    let mut places: Vec<usize> = (0..calls.len()).filter(|&place| calls[place].weight > 0.0).collect();
    places.sort_by_key(|&place| calls[place].stratum);
    places.chunk_by(|&a, &b| calls[a].stratum == calls[b].stratum).map(<[usize]>::to_vec).collect()
}

fn resample(own: &[f64], strata: &[Vec<usize>], random: &mut Random, weights: &mut [f64]) {
    for stratum in strata {
        let size = stratum.len();
        if size == 1 {
            weights[stratum[0]] = own[stratum[0]];
            continue;
        }
        for &place in stratum {
            weights[place] = 0.0;
        }
        let times = size as f64 / (size - 1) as f64;
        for _ in 1..size {
            let place = stratum[random.below(size)];
            weights[place] += own[place] * times;
        }
    }
}

/// The middle of the figures that were drawn; `None` if fewer than half of the resamples had one.
fn interval(drawn: &mut [f64], resampling: Resampling) -> Option<Interval> {
    if drawn.is_empty() || drawn.len() * 2 < resampling.resamples {
        return None;
    }
    drawn.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - resampling.level.clamp(0.0, 1.0)) / 2.0;
    Some(Interval { lower: quantile(drawn, tail), upper: quantile(drawn, 1.0 - tail) })
}

/// A quantile of sorted values, interpolated between the two that are nearest (type 7 of Hyndman and Fan 1996).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let step = sorted[above] - sorted[below];
    if step == 0.0 { sorted[below] } else { sorted[below] + step * (at - below as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: &[f64]) -> impl FnMut(&[f64], &mut [Option<f64>]) {
        move |weights, found| {
            let total: f64 = weights.iter().sum();
            found[0] = Some(weights.iter().zip(values).map(|(w, x)| w * x).sum::<f64>() / total);
        }
    }

    fn spread(calls: &[Call], values: &[f64]) -> f64 {
        let mut sum = (0.0, 0.0, 0.0);
        let mut figure = mean(values);
        let mut first = true;
        estimates(calls, Resampling { resamples: 20_000, ..Resampling::default() }, 1, |weights, found| {
            figure(weights, found);
            let value = found[0].unwrap_or(0.0);
            if !std::mem::take(&mut first) {
                sum = (sum.0 + 1.0, sum.1 + value, sum.2 + value * value);
            }
        });
        sum.2 / sum.0 - (sum.1 / sum.0).powi(2)
    }

    #[test]
    fn quantiles_are_interpolated() {
        let sorted = [1.0, 2.0, 3.0, 10.0];
        assert_eq!(quantile(&sorted, 0.0), 1.0);
        assert_eq!(quantile(&sorted, 0.5), 2.5);
        assert_eq!(quantile(&sorted, 0.75), 4.75);
        assert_eq!(quantile(&sorted, 1.0), 10.0);
    }

    #[test]
    fn the_variance_of_a_mean_is_the_one_of_the_textbook() {
        let values: Vec<f64> = (0..20).map(|i| f64::from(i * i % 7)).collect();
        let average = values.iter().sum::<f64>() / 20.0;
        let expected = values.iter().map(|x| (x - average).powi(2)).sum::<f64>() / 19.0 / 20.0;
        let found = spread(&[Call::EVEN; 20], &values);
        assert!((found / expected - 1.0).abs() < 0.05, "{found} {expected}");
    }

    #[test]
    fn two_calls_a_stratum_are_as_uncertain_as_they_are() {
        // Three strata of two calls, of weights 10, 20 and 70: the variance of the stratified mean is the sum of
        // (share of the stratum)^2 * s^2 / 2.
        let calls: Vec<Call> = [(10.0, 0), (20.0, 1), (70.0, 2)]
            .into_iter()
            .flat_map(|(weight, stratum)| [Call { weight, stratum }; 2])
            .collect();
        let values = [0.0, 1.0, 0.0, 2.0, 1.0, 2.0];
        let expected = (0.1_f64.powi(2) * 0.5 + 0.2_f64.powi(2) * 2.0 + 0.7_f64.powi(2) * 0.5) / 2.0;
        let found = spread(&calls, &values);
        assert!((found / expected - 1.0).abs() < 0.05, "{found} {expected}");
    }

    #[test]
    fn one_call_has_a_figure_and_no_interval() {
        let found = estimates(&[Call::EVEN], Resampling::default(), 1, mean(&[0.25]));
        assert_eq!(found, [Some(Estimate { value: 0.25, interval: None })]);
    }

    #[test]
    fn a_figure_that_most_resamples_lack_has_no_interval() {
        let found = estimates(&[Call::EVEN; 10], Resampling::default(), 1, |weights, found| {
            found[0] = (weights.iter().all(|w| *w == 1.0)).then_some(1.0);
        });
        assert_eq!(found, [Some(Estimate { value: 1.0, interval: None })]);
    }
}
