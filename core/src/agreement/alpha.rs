//! Agreement of people with each other: Krippendorff's alpha, for any number of people of whom each rated what they rated.
//! It is the ceiling of what a judge can reach.
//!
//! Krippendorff: Content Analysis, chapter on reliability. Disagreement is the mean squared difference within a call over
//! that between all ratings. For ordered classes the difference is that of their average ranks, which is his formula in
//! other words; so every level is computed in one pass.

use super::bootstrap::{Estimate, Resampling, estimates};
use super::{AgreementError, Call, check_calls, counted, only_named};

/// One person's rating of a call. Who rated is of no account.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rating {
    /// Place of the call in the list.
    pub call: usize,
    /// The number, or the place of the class in their list.
    pub value: f64,
}

/// How ratings differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// They are the same or not: classes.
    Nominal,
    /// By how many ratings lie between them: ordered classes.
    Ordinal,
    /// By their difference: numbers.
    Interval,
}

/// Ratings of calls that at least two people rated, ready to be measured under any weights.
#[derive(Debug, Clone)]
pub struct Ratings {
    calls: Vec<Call>,
    /// By call.
    units: Vec<Unit>,
    /// All ratings, those of a unit side by side: the place of their value in `values`.
    ratings: Vec<usize>,
    /// Different values, ascending, less their mean.
    values: Vec<f64>,
    level: Level,
}

/// The ratings of one call.
#[derive(Debug, Clone, Copy)]
struct Unit {
    call: usize,
    start: usize,
    end: usize,
}

impl Ratings {
    /// Prepares ratings. Calls that one person rated count for nothing.
    ///
    /// # Errors
    /// A value or a weight is not finite, a weight is negative, or a rating's call is not in the list.
    pub fn new(calls: &[Call], mut ratings: Vec<Rating>, level: Level) -> Result<Ratings, AgreementError> {
        check_calls(calls)?;
        if ratings.iter().any(|rating| rating.call >= calls.len()) {
            return Err(AgreementError::NoSuchCall);
        } else if ratings.iter().any(|rating| !rating.value.is_finite()) {
            return Err(AgreementError::NotFinite);
        }
        // Within a unit by value: equal ones are counted as a run.
        ratings.sort_by(|a, b| a.call.cmp(&b.call).then(a.value.total_cmp(&b.value)));
        let pairable: Vec<Rating> =
            ratings.chunk_by(|a, b| a.call == b.call).filter(|unit| unit.len() > 1).flatten().copied().collect();
        let mut values: Vec<f64> = pairable.iter().map(|rating| rating.value).collect();
        values.sort_by(f64::total_cmp);
        values.dedup_by(|a, b| a == b);
        let places = pairable.iter().map(|rating| values.partition_point(|value| *value < rating.value)).collect();
        let mut units = Vec::new();
        for unit in pairable.chunk_by(|a, b| a.call == b.call) {
            let start = units.last().map_or(0, |last: &Unit| last.end);
            units.push(Unit { call: unit[0].call, start, end: start + unit.len() });
        }
        let of: Vec<usize> = units.iter().map(|unit| unit.call).collect();
        // Around their mean: sums of squares of large numbers would lose their differences.
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        values.iter_mut().for_each(|value| *value -= mean);
        Ok(Ratings { calls: only_named(calls, &of), units, ratings: places, values, level })
    }

    /// How many calls at least two people rated.
    pub fn calls(&self) -> usize {
        counted(&self.calls)
    }

    /// Alpha with its interval; `None` as of [`Ratings::alpha`].
    pub fn estimate(&self, resampling: Resampling) -> Option<Estimate> {
        estimates(&self.calls, resampling, 1, |weights, found| found[0] = self.alpha(weights))[0]
    }

