//! A tool call as a line of the transcript.

use std::fmt;

use super::ends::cut_to;
use super::one_line;

/// Longest arguments, result or error that are shown whole, in characters.
const SHOWN_MAX_CHARS: usize = 400;
/// Longest name.
const NAME_MAX_CHARS: usize = 100;

/// A tool that the agent called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolCall {
    pub name: String,
    /// JSON, or nothing.
    pub args: String,
    /// JSON. `None`: there was none.
    pub result: Option<String>,
    /// The tool failed.
    pub error: Option<String>,
    /// Milliseconds until the tool answered.
    pub latency_ms: Option<i32>,
}

/// `book_slot {"day":"tue"} → ok {"id":7} (412 ms)`, `→ failed: …`, `→ no result`: one line. Arguments, result and error
/// that are longer than 400 characters are cut in the middle.
impl fmt::Display for ToolCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.name, NAME_MAX_CHARS))?;
        if !matches!(self.args.as_str(), "" | "{}") {
            write!(f, " {}", shown(&self.args, SHOWN_MAX_CHARS))?;
        }
        match (&self.error, &self.result) {
            (Some(error), _) => write!(f, " → failed: {}", shown(error, SHOWN_MAX_CHARS))?,
            (None, Some(result)) => write!(f, " → ok {}", shown(result, SHOWN_MAX_CHARS))?,
            (None, None) => f.write_str(" → no result")?,
        }
        self.latency_ms.map_or(Ok(()), |latency| write!(f, " ({latency} ms)"))
    }
}

/// At most `max_chars` characters on one line, without an arrow: a caller whose words are an argument ("→ ok") does not say
/// how the call went.
fn shown(text: &str, max_chars: usize) -> String {
    one_line(cut_to(text, max_chars).replace('→', ">"))
}
