//! The words and limits that SQL, Rust and the documentation share. SQL must say them too, in CHECKs, defaults and hints:
//! `tests/promises/vocabulary.rs` compares both.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The status of a call that has not ended.
pub const IN_PROGRESS: &str = "in_progress";
/// The status of a call that ended without another one being said.
pub const COMPLETED: &str = "completed";
/// What a call that has ended may be.
pub const ENDED_STATUSES: [&str; 3] = [COMPLETED, "failed", "transferred"];
/// `inbound`: the caller rang; `outbound`: the agent did.
pub const DIRECTIONS: [&str; 2] = [INBOUND, "outbound"];
/// The direction where none is said.
pub const INBOUND: &str = "inbound";
/// `user`: the caller; `assistant`: the agent; `system`: neither.
pub const ROLES: [&str; 3] = ["user", "assistant", "system"];

/// The least lead score (0 to 100) of a hot lead.
pub const HOT_LEAD_SCORE: i32 = 80;
/// The intent of a hot lead.
pub const HOT_LEAD_INTENT: Intent = Intent::Sales;

/// The most requests in flight that a setting or a tenant's limit may allow.
pub const CONCURRENCY_LIMIT: i32 = 1024;
/// The most requests a minute that a setting or a tenant's limit may allow.
pub const REQUESTS_PER_MINUTE_LIMIT: i32 = 1_000_000;

/// Words written so long after the end of a call, or after its analysis, make the analysis current again.
pub const LATE_WORDS: Duration = Duration::from_secs(600);

/// Whether a call that was judged so is a hot lead: for notifications, roll-ups, and the default of webhooks.
pub fn is_hot_lead(lead_score: i32, intent: Intent) -> bool {
    lead_score >= HOT_LEAD_SCORE && intent == HOT_LEAD_INTENT
}

/// What the caller wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Intent {
    Info,
    Booking,
    Complaint,
    Sales,
    Support,
    None,
}

impl Intent {
    /// All of them, in the order in which the prompt lists them.
    pub const ALL: [Intent; 6] =
        [Intent::Info, Intent::Booking, Intent::Complaint, Intent::Sales, Intent::Support, Intent::None];

    /// The word in the table and in the prompt.
    pub fn as_str(self) -> &'static str {
        match self {
            Intent::Info => "info",
            Intent::Booking => "booking",
            Intent::Complaint => "complaint",
            Intent::Sales => "sales",
            Intent::Support => "support",
            Intent::None => "none",
        }
    }

    /// The intent of that name; `None`: there is no such intent.
    pub fn from_word(word: &str) -> Option<Intent> {
        Intent::ALL.into_iter().find(|intent| intent.as_str() == word)
    }
}

/// Whether a call can have this status.
pub fn is_call_status(word: &str) -> bool {
    word == IN_PROGRESS || ENDED_STATUSES.contains(&word)
}
