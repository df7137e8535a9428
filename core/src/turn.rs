//! What is true of every turn and tool call.

use crate::vocabulary::ROLES;

/// The columns of a turn that have rules. Times in one unit, of any epoch; latencies in milliseconds.
pub struct Turn<'a> {
    pub role: &'a str,
    pub started_at: i64,
    pub ended_at: Option<i64>,
    /// Transcription, the LLM's first token, the first byte of speech, end to end.
    pub latencies: [Option<i32>; 4],
}

/// Why a turn cannot be as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnError {
    UnknownRole,
    EndsBeforeItStarts,
    NegativeLatency,
}

impl Turn<'_> {
    pub fn check(&self) -> Result<(), TurnError> {
        if !ROLES.contains(&self.role) {
            Err(TurnError::UnknownRole)
        } else if self.ended_at.is_some_and(|end| end < self.started_at) {
            Err(TurnError::EndsBeforeItStarts)
        } else if self.latencies.iter().flatten().any(|ms| *ms < 0) {
            Err(TurnError::NegativeLatency)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_has_a_role_an_order_in_time_and_latencies_from_zero_up() {
        let turn =
            || Turn { role: "user", started_at: 5, ended_at: Some(5), latencies: [Some(0), None, Some(7), None] };
        assert_eq!(turn().check(), Ok(()));
        assert_eq!(Turn { ended_at: None, ..turn() }.check(), Ok(()));
        assert_eq!(Turn { role: "caller", ..turn() }.check(), Err(TurnError::UnknownRole));
        assert_eq!(Turn { ended_at: Some(4), ..turn() }.check(), Err(TurnError::EndsBeforeItStarts));
        assert_eq!(Turn { latencies: [None, Some(-1), None, None], ..turn() }.check(), Err(TurnError::NegativeLatency));
    }
}
