use proptest::collection::vec;
use proptest::prelude::*;
use voice_core::agreement::{
    Call, Candidate, ClassPair, Classes, Estimate, Judgement, Level, NumberPair, Numbers, Outcome, Random, Rating,
    Ratings, Resampling, Target, allocate, doubt, draw_evenly, draw_stratified, stability, weighted_back,
};

const FEW: Resampling = Resampling { resamples: 200, seed: 18, level: 0.95 };

fn numbers(pairs: &[(f64, f64)], calls: &[Call]) -> Numbers {
    let pairs = pairs.iter().enumerate();
    Numbers::new(calls, pairs.map(|(call, &(label, judged))| NumberPair { call, label, judged }).collect()).unwrap()
}

fn classes(count: usize, pairs: impl Iterator<Item = (usize, usize)>, calls: usize) -> Classes {
    let pairs = pairs.enumerate().map(|(call, (label, judged))| ClassPair { call, label, judged }).collect();
    Classes::new(&vec![Call::EVEN; calls], count, pairs).unwrap()
}

fn is_near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-9,
        (a, b) => a == b,
    }
}

fn contains(estimate: Option<Estimate>) -> bool {
    estimate.is_none_or(|found| {
        found.interval.is_none_or(|interval| (interval.lower - 1e-12..=interval.upper + 1e-12).contains(&found.value))
    })
}

fn pair() -> impl Strategy<Value = (f64, f64)> {
    let value = || (-10_i32..=10).prop_map(|tenths| f64::from(tenths) / 10.0);
    (value(), value())
}

/// Calls of up to four strata, each with a weight of its own.
fn drawn_calls(count: usize) -> impl Strategy<Value = Vec<Call>> {
    vec(0_u32..4, count)
        .prop_map(|strata| strata.iter().map(|&stratum| Call { weight: 1.0 + f64::from(stratum), stratum }).collect())
}