    /// Alpha where each call has this weight: 1 agrees, 0 as by chance, below 0 worse than that. `None` where all ratings
    /// are the same or there are none.
    pub fn alpha(&self, weights: &[f64]) -> Option<f64> {
        // Only the proportions of weights count: the number of ratings is that of the ratings.
        let total: f64 = self.units.iter().map(|unit| weights[unit.call]).sum();
        if total <= 0.0 {
            return None;
        }
        let scale = self.calls() as f64 / total;
        let mut counts = vec![0.0; self.values.len()];
        for unit in &self.units {
            for &place in &self.ratings[unit.start..unit.end] {
                counts[place] += weights[unit.call] * scale;
            }
        }
        let all: f64 = counts.iter().sum();
        let ranks;
        let values = match self.level {
            Level::Nominal => None,
            Level::Interval => Some(&self.values),
            Level::Ordinal => {
                ranks = middle_ranks(&counts, all);
                Some(&ranks)
            }
        };
        let mut observed = 0.0;
        for unit in &self.units {
            let ratings = &self.ratings[unit.start..unit.end];
            let differences = match values {
                None => {
                    ratings.len().pow(2) as f64
                        - ratings.chunk_by(|a, b| a == b).map(|run| run.len().pow(2) as f64).sum::<f64>()
                }
                Some(values) => squared_differences(ratings.iter().map(|&place| (values[place], 1.0))),
            };
            observed += weights[unit.call] * scale * differences / (ratings.len() - 1) as f64;
        }
        let expected = match values {
            None => all * all - counts.iter().map(|n| n * n).sum::<f64>(),
            Some(values) => squared_differences(values.iter().copied().zip(counts.iter().copied())),
        };
        // All the same: what is left is rounding.
        let largest = values.map_or(1.0, |values| values.iter().map(|x| x * x).fold(0.0, f64::max));
        (expected > 1e-12 * all * all * largest && expected > 0.0).then(|| 1.0 - (all - 1.0) * observed / expected)
    }
}

/// The average rank of each value, from its count, less the middle of all.
fn middle_ranks(counts: &[f64], all: f64) -> Vec<f64> {
    let mut below = 0.0;
    counts
        .iter()
        .map(|count| {
            let rank = below + count / 2.0 - all / 2.0;
            below += count;
            rank
        })
        .collect()
}

/// The sum of (a - b)^2 over all ordered pairs of values, each as often as it is there.
fn squared_differences(values: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let (count, sum) = values.clone().fold((0.0, 0.0), |(count, sum), (value, n)| (count + n, sum + value * n));
    if count <= 0.0 {
        return 0.0;
    }
    let mean = sum / count;
    2.0 * count * values.map(|(value, n)| n * (value - mean).powi(2)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of people, columns of calls; 0: not rated.
    fn ratings(rows: &[&[u8]], level: Level) -> Ratings {
        let ratings = rows
            .iter()
            .flat_map(|row| row.iter().enumerate())
            .filter(|(_, value)| **value > 0)
            .map(|(call, value)| Rating { call, value: f64::from(*value) })
            .collect();
        Ratings::new(&vec![Call::EVEN; rows[0].len()], ratings, level).unwrap()
    }

    const FOUR_CODERS: [&[u8]; 4] = [
        &[1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        &[1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        &[0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        &[1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ];

    #[test]
    fn alpha_is_that_of_krippendorffs_own_example() {
        // Computing Krippendorff's alpha-reliability (2011), section C and the following.
        for (level, expected) in [(Level::Nominal, 0.743), (Level::Ordinal, 0.815), (Level::Interval, 0.849)] {
            let found = ratings(&FOUR_CODERS, level);
            let alpha = found.alpha(&[1.0; 12]).unwrap();
            assert!((alpha - expected).abs() < 5e-4, "{level:?} {alpha}");
            // The call that one person rated is none.
            assert_eq!(found.calls(), 11);
        }
    }

    #[test]
    fn weights_of_another_unit_change_nothing() {
        for level in [Level::Nominal, Level::Ordinal, Level::Interval] {
            let found = ratings(&FOUR_CODERS, level);
            let (one, many) = (found.alpha(&[1.0; 12]).unwrap(), found.alpha(&[50.0; 12]).unwrap());
            assert!((one - many).abs() < 1e-12, "{level:?} {one} {many}");
        }
    }

    #[test]
    fn there_is_no_alpha_of_one_value() {
        for level in [Level::Nominal, Level::Ordinal, Level::Interval] {
            assert_eq!(ratings(&[&[2, 2, 2], &[2, 2, 2]], level).alpha(&[0.7; 3]), None);
            assert_eq!(ratings(&[&[1, 2, 3], &[0, 0, 0]], level).alpha(&[1.0; 3]), None);
        }
    }

    #[test]
    fn what_is_no_rating_is_refused() {
        let rating = Rating { call: 0, value: f64::INFINITY };
        assert_eq!(Ratings::new(&[Call::EVEN], vec![rating], Level::Interval).err(), Some(AgreementError::NotFinite));
        assert_eq!(Ratings::new(&[], vec![rating], Level::Interval).err(), Some(AgreementError::NoSuchCall));
    }
}
