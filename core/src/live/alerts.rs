//! When a supervisor is told of a call that goes on.

use crate::answer::DefinitionAnswer;
use crate::definition::Verdict;

/// A sentiment below this is low.
pub const LOW_SENTIMENT: f64 = -0.6;
/// So many looks in a row with a low sentiment raise an alert.
pub const LOW_LOOKS: i16 = 2;

/// What is known of a call by its looks so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Looks in a row with a low sentiment.
    pub low_looks: i16,
    /// What alerts were raised for: `sentiment`, `criteria.<analysis>.<criterion>`. Each is raised once a call.
    pub alerts: Vec<String>,
}

impl Standing {
    /// Takes a look. Gives whether it raised an alert.
    pub fn take(&mut self, sentiment: Option<f64>, results: &[DefinitionAnswer]) -> bool {
        self.low_looks = match sentiment.is_some_and(|sentiment| sentiment < LOW_SENTIMENT) {
            true => self.low_looks.saturating_add(1),
            false => 0,
        };
        let low = (self.low_looks >= LOW_LOOKS).then(|| "sentiment".to_owned());
        let failed = results.iter().flat_map(|result| {
            let failed = result.criteria.iter().filter(|criterion| criterion.verdict == Verdict::Fail);
            failed.map(|criterion| format!("criteria.{}.{}", result.name, criterion.name))
        });
        let before = self.alerts.len();
        for alert in low.into_iter().chain(failed) {
            if !self.alerts.contains(&alert) {
                self.alerts.push(alert);
            }
        }
        self.alerts.len() > before
    }
}
