//! How much a call's judgements contradict each other: people learn most from labelling those where the score is highest.

use serde_json::Value;

/// One judgement of a call, as far as it can be compared with others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judgement<'a> {
    /// -1 to 1.
    pub sentiment: Option<f64>,
    /// 0 to 100.
    pub lead_score: Option<f64>,
    pub intent: Option<&'a str>,
    /// Analysis, criterion and its verdict.
    pub verdicts: Vec<(&'a str, &'a str, &'a str)>,
}

impl<'a> Judgement<'a> {
    /// Reads the form of `voice.trial_result.before` and `after`; what has another form is left out. `analysis`: its name,
    /// empty for the fixed row. Verdicts that are `unknown` contradict nothing.
    pub fn from_stored(analysis: &'a str, stored: &'a Value) -> Judgement<'a> {
        let criteria = stored["criteria"].as_object();
        let verdicts = criteria
            .into_iter()
            .flatten()
            .filter_map(|(name, criterion)| Some((analysis, name.as_str(), criterion["verdict"].as_str()?)))
            .filter(|(_, _, verdict)| *verdict != "unknown")
            .collect();
        Judgement {
            sentiment: stored["sentiment"].as_f64(),
            lead_score: stored["lead_score"].as_f64(),
            intent: stored["intent"].as_str(),
            verdicts,
        }
    }
}

/// The doubt of a call, 0 to 1: one less the product of what each of these leaves of certainty.
/// - sentiment and lead score: how far the judgements lie apart, of the whole range;
/// - intent: the share of pairs of judgements that differ;
/// - criteria: the same, the mean over those that were judged twice or more;
/// - evidence: the share of claims that do not stand in the transcript as quoted.
pub fn doubt(judgements: &[Judgement<'_>], claims: u32, unsupported: u32) -> f64 {
    let numbers = |of: fn(&Judgement<'_>) -> Option<f64>, range: f64| {
        let found = judgements.iter().filter_map(of).filter(|value| value.is_finite());
        let (low, high) = found.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        if low <= high { (high - low) / range } else { 0.0 }
    };
    let mut intents: Vec<&str> = judgements.iter().filter_map(|judgement| judgement.intent).collect();
    let parts = [
        numbers(|judgement| judgement.sentiment, 2.0),
        numbers(|judgement| judgement.lead_score, 100.0),
        differing_pairs(&mut intents).unwrap_or(0.0),
        of_criteria(judgements),
        f64::from(unsupported.min(claims)) / f64::from(claims.max(1)),
    ];
    1.0 - parts.into_iter().map(|part| 1.0 - part.clamp(0.0, 1.0)).product::<f64>()
}

fn of_criteria(judgements: &[Judgement<'_>]) -> f64 {
    let mut verdicts: Vec<_> = judgements.iter().flat_map(|judgement| judgement.verdicts.iter().copied()).collect();
    verdicts.sort_unstable();
    let (mut criteria, mut sum) = (0.0, 0.0);
    for same in verdicts.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let mut verdicts: Vec<&str> = same.iter().map(|(_, _, verdict)| *verdict).collect();
        if let Some(share) = differing_pairs(&mut verdicts) {
            criteria += 1.0;
            sum += share;
        }
    }
    if criteria > 0.0 { sum / criteria } else { 0.0 }
}

/// The share of pairs that differ; `None`: there is no pair.
fn differing_pairs(values: &mut [&str]) -> Option<f64> {
    let pairs = |n: usize| (n * n.saturating_sub(1) / 2) as f64;
    values.sort_unstable();
    let same: f64 = values.chunk_by(|a, b| a == b).map(|run| pairs(run.len())).sum();
    let all = pairs(values.len());
    (all > 0.0).then(|| 1.0 - same / all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn judgements_that_agree_leave_no_doubt() {
        let stored = json!({"sentiment": 0.4, "lead_score": 80, "intent": "sales"});
        let judgement = Judgement::from_stored("", &stored);
        assert_eq!(doubt(&[judgement.clone(), judgement], 3, 0), 0.0);
        assert_eq!(doubt(&[], 0, 0), 0.0);
        // One judgement contradicts nothing.
        assert_eq!(doubt(&[Judgement { intent: Some("info"), ..Judgement::default() }], 0, 0), 0.0);
    }

    #[test]
    fn opposite_intents_are_all_the_doubt_there_is() {
        let of = |intent| Judgement { intent: Some(intent), ..Judgement::default() };
        assert_eq!(doubt(&[of("info"), of("sales")], 0, 0), 1.0);
        let two_of_three = doubt(&[of("info"), of("sales"), of("info")], 0, 0);
        assert!((two_of_three - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn small_contradictions_add_up() {
        let of = |sentiment, lead_score| Judgement {
            sentiment: Some(sentiment),
            lead_score: Some(lead_score),
            ..Judgement::default()
        };
        // 0.2 of sentiment's range, 0.5 of the score's, 1 of 4 claims: 1 - 0.8 * 0.5 * 0.75.
        let found = doubt(&[of(0.1, 40.0), of(0.5, 90.0)], 4, 1);
        assert!((found - 0.7).abs() < 1e-12, "{found}");
    }

    #[test]
    fn criteria_of_two_analyses_are_not_compared() {
        let pass = json!({"criteria": {"greeting": {"verdict": "pass"}, "clarity": {"verdict": "unknown"}}});
        let fail = json!({"criteria": {"greeting": {"verdict": "fail"}, "clarity": {"verdict": "fail"}}});
        let (booking, support) = (Judgement::from_stored("booking", &pass), Judgement::from_stored("support", &fail));
        assert_eq!(doubt(&[booking.clone(), support], 0, 0), 0.0);
        assert_eq!(doubt(&[booking, Judgement::from_stored("booking", &fail)], 0, 0), 1.0);
    }
}
