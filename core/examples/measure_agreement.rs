//! Prints how long figures of agreement take with their intervals: the best of five runs.
//!
//!   cargo run --release -p voice_core --example measure_agreement

use std::hint::black_box;
use std::time::Instant;

use voice_core::agreement::{
    Call, ClassPair, Classes, Level, NumberPair, Numbers, Random, Rating, Ratings, Resampling,
};

fn main() {
    for (count, resamples) in [(200, 2_000), (10_000, 1_000)] {
        let resampling = Resampling { resamples, ..Resampling::default() };
        let calls = vec![Call::EVEN; count];
        let mut random = Random::new(18);
        let mut share = || random.share();
        let pairs: Vec<NumberPair> = (0..count)
            .map(|call| {
                let label = (share() * 20.0).round() / 10.0 - 1.0;
                NumberPair { call, label, judged: (label + share() - 0.5).clamp(-1.0, 1.0) }
            })
            .collect();
        let numbers = Numbers::new(&calls, pairs).expect("pairs made above are of these calls");
        report("MAE, bias, RMSE, Spearman", count, resamples, || numbers.estimates(resampling));

        let class = |share: f64| (share * 6.0) as usize;
        let pairs = (0..count).map(|call| ClassPair { call, label: class(share()), judged: class(share()) }).collect();
        let classes = Classes::new(&calls, 6, pairs).expect("pairs made above are of these calls and classes");
        report("kappas, precision, recall, F1 of 6 classes", count, resamples, || classes.estimates(resampling));

        let ratings: Vec<Rating> =
            (0..3 * count).map(|at| Rating { call: at % count, value: (share() * 20.0).round() }).collect();
        for level in [Level::Nominal, Level::Ordinal, Level::Interval] {
            let ratings = Ratings::new(&calls, ratings.clone(), level).expect("ratings made above are of these calls");
            let what = format!("alpha of three people, {level:?}").to_lowercase();
            report(&what, count, resamples, || ratings.estimate(resampling));
        }
    }
}

fn report<T>(what: &str, calls: usize, resamples: usize, mut run: impl FnMut() -> T) {
    let times = (0..5).map(|_| {
        let start = Instant::now();
        black_box(run());
        start.elapsed()
    });
    let best = times.min().unwrap_or_default();
    println!("{:8.1} ms  {what}: {calls} calls, {resamples} resamples", best.as_secs_f64() * 1e3);
}
