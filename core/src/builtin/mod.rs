//! The `builtin` analyzer: no key, no network, the same answer every time. An honest baseline that makes the first
//! minute work and gives a language model something to beat. What it gets right and wrong is in `docs/analyzers.md`.

mod agreement;
mod answered_by;
mod answers;
mod conduct;
mod contact;
mod course;
mod decided;
mod intent;
mod lead;
mod misdialled;
mod name;
mod sentiment;
mod signs;
mod slots;
mod spanish;
mod summary;
mod things;
mod vader;

use crate::analysis::{Analysis, Entities, Intent, no_conversation};
use crate::text::{self, Utterance};
use crate::transcript::{Role, Turn};

use course::Course;
pub use lead::points as lead_rules;
pub use vader::compound as vader_compound;

/// The model named on its rows. The number changes when its answers do.
pub const MODEL: &str = "builtin/4";

/// What shows one field of an analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// `sentiment`, `lead_score` or `intent`.
    pub claim: &'static str,
    /// Which of the turns, counted from 0.
    pub turn: usize,
    /// Its words around what decided.
    pub quote: String,
}

/// Analyse a call by rules, and say what decided. `vertical` is the agent's; an unknown one is fine.
///
/// Takes time linear in the text; never fails.
pub fn analyze<'t>(turns: impl IntoIterator<Item = &'t Turn>, vertical: &str) -> (Analysis, Vec<Decided>) {
    let turns: Vec<&Turn> = turns.into_iter().collect();
    let texts: Vec<_> = turns.iter().map(|turn| text::read(turn)).collect();
    let mut said: Vec<Utterance> =
        turns.iter().zip(&texts).map(|(turn, text)| Utterance::new(turn.role, text)).collect();
    // An address is read as it was written: "im at example dot com".
    let (email, phone) = (contact::email(&said), contact::phone(&said));
    said.iter_mut().for_each(Utterance::mend_contractions);
    let caller: Vec<&Utterance> = said.iter().filter(|s| s.role == Role::User).collect();
    if caller.iter().all(|s| s.words.is_empty()) {
        return (no_conversation(), Vec::new());
    }

    let is_spanish = spanish::is_spoken(&caller);
    let felt = if is_spanish { spanish::sentiment(&caller) } else { sentiment::sentiment(&caller) };
    let plain = if is_spanish { felt.sentiment } else { sentiment::plain(&caller) };
    let reading = intent::read(&said, vertical, plain);
    if let Some(summary) = reading.answered_by.summary() {
        return (nobody(summary), decided::recorded(&said, answered_by::heard_at(&said), &turns));
    }
    let of_words = match reading.intent {
        Intent::Complaint => {
            sentiment::of_a_complaint(felt.sentiment, caller.last().is_some_and(|last| sentiment::put_right(last)))
        }
        Intent::None => felt.sentiment,
        _ => sentiment::of_a_request(felt.sentiment),
    };
    let course = Course::of(&said);
    // Its signs are English.
    let sentiment = if is_spanish { of_words } else { course.felt(of_words) };
    let entities = Entities { name: name::name(&said), email, phone, topic: summary::topic(&said, &reading) };
    let facts = lead::Facts::gather(&said, &reading, &entities, sentiment);
    let lead_score = lead::score(&facts);
    let judged = decided::Judged { said: &said, felt: &felt, course: &course, sentiment, facts: &facts };
    let decided = judged.decided(&turns);
    let analysis = Analysis {
        sentiment,
        lead_score,
        intent: reading.intent,
        summary: summary::summary(&said, &reading),
        next_action: summary::next_action(&reading, &entities, lead_score),
        entities,
    };
    (analysis.shown(), decided)
}

/// The analysis of a call that no person took: what a recording says is nobody's wish, name or number.
fn nobody(summary: &str) -> Analysis {
    Analysis { summary: summary.to_owned(), ..no_conversation() }
}
