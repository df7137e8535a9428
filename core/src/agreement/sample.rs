//! Which calls people are asked to label, so that what is found of them can be said of all.
//!
//! A stratified sample is drawn by band of lead score and intent: of a stratum of N calls so many as are proportional to
//! the square root of N, two at least, so that what is rare is looked at too. Within a stratum calls stand by agent and
//! length, and every so manyeth is drawn from a random start: each agent and each length has its share. Every call of a
//! stratum is as likely as any other, and stands for N / n calls.
//!
//! People may stop before the end: what is drawn is in random order, so what they have labelled is a sample too, and
//! [`weighted_back`] counts what was labelled, not what was drawn.

use std::collections::BTreeMap;

use super::Call;
use super::random::Random;

/// A call that may be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// 0 to 100.
    pub lead_score: u8,
    pub intent: &'a str,
    pub agent: &'a str,
    pub duration_ms: u32,
}

/// A sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    pub strata: Vec<Stratum>,
    /// In the order in which people are to get them.
    pub drawn: Vec<Drawn>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stratum {
    /// `80-100 sales`, `80-100` or, of all calls, `all`.
    pub name: String,
    /// How many calls are of it.
    pub calls: usize,
    /// How many of them were drawn.
    pub drawn: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// Of the candidate.
    pub place: usize,
    /// Of the stratum, in [`Draw::strata`].
    pub stratum: usize,
}

/// Draws a sample in which each of so many calls is as likely as any other; all of them where there are fewer.
pub fn draw_evenly(candidates: usize, sample: usize, seed: u64) -> Draw {
    let random = &mut Random::new(seed);
    let mut places: Vec<usize> = (0..candidates).collect();
    let sample = sample.min(candidates);
    shuffle(&mut places, sample, random);
    let drawn = places[..sample].iter().map(|&place| Drawn { place, stratum: 0 }).collect();
    Draw { strata: vec![Stratum { name: "all".into(), calls: candidates, drawn: sample }], drawn }
}

/// Draws a stratified sample: by band and intent, by band alone where there are not two calls for each of those, or of all
/// calls as one stratum where there are not even two for each band.
pub fn draw_stratified(candidates: &[Candidate<'_>], sample: usize, seed: u64) -> Draw {
    let random = &mut Random::new(seed);
    let by_intent = strata(candidates, |call| (score_band(call.lead_score), call.intent));
    let by_band = || strata(candidates, |call| (score_band(call.lead_score), ""));
    let (mut strata, counts) = allocated(by_intent, sample)
        .or_else(|| allocated(by_band(), sample))
        .unwrap_or_else(|| (strata(candidates, |_| ("all", "")), vec![sample.min(candidates.len())]));
    let mut drawn = Vec::with_capacity(sample.min(candidates.len()));
    for (stratum, ((_, places), count)) in strata.iter_mut().zip(&counts).enumerate() {
        // Calls of one agent and length in random order.
        let size = places.len();
        shuffle(places, size, random);
        places.sort_by_key(|&place| (candidates[place].agent, candidates[place].duration_ms));
        drawn.extend(systematic(places, *count, random).map(|place| Drawn { place, stratum }));
    }
    let all = drawn.len();
    shuffle(&mut drawn, all, random);
    let strata = strata
        .into_iter()
        .zip(counts)
        .map(|((name, places), drawn)| Stratum { name, calls: places.len(), drawn })
        .collect();
    Draw { strata, drawn }
}

/// How many calls of each stratum are drawn, from how many it has: in proportion to the square root, by the divisor method
/// of Webster, two at least and all at most. `None`: the sample is too small for two of each.
pub fn allocate(sizes: &[usize], sample: usize) -> Option<Vec<usize>> {
    let mut counts: Vec<usize> = sizes.iter().map(|&size| size.min(2)).collect();
    let mut left = sample.checked_sub(counts.iter().sum())?;
    while left > 0 {
        let claim = |stratum: usize| (sizes[stratum] as f64).sqrt() / (counts[stratum] as f64 + 0.5);
        let open = (0..sizes.len()).filter(|&stratum| counts[stratum] < sizes[stratum]);
        // Of equal claims the first one.
        let Some(next) = open.reduce(|best, other| if claim(other) > claim(best) { other } else { best }) else {
            break;
        };
        counts[next] += 1;
        left -= 1;
    }
    Some(counts)
}

/// Calls that were labelled, as they count: each stands for the calls of its stratum over those of it that were labelled.
/// `labelled`: the stratum of each call, and how many calls that stratum has.
pub fn weighted_back(labelled: &[(u32, usize)]) -> Vec<Call> {
    let mut counts = BTreeMap::new();
    for &(stratum, _) in labelled {
        *counts.entry(stratum).or_insert(0_usize) += 1;
    }
    labelled.iter().map(|&(stratum, calls)| Call { weight: calls as f64 / counts[&stratum] as f64, stratum }).collect()
}

/// Bands of lead scores; the last one is that of hot leads.
fn score_band(score: u8) -> &'static str {
    match score {
        0..20 => "00-19",
        20..40 => "20-39",
        40..60 => "40-59",
        60..80 => "60-79",
        80.. => "80-100",
    }
}

