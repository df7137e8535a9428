//! The population stability index: how far the distribution of a score has moved between two times.
//!
//! The sum over bins of (a - e) * ln(a / e), e and a the shares of the earlier and of the later calls (Siddiqi: Credit Risk
//! Scorecards, 2006; the symmetric Kullback-Leibler divergence). Half a call is added to each bin, so that an empty one
//! gives a finite figure. By chance alone it is about chi-squared of bins - 1 times (1 / earlier + 1 / later) (Yurdakul and
//! Naranjo 2020): the usual limits of 0.1 and 0.25 say nothing of a few dozen calls.

/// One bin of a distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Calls of the earlier and of the later time.
    pub earlier: u64,
    pub later: u64,
    /// What it adds to the index.
    pub part: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Stability {
    pub index: f64,
    /// What the index would be, on average, if nothing had moved.
    pub by_chance: f64,
    /// What it would exceed one time in twenty then.
    pub critical: f64,
    pub bins: Vec<Bin>,
}

/// The index of counts by bin, earlier and later. Bins without a call at both times are left out of it. `None`: there are
/// no calls at one of the times.
pub fn stability(counts: &[(u64, u64)]) -> Option<Stability> {
    let used = counts.iter().filter(|(earlier, later)| earlier + later > 0);
    let (bins, earlier, later) = used.fold((0_u32, 0, 0), |(bins, all_earlier, all_later), (earlier, later)| {
        (bins + 1, all_earlier + earlier, all_later + later)
    });
    if earlier == 0 || later == 0 {
        return None;
    }
    let share = |count: u64, all: u64| (count as f64 + 0.5) / (all as f64 + f64::from(bins) / 2.0);
    let bins_of: Vec<Bin> = counts
        .iter()
        .map(|&counts| {
            let (before, after) = (share(counts.0, earlier), share(counts.1, later));
            let part = if counts == (0, 0) { 0.0 } else { (after - before) * (after / before).ln() };
            Bin { earlier: counts.0, later: counts.1, part }
        })
        .collect();
    let scale = 1.0 / earlier as f64 + 1.0 / later as f64;
    Some(Stability {
        index: bins_of.iter().map(|bin| bin.part).sum(),
        by_chance: f64::from(bins - 1) * scale,
        critical: chi_squared_95(bins - 1) * scale,
        bins: bins_of,
    })
}

/// The 95th percentile of the chi-squared distribution, within 1 % from two degrees of freedom on (Wilson and Hilferty 1931).
fn chi_squared_95(freedom: u32) -> f64 {
    match freedom {
        0 => 0.0,
        1 => 3.841_459,
        _ => {
            let n = f64::from(freedom);
            n * (1.0 - 2.0 / (9.0 * n) + 1.644_854 * (2.0 / (9.0 * n)).sqrt()).powi(3)
        }
    }
}

/// Where values are cut into at most so many bins that hold equally many calls: the upper bounds, inclusive, of all bins
/// but the last. `values`: values, in any order, and how many calls have each. A value that is frequent takes the bins of
/// others. Values that are no number are left out.
pub fn cut_points(values: &[(f64, u64)], bins: u64) -> Vec<f64> {
    let mut sorted: Vec<(f64, u64)> = values.iter().copied().filter(|(value, _)| !value.is_nan()).collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let Some(&(largest, _)) = sorted.last() else { return Vec::new() };
    let all: u64 = sorted.iter().map(|(_, count)| count).sum();
    let mut cuts = Vec::new();
    let (mut at, mut seen) = (0, sorted[0].1);
    for cut in 1..bins {
        while seen < (all * cut).div_ceil(bins).max(1) && at + 1 < sorted.len() {
            at += 1;
            seen += sorted[at].1;
        }
        cuts.push(sorted[at].0);
    }
    cuts.dedup_by(|a, b| a == b);
    // Nothing is above the largest.
    cuts.retain(|cut| *cut < largest);
    cuts
}

/// The bin of a value: 0 to the number of cuts.
pub fn place(cuts: &[f64], value: f64) -> usize {
    cuts.partition_point(|cut| *cut < value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_moved_has_no_index() {
        let found = stability(&[(10, 10), (0, 0), (30, 30)]).unwrap();
        assert_eq!(found.index, 0.0);
        assert_eq!(found.by_chance, 2.0 / 40.0);
        assert_eq!(stability(&[(10, 0), (5, 0)]), None);
        assert_eq!(stability(&[]), None);
    }

    #[test]
    fn what_is_exceeded_by_chance_is_that_of_the_tables() {
        for (freedom, value) in [(1, 3.841), (2, 5.991), (5, 11.070), (9, 16.919)] {
            let found = chi_squared_95(freedom);
            assert!((found / value - 1.0).abs() < 0.01, "{freedom}: {found}");
        }
    }

    #[test]
    fn a_bin_that_fills_is_seen_in_the_index() {
        let found = stability(&[(500, 200), (500, 800)]).unwrap();
        // 0.3 * ln(0.5 / 0.2) + 0.3 * ln(0.8 / 0.5), but for the half calls.
        assert!((found.index - 0.4159).abs() < 0.001, "{}", found.index);
        assert!(stability(&[(500, 0), (500, 1000)]).unwrap().index.is_finite());
    }

    #[test]
    fn bins_hold_equally_many_values() {
        let values: Vec<(f64, u64)> = (1..=100).map(|n| (f64::from(n), 1)).collect();
        let cuts = cut_points(&values, 10);
        assert_eq!(cuts, (1..10).map(|n| f64::from(n * 10)).collect::<Vec<_>>());
        assert_eq!((place(&cuts, 10.0), place(&cuts, 10.5), place(&cuts, 1_000.0)), (0, 1, 9));
    }

    #[test]
    fn a_value_that_most_calls_have_is_one_bin() {
        assert_eq!(cut_points(&[(0.5, 10), (0.0, 90)], 10), [0.0]);
        assert!(cut_points(&[(0.0, 5)], 10).is_empty());
        assert!(cut_points(&[(f64::NAN, 1)], 10).is_empty());
    }
}
