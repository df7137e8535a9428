//! Whether what a model says is shown by a quote is shown by it: the quote stands in that turn, who spoke it is one whose
//! words can show this, and the words do not dictate the answer. What does not check out is kept, marked, and counted:
//! never dropped, never trusted.

mod dictation;
mod fold;

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::answer::Claim;
use crate::transcript::{Line, Role, Said, said};

/// A claim that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What it is about: `sentiment`, `values.day`, `criteria.greeting`.
    pub claim: String,
    pub turn: u32,
    pub quote: String,
    /// Who spoke that turn; `None`: there is no such turn.
    pub speaker: Option<String>,
    pub supported: bool,
}

/// Checks each claim against the lines. Both must be as the model saw them: placeholders of redaction are put back
/// afterwards, by [`crate::redact::PlaceholderMap::resolve_evidence`]. Takes time linear in the lines that are named.
///
/// White space, case, and the form of quotation marks, dashes and ellipses make no difference, nor does punctuation around
/// the quote. A quote of less than two letters or digits shows nothing.
pub fn check(claims: &[Claim], lines: &[Line]) -> Vec<Evidence> {
    let mut folded: HashMap<u32, String> = HashMap::new();
    let one = |claim: &Claim| {
        let line = usize::try_from(claim.turn).ok().and_then(|number| said(lines, number));
        let supported = line.as_ref().is_some_and(|line| {
            let text = folded.entry(claim.turn).or_insert_with(|| fold::fold(&line.text));
            can_show(&claim.claim, line) && is_said(&claim.quote, line, text) && !is_dictated(&claim.claim, line, text)
        });
        Evidence {
            claim: claim.claim.clone(),
            turn: claim.turn,
            quote: claim.quote.clone(),
            speaker: line.map(|line| line.speaker.into_owned()),
            supported,
        }
    };
    claims.iter().map(one).collect()
}

/// Whether who spoke the line can show this. How the caller feels is shown by the caller; what the fixed fields say of the
/// call, by what was said or done in it. A system turn is neither.
fn can_show(claim: &str, line: &Said<'_>) -> bool {
    match claim {
        "sentiment" => line.role == Some(Role::User),
        "lead_score" | "intent" => line.role != Some(Role::System),
        _ => true,
    }
}

/// `text`: the line's, folded.
fn is_said(quote: &str, line: &Said<'_>, text: &str) -> bool {
    let quote = fold::fold(quote);
    let begins =
        if line.role.is_none() { "tool ".to_owned() } else { format!("{}:", fold::fold(&line.speaker).trim()) };
    fold::core(&quote, &begins).is_some_and(|core| fold::stands_in(core, text))
}

/// `text`: the line's, folded.
fn is_dictated(claim: &str, line: &Said<'_>, text: &str) -> bool {
    match line.role {
        Some(_) => dictation::is_dictated(text, claim),
        None => dictation::is_dictated_to_a_tool(text),
    }
}

/// How many are not supported.
pub fn unsupported(evidence: &[Evidence]) -> usize {
    evidence.iter().filter(|evidence| !evidence.supported).count()
}

/// As it is stored: a list of `{"claim", "turn", "quote", "speaker", "supported"}`.
pub fn to_json(evidence: &[Evidence]) -> Value {
    let one = |e: &Evidence| json!({"claim": e.claim, "turn": e.turn, "quote": e.quote, "speaker": e.speaker, "supported": e.supported});
    evidence.iter().map(one).collect()
}
