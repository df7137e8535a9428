//! The `builtin` analyzer: no key, no network, the same answer every time. An honest baseline that makes the first
//! minute work and gives a language model something to beat. What it gets right and wrong is in `docs/analyzers.md`.

mod agreement;
mod answered_by;
mod contact;
mod intent;
mod lead;
mod name;
mod sentiment;
mod signs;
mod spanish;
mod summary;
mod vader;

use crate::analysis::{Analysis, Entities, Intent, no_conversation};
use crate::text::{self, Utterance};
use crate::transcript::{Role, Turn};

pub use lead::points as lead_rules;
pub use vader::compound as vader_compound;

/// The model named on its rows. The number changes when its answers do.
pub const MODEL: &str = "builtin/2";

/// Analyse a call by rules. `vertical` is the agent's; an unknown one is fine.
///
/// Takes time linear in the text; never fails.
pub fn analyze(turns: &[Turn], vertical: &str) -> Analysis {
    let texts: Vec<_> = turns.iter().map(text::read).collect();
    let said: Vec<Utterance> = turns.iter().zip(&texts).map(|(turn, text)| Utterance::new(turn.role, text)).collect();
    let caller: Vec<&Utterance> = said.iter().filter(|s| s.role == Role::User).collect();
    if caller.iter().all(|s| s.words.is_empty()) {
        return no_conversation();
    }

    let sentiment =
        if spanish::is_spoken(&caller) { spanish::sentiment(&caller) } else { sentiment::sentiment(&caller) };
    let reading = intent::read(&said, vertical, sentiment);
    if let Some(summary) = reading.answered_by.summary() {
        return nobody(summary);
    }
    let sentiment = if reading.intent == Intent::Complaint { sentiment::of_a_complaint(sentiment) } else { sentiment };
    let mut entities =
        Entities { name: name::name(&said), email: contact::email(&said), phone: contact::phone(&said), topic: None };
    entities.topic = summary::topic(&said, &reading);
    let lead_score = lead::score(&lead::Facts::gather(&said, &reading, &entities, sentiment));
    Analysis {
        sentiment,
        lead_score,
        intent: reading.intent,
        summary: summary::summary(&said, &reading),
        next_action: summary::next_action(&reading, &entities, lead_score),
        entities,
    }
    .shown()
}

/// The analysis of a call that no person took: what a recording says is nobody's wish, name or number.
fn nobody(summary: &str) -> Analysis {
    Analysis { summary: summary.to_owned(), ..no_conversation() }
}