/// Names of strata and the places of their candidates, in the order of their names.
type Strata = Vec<(String, Vec<usize>)>;

fn strata<'a>(candidates: &[Candidate<'a>], key: impl Fn(&Candidate<'a>) -> (&'a str, &'a str)) -> Strata {
    let mut found: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        found.entry(key(candidate)).or_default().push(place);
    }
    found
        .into_iter()
        .map(|((band, intent), places)| (format!("{band} {intent}").trim_end().to_owned(), places))
        .collect()
}

fn allocated(strata: Strata, sample: usize) -> Option<(Strata, Vec<usize>)> {
    let sizes: Vec<usize> = strata.iter().map(|(_, places)| places.len()).collect();
    allocate(&sizes, sample).map(|counts| (strata, counts))
}

/// So many of the places, at equal distances from a random start: each is as likely as any other.
fn systematic(places: &[usize], count: usize, random: &mut Random) -> impl Iterator<Item = usize> {
    let step = places.len() as f64 / count.max(1) as f64;
    let start = random.share() * step;
    (0..count).map(move |n| places[((start + n as f64 * step) as usize).min(places.len() - 1)])
}

/// Brings a random choice of so many items, in random order, to the front (Fisher and Yates).
fn shuffle<T>(items: &mut [T], count: usize, random: &mut Random) {
    for at in 0..count {
        items.swap(at, at + random.below(items.len() - at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(lead_score: u8, intent: &'static str, agent: &'static str) -> Candidate<'static> {
        Candidate { lead_score, intent, agent, duration_ms: 60_000 }
    }

    #[test]
    fn what_is_rare_is_drawn_more_often_than_its_share() {
        assert_eq!(allocate(&[8_100, 100, 1], 101), Some(vec![90, 10, 1]));
        assert_eq!(allocate(&[10_000, 4], 20), Some(vec![18, 2]));
    }

    #[test]
    fn no_more_is_drawn_than_there_is() {
        assert_eq!(allocate(&[3, 5], 100), Some(vec![3, 5]));
        assert_eq!(allocate(&[], 10), Some(vec![]));
    }

    #[test]
    fn strata_of_which_no_two_can_be_drawn_are_put_together() {
        assert_eq!(allocate(&[10, 10, 10], 5), None);
        let calls: Vec<_> =
            (0..60).map(|i| call(if i < 30 { 10 } else { 90 }, ["info", "sales", "support"][i % 3], "a")).collect();
        let names = |sample| {
            draw_stratified(&calls, sample, 1).strata.into_iter().map(|stratum| stratum.name).collect::<Vec<_>>()
        };
        assert_eq!(names(12)[..2], ["00-19 info", "00-19 sales"]);
        assert_eq!(names(11), ["00-19", "80-100"]);
        assert_eq!(names(3), ["all"]);
        assert_eq!(draw_stratified(&calls, 1, 1).drawn.len(), 1);
    }

    #[test]
    fn each_agent_has_its_share_of_a_stratum() {
        let calls: Vec<_> = (0..100).map(|i| call(50, "info", if i % 5 == 0 { "small" } else { "big" })).collect();
        for seed in 0..50 {
            let draw = draw_stratified(&calls, 20, seed);
            let small = draw.drawn.iter().filter(|drawn| calls[drawn.place].agent == "small").count();
            assert_eq!(small, 4, "seed {seed}");
        }
    }

    #[test]
    fn each_call_of_a_stratum_is_as_likely_as_any_other() {
        let calls: Vec<_> = (0..30).map(|i| call(50, "info", ["a", "b"][i % 2])).collect();
        let mut times = [0; 30];
        for seed in 0..9_000 {
            for drawn in draw_stratified(&calls, 7, seed).drawn {
                times[drawn.place] += 1;
            }
        }
        // 9000 * 7 / 30 = 2100, standard deviation 40.
        assert!(times.iter().all(|n| (1_900..2_300).contains(n)), "{times:?}");
    }

    #[test]
    fn weights_count_what_was_labelled() {
        let calls = weighted_back(&[(0, 90), (0, 90), (1, 10)]);
        assert_eq!(calls.iter().map(|call| call.weight).collect::<Vec<_>>(), [45.0, 45.0, 10.0]);
    }
}
