//! Telling others that a call was analysed, or an alert raised: what is said, how it is signed (Standard Webhooks), where it may
//! go, and when to try again.

pub mod address;
pub mod alert_body;
pub mod body;
pub mod delivery;
pub mod live_body;
pub mod retry;
pub mod secret;
pub mod url;

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// What can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    LeadHot,
    CallAnalyzed,
    /// A call that the webhook was told of is judged differently now.
    CallUpdated,
    /// A call in progress was looked at.
    CallLive,
    /// A look at a call in progress raised an alert.
    CallAlert,
    /// A rate that is watched is on the wrong side of its threshold.
    AlertRaised,
    /// It is back, or nothing is known of it any more.
    AlertCleared,
}

impl Event {
    pub const ALL: [Event; 7] = [
        Event::LeadHot,
        Event::CallAnalyzed,
        Event::CallUpdated,
        Event::CallLive,
        Event::CallAlert,
        Event::AlertRaised,
        Event::AlertCleared,
    ];

    /// Its name in the table and in the payload.
    pub fn as_str(self) -> &'static str {
        match self {
            Event::LeadHot => "lead.hot",
            Event::CallAnalyzed => "call.analyzed",
            Event::CallUpdated => "call.updated",
            Event::CallLive => "call.live",
            Event::CallAlert => "call.alert",
            Event::AlertRaised => "alert.raised",
            Event::AlertCleared => "alert.cleared",
        }
    }

    /// Whether its payload has the results of the tenant's analyses.
    pub fn carries_results(self) -> bool {
        matches!(self, Event::CallAnalyzed | Event::CallUpdated)
    }

    /// Whether it is of a call in progress.
    pub fn is_live(self) -> bool {
        matches!(self, Event::CallLive | Event::CallAlert)
    }

    /// Whether it is of an alert, and of no call.
    pub fn is_of_alert(self) -> bool {
        matches!(self, Event::AlertRaised | Event::AlertCleared)
    }

    pub fn from_word(word: &str) -> Option<Event> {
        Event::ALL.into_iter().find(|event| event.as_str() == word)
    }
}

/// How it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Standard,
    Slack,
}

impl Format {
    pub fn from_word(word: &str) -> Option<Format> {
        match word {
            "standard" => Some(Format::Standard),
            "slack" => Some(Format::Slack),
            _ => None,
        }
    }
}

/// The `webhook-id`: of one event of one call (or of one alert, by the id of its row) for one webhook, whoever sends it and how
/// often. It has no full stop, which separates the parts of what is signed.
pub fn message_id(call_id: &[u8; 16], webhook_id: &[u8; 16], event: &str) -> String {
    let hash = Sha256::new().chain_update(call_id).chain_update(webhook_id).chain_update(event).finalize();
    hash[..16].iter().fold(String::from("msg_"), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_keeps_its_id_and_shares_it_with_no_other() {
        let (call, other, webhook) = ([1; 16], [2; 16], [3; 16]);
        let id = message_id(&call, &webhook, "lead.hot");
        assert_eq!(id, message_id(&call, &webhook, "lead.hot"));
        assert_eq!((id.len(), id.contains('.')), (36, false));
        for another in [
            message_id(&other, &webhook, "lead.hot"),
            message_id(&call, &other, "lead.hot"),
            message_id(&webhook, &call, "lead.hot"),
            message_id(&call, &webhook, "call.analyzed"),
        ] {
            assert_ne!(id, another);
        }
    }
}