proptest! {
    #[test]
    fn kappa_is_the_same_whoever_is_called_the_judge(pairs in vec((0_usize..4, 0_usize..4), 1..60)) {
        let weights = vec![1.0; pairs.len()];
        let found = classes(4, pairs.iter().copied(), pairs.len()).figures(&weights);
        let swapped = classes(4, pairs.iter().map(|&(a, b)| (b, a)), pairs.len()).figures(&weights);
        prop_assert!(is_near(found.kappa, swapped.kappa));
        prop_assert!(is_near(found.kappa_linear, swapped.kappa_linear));
        prop_assert!(is_near(found.kappa_quadratic, swapped.kappa_quadratic));
        prop_assert!(is_near(found.macro_f1, swapped.macro_f1));
        for (of, other) in found.of_class.iter().zip(&swapped.of_class) {
            prop_assert!(is_near(of.precision, other.recall));
        }
    }

    #[test]
    fn kappa_is_at_most_one_and_that_only_in_full_agreement(pairs in vec((0_usize..4, 0_usize..4), 1..60)) {
        let found = classes(4, pairs.iter().copied(), pairs.len()).figures(&vec![1.0; pairs.len()]);
        let agrees = pairs.iter().all(|(label, judged)| label == judged);
        for kappa in [found.kappa, found.kappa_linear, found.kappa_quadratic].into_iter().flatten() {
            prop_assert!((-1.0 - 1e-12..=1.0).contains(&kappa), "{kappa}");
            prop_assert_eq!(kappa > 1.0 - 1e-12, agrees);
        }
    }

    #[test]
    fn classes_have_the_figures_that_their_table_gives(pairs in vec((0_usize..3, 0_usize..3), 1..60)) {
        let classes = classes(3, pairs.iter().copied(), pairs.len());
        let rows = classes.confusion().rows;
        let (total, same): (f64, f64) = (rows.iter().flatten().sum(), (0..3).map(|class| rows[class][class]).sum());
        let found = classes.figures(&vec![1.0; pairs.len()]);
        prop_assert_eq!(total, pairs.len() as f64);
        prop_assert!(is_near(found.accuracy, Some(same / total)));
    }

    #[test]
    fn alpha_of_full_agreement_is_one(values in vec(-50_i32..50, 2..30), people in 2_usize..5) {
        prop_assume!(values.iter().any(|value| *value != values[0]));
        let ratings: Vec<Rating> = (0..people)
            .flat_map(|_| values.iter().enumerate().map(|(call, value)| Rating { call, value: f64::from(*value) / 10.0 }))
            .collect();
        for level in [Level::Nominal, Level::Ordinal, Level::Interval] {
            let found = Ratings::new(&vec![Call::EVEN; values.len()], ratings.clone(), level).unwrap();
            let alpha = found.alpha(&vec![1.0; values.len()]).unwrap();
            prop_assert!((alpha - 1.0).abs() < 1e-9, "{level:?} {alpha}");
        }
    }

    #[test]
    fn alpha_is_the_same_in_whatever_order_people_rated(
        ratings in vec((0_usize..12, 0_i32..5), 2..60).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        let alpha = |ratings: &[(usize, i32)], level| {
            let ratings = ratings.iter().map(|&(call, value)| Rating { call, value: f64::from(value) }).collect();
            Ratings::new(&[Call::EVEN; 12], ratings, level).unwrap().alpha(&[1.0; 12])
        };
        for level in [Level::Nominal, Level::Ordinal, Level::Interval] {
            let found = alpha(&ratings.0, level);
            prop_assert!(is_near(found, alpha(&ratings.1, level)), "{level:?}");
            prop_assert!(found.is_none_or(|alpha| alpha <= 1.0 + 1e-12), "{level:?} {found:?}");
        }
    }

    #[test]
    fn intervals_of_means_contain_the_estimate(
        (pairs, calls) in vec(pair(), 2..40).prop_flat_map(|pairs| { let n = pairs.len(); (Just(pairs), drawn_calls(n)) })
    ) {
        let found = numbers(&pairs, &calls).estimates(FEW);
        prop_assert!(contains(found.mae), "{:?}", found.mae);
        prop_assert!(contains(found.bias), "{:?}", found.bias);
    }

    #[test]
    fn intervals_stay_within_what_there_is(pairs in vec(pair(), 2..40)) {
        let found = numbers(&pairs, &vec![Call::EVEN; pairs.len()]).estimates(FEW);
        let errors = pairs.iter().map(|(label, judged)| (judged - label).abs());
        let (low, high) = errors.fold((f64::MAX, 0.0_f64), |(low, high), error| (low.min(error), high.max(error)));
        for estimate in [found.mae, found.rmse].into_iter().flatten() {
            let interval = estimate.interval.unwrap();
            prop_assert!(low - 1e-9 <= interval.lower && interval.lower <= interval.upper && interval.upper <= high + 1e-9);
        }
        if let Some(spearman) = found.spearman {
            prop_assert!((-1.0..=1.0).contains(&spearman.value));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_figures(pairs in vec(pair(), 1..30), seed in any::<u64>()) {
        let resampling = Resampling { seed, ..FEW };
        let calls = vec![Call::EVEN; pairs.len()];
        prop_assert_eq!(numbers(&pairs, &calls).estimates(resampling), numbers(&pairs, &calls).estimates(resampling));
    }

    #[test]
    fn weights_that_are_all_alike_are_none(pairs in vec(pair(), 1..30), weight in 0.01_f64..100.0) {
        let found = numbers(&pairs, &vec![Call::EVEN; pairs.len()]);
        let (one, other) = (found.figures(&vec![1.0; pairs.len()]), found.figures(&vec![weight; pairs.len()]));
        prop_assert!(is_near(one.mae, other.mae) && is_near(one.bias, other.bias) && is_near(one.rmse, other.rmse));
        prop_assert!(is_near(one.spearman, other.spearman), "{one:?} {other:?}");
    }

    #[test]
    fn a_call_of_weight_two_is_two_calls(pairs in vec(pair(), 1..30)) {
        let mut weights = vec![1.0; pairs.len()];
        weights[0] = 2.0;
        let heavy = numbers(&pairs, &vec![Call::EVEN; pairs.len()]).figures(&weights);
        let mut twice = pairs.clone();
        twice.push(pairs[0]);
        let twice = numbers(&twice, &vec![Call::EVEN; twice.len()]).figures(&vec![1.0; twice.len()]);
        prop_assert!(is_near(heavy.mae, twice.mae) && is_near(heavy.rmse, twice.rmse));
        prop_assert!(is_near(heavy.spearman, twice.spearman), "{heavy:?} {twice:?}");
    }

    #[test]
    fn a_target_is_never_both_met_and_missed(pairs in vec(pair(), 2..30), target in 0.0_f64..2.0) {
        let mae = numbers(&pairs, &vec![Call::EVEN; pairs.len()]).estimates(FEW).mae;
        match (Target::AtMost(target).outcome(mae), Target::AtLeast(target).outcome(mae)) {
            (Outcome::Met, found) => prop_assert_eq!(found, Outcome::Missed),
            (Outcome::Missed, found) => prop_assert_eq!(found, Outcome::Met),
            (Outcome::NotShown, found) => prop_assert_eq!(found, Outcome::NotShown),
        }
    }

    #[test]
    fn the_stability_index_is_never_below_zero_and_the_same_both_ways(counts in vec((0_u64..500, 0_u64..500), 1..12)) {
        let swapped: Vec<_> = counts.iter().map(|&(earlier, later)| (later, earlier)).collect();
        let (found, other) = (stability(&counts), stability(&swapped));
        prop_assert!(found.as_ref().is_none_or(|found| found.index >= 0.0));
        prop_assert!(is_near(found.map(|found| found.index), other.map(|found| found.index)));
    }

    #[test]
    fn allocations_draw_two_of_each_stratum_and_no_more_than_asked(sizes in vec(1_usize..400, 1..30), sample in 0_usize..500) {
        match allocate(&sizes, sample) {
            None => prop_assert!(sample < sizes.iter().map(|size| (*size).min(2)).sum()),
            Some(counts) => {
                prop_assert_eq!(counts.iter().sum::<usize>(), sample.min(sizes.iter().sum()));
                for (count, size) in counts.iter().zip(&sizes) {
                    prop_assert!((size.min(&2)..=size).contains(&count), "{counts:?} {sizes:?}");
                }
            }
        }
    }

    #[test]
    fn samples_stand_for_all_calls(
        calls in vec((0_u8..=100, 0_usize..3, 0_usize..4, 0_u32..600_000), 1..200), sample in 1_usize..80, seed in any::<u64>()
    ) {
        let calls: Vec<Candidate<'_>> = calls
            .iter()
            .map(|&(lead_score, intent, agent, duration_ms)| Candidate {
                lead_score, duration_ms, intent: ["info", "sales", "none"][intent], agent: ["a", "b", "c", "d"][agent],
            })
            .collect();
        for draw in [draw_stratified(&calls, sample, seed), draw_evenly(calls.len(), sample, seed)] {
            let mut places: Vec<usize> = draw.drawn.iter().map(|drawn| drawn.place).collect();
            places.sort_unstable();
            places.dedup();
            prop_assert_eq!(places.len(), sample.min(calls.len()), "drawn twice, or too few");
            prop_assert!(places.iter().all(|place| *place < calls.len()));
            for (stratum, found) in draw.strata.iter().enumerate() {
                prop_assert_eq!(draw.drawn.iter().filter(|drawn| drawn.stratum == stratum).count(), found.drawn);
            }
            let labelled: Vec<_> =
                draw.drawn.iter().map(|drawn| (drawn.stratum as u32, draw.strata[drawn.stratum].calls)).collect();
            let all: f64 = weighted_back(&labelled).iter().map(|call| call.weight).sum();
            prop_assert!((all - calls.len() as f64).abs() < 1e-6, "{all} of {}", calls.len());
        }
        prop_assert_eq!(draw_stratified(&calls, sample, seed), draw_stratified(&calls, sample, seed));
    }

    #[test]
    fn doubt_is_a_share_that_no_more_judgements_and_no_worse_evidence_lessen(
        sentiments in vec(-1.0_f64..=1.0, 0..5), one_more in -1.0_f64..=1.0, claims in 0_u32..20, unsupported in 0_u32..20
    ) {
        let mut judgements: Vec<Judgement<'_>> =
            sentiments.iter().map(|&sentiment| Judgement { sentiment: Some(sentiment), ..Judgement::default() }).collect();
        let before = doubt(&judgements, claims, unsupported);
        prop_assert!((0.0..=1.0).contains(&before));
        judgements.push(Judgement { sentiment: Some(one_more), ..Judgement::default() });
        prop_assert!(doubt(&judgements, claims, unsupported) >= before - 1e-12);
        prop_assert!(doubt(&judgements, claims, unsupported + 1) >= before - 1e-12);
    }
}

#[test]
fn intervals_cover_the_truth_as_often_as_they_say() {
    // 40 of a population whose mean absolute error is 0.5: uniform errors of 0 to 1. Percentile intervals of 40 calls
    // cover a little less than 95 %; 400 samples leave a standard deviation of 1.1 %.
    let mut random = Random::new(18);
    let covered = (0..400)
        .filter(|seed| {
            let pairs: Vec<(f64, f64)> = (0..40).map(|_| (0.0, random.share())).collect();
            let found = numbers(&pairs, &[Call::EVEN; 40]).estimates(Resampling { seed: *seed, ..FEW });
            let interval = found.mae.unwrap().interval.unwrap();
            (interval.lower..=interval.upper).contains(&0.5)
        })
        .count();
    assert!((360..=392).contains(&covered), "{covered} of 400");
}
