//! Whether what a model says is shown by a quote is shown by it: the quote stands in that turn, who spoke it is one whose
//! words can show this, and the words do not dictate the answer. What does not check out is kept, marked, and counted:
//! never dropped, never trusted.

mod dictation;
mod fold;

use std::collections::HashMap;

use serde::Serialize;

use crate::answer::Claim;
use crate::transcript::{Line, Role, Said, said};

/// A claim that was checked; as JSON, `{"claim", "turn", "quote", "speaker", "supported"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    let mut folded: HashMap<u32, Folded> = HashMap::new();
    let one = |claim: &Claim| {
        let line = usize::try_from(claim.turn).ok().and_then(|number| said(lines, number));
        let supported = line.as_ref().is_some_and(|line| {
            can_show(&claim.claim, line) && {
                let folded = folded.entry(claim.turn).or_insert_with(|| Folded::of(line));
                folded.says(&claim.quote) && !folded.dictates(&claim.claim)
            }
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

/// A line as quotes of it are looked for, made once for all claims that name it.
struct Folded {
    text: String,
    /// What a quote of the whole line begins with.
    begins: String,
    is_tool: bool,
    /// Its words dictate an answer, whatever is asked.
    dictates_anything: bool,
}

impl Folded {
    fn of(line: &Said<'_>) -> Folded {
        let (text, is_tool) = (fold::fold(&line.text), line.role.is_none());
        let begins = if is_tool { "tool ".to_owned() } else { format!("{}:", fold::fold(&line.speaker).trim()) };
        let dictates_anything =
            if is_tool { dictation::is_dictated_to_a_tool(&text) } else { dictation::dictates_anything(&text) };
        Folded { text, begins, is_tool, dictates_anything }
    }

    fn says(&self, quote: &str) -> bool {
        let quote = fold::fold(quote);
        fold::core(&quote, &self.begins).is_some_and(|core| fold::stands_in(core, &self.text))
    }

    fn dictates(&self, claim: &str) -> bool {
        self.dictates_anything || (!self.is_tool && dictation::dictates(&self.text, claim))
    }
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

/// How many are not supported.
pub fn unsupported(evidence: &[Evidence]) -> usize {
    evidence.iter().filter(|evidence| !evidence.supported).count()
}

/// As it is stored: the JSON of a list of them.
pub fn to_json(evidence: &[Evidence]) -> String {
    serde_json::to_string(evidence).expect("texts, numbers and booleans are always JSON")
}
