//! Which analyzer judges a call, and the version that its analytics are stored under.

use crate::builtin;
use crate::prompt;

/// Stored as `prompt_version` of a call in which the caller said nothing: it is judged by a rule.
pub const RULE_VERSION: &str = "rule/1";

/// Who judges calls (setting `voice_analytics.analyzer`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Analyzer {
    /// The rules of [`crate::builtin`]: no key, no network.
    Builtin,
    /// A language model behind OpenAI's chat completions.
    OpenAi,
}

impl Analyzer {
    /// The setting's value as a DBA writes it.
    pub fn name(self) -> &'static str {
        match self {
            Analyzer::Builtin => "builtin",
            Analyzer::OpenAi => "openai",
        }
    }

    /// Stored as `prompt_version`. It changes whenever the same words would be judged anew.
    pub fn version(self) -> &'static str {
        match self {
            Analyzer::Builtin => builtin::MODEL,
            Analyzer::OpenAi => prompt::VERSION,
        }
    }
}
