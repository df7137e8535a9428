//! A figure as a sentence, and whether its target is met.

use super::bootstrap::Estimate;

/// What a figure ought to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// Of errors.
    AtMost(f64),
    /// Of agreement.
    AtLeast(f64),
}

/// What is known of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The whole interval lies on the right side of it.
    Met,
    /// It lies within the interval, or there is no interval: label more calls.
    NotShown,
    /// The whole interval lies on the wrong side.
    Missed,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Met => "met",
            Outcome::NotShown => "not shown",
            Outcome::Missed => "missed",
        }
    }
}

impl Target {
    pub fn value(self) -> f64 {
        match self {
            Target::AtMost(value) | Target::AtLeast(value) => value,
        }
    }

    pub fn outcome(self, estimate: Option<Estimate>) -> Outcome {
        let Some(interval) = estimate.and_then(|estimate| estimate.interval) else { return Outcome::NotShown };
        let (below, above) = (interval.upper < self.value(), interval.lower > self.value());
        match self {
            Target::AtMost(_) if below => Outcome::Met,
            Target::AtMost(_) if above => Outcome::Missed,
            Target::AtLeast(_) if above => Outcome::Met,
            Target::AtLeast(_) if below => Outcome::Missed,
            _ => Outcome::NotShown,
        }
    }
}

/// `sentiment: MAE 0.13 [0.11, 0.16] on 200 calls: target 0.15 not shown`. `what`: the property, `figure`: its name.
pub fn sentence(what: &str, figure: &str, estimate: Option<Estimate>, calls: usize, target: Option<Target>) -> String {
    let noun = if calls == 1 { "call" } else { "calls" };
    let mut said = match estimate {
        None => format!("{what}: no {figure} on {calls} {noun}"),
        Some(Estimate { value, interval: None }) => {
            format!("{what}: {figure} {} on {calls} {noun}, too few for an interval", rounded(value, 2))
        }
        Some(Estimate { value, interval: Some(interval) }) => {
            let decimals = decimals(&[interval.lower, interval.upper], target);
            let [value, lower, upper] = [value, interval.lower, interval.upper].map(|x| rounded(x, decimals));
            format!("{what}: {figure} {value} [{lower}, {upper}] on {calls} {noun}")
        }
    };
    if let Some(target) = target {
        said += &format!(": target {} {}", target.value(), target.outcome(estimate).as_str());
    }
    said
}

/// Two, or as many as it takes to see on which side of the target the bounds lie; six at most.
fn decimals(bounds: &[f64], target: Option<Target>) -> usize {
    let Some(target) = target.map(Target::value) else { return 2 };
    let is_seen = |decimals: usize| {
        bounds.iter().all(|bound| {
            let shown: f64 = rounded(*bound, decimals).parse().unwrap_or(f64::NAN);
            shown.partial_cmp(&target) == bound.partial_cmp(&target)
        })
    };
    (2..6).find(|&decimals| is_seen(decimals)).unwrap_or(6)
}

/// Nothing is printed as minus nothing.
fn rounded(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|b| matches!(b, b'0' | b'.')) => digits.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::bootstrap::Interval;
    use super::*;

    fn estimate(value: f64, lower: f64, upper: f64) -> Option<Estimate> {
        Some(Estimate { value, interval: Some(Interval { lower, upper }) })
    }

    #[test]
    fn a_target_within_the_interval_is_not_shown() {
        assert_eq!(
            sentence("sentiment", "MAE", estimate(0.13, 0.11, 0.16), 200, Some(Target::AtMost(0.15))),
            "sentiment: MAE 0.13 [0.11, 0.16] on 200 calls: target 0.15 not shown"
        );
    }

    #[test]
    fn a_target_is_met_or_missed_by_the_whole_interval() {
        let said = |estimate, target| sentence("intent", "kappa", estimate, 200, Some(target));
        assert_eq!(
            said(estimate(0.81, 0.76, 0.87), Target::AtLeast(0.75)),
            "intent: kappa 0.81 [0.76, 0.87] on 200 calls: target 0.75 met"
        );
        assert_eq!(
            said(estimate(0.61, 0.52, 0.70), Target::AtLeast(0.75)),
            "intent: kappa 0.61 [0.52, 0.70] on 200 calls: target 0.75 missed"
        );
        assert_eq!(Target::AtMost(0.15).outcome(estimate(0.13, 0.11, 0.14)), Outcome::Met);
        assert_eq!(Target::AtMost(0.15).outcome(estimate(0.2, 0.16, 0.3)), Outcome::Missed);
        // A bound that is the target lies on neither side of it.
        assert_eq!(Target::AtMost(0.15).outcome(estimate(0.13, 0.11, 0.15)), Outcome::NotShown);
    }

    #[test]
    fn bounds_have_the_decimals_it_takes_to_see_why() {
        assert_eq!(
            sentence("sentiment", "MAE", estimate(0.13, 0.11, 0.1496), 200, Some(Target::AtMost(0.15))),
            "sentiment: MAE 0.1300 [0.1100, 0.1496] on 200 calls: target 0.15 met"
        );
        assert_eq!(
            sentence("lead_score", "MAE", estimate(6.2, 5.0, 7.5), 3, Some(Target::AtMost(7.625))),
            "lead_score: MAE 6.20 [5.00, 7.50] on 3 calls: target 7.625 met"
        );
    }

    #[test]
    fn what_cannot_be_said_is_not_said() {
        let single = Some(Estimate { value: -0.001, interval: None });
        assert_eq!(
            sentence("sentiment", "bias", single, 1, Some(Target::AtMost(0.1))),
            "sentiment: bias 0.00 on 1 call, too few for an interval: target 0.1 not shown"
        );
        assert_eq!(sentence("intent", "kappa", None, 0, None), "intent: no kappa on 0 calls");
        assert_eq!(
            sentence("sentiment", "bias", estimate(-0.02, -0.05, -0.001), 9, None),
            "sentiment: bias -0.02 [-0.05, 0.00] on 9 calls"
        );
    }
}
