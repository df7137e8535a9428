//! Yes, no and not.

use foldhash::HashSet;
use std::sync::LazyLock;

use crate::text::{Phrases, Utterance, Word, list};

const NEGATORS: [&str; 7] = ["not", "never", "without", "cannot", "nor", "sin", "nunca"];

/// Whether one of the three words before `at`, in its sentence, negates it. "No" does not count: on the telephone it
/// answers what was said before ("No, book the other one").
pub fn is_negated(words: &[Word], at: usize) -> bool {
    words[..at]
        .iter()
        .rev()
        .take(3)
        .take_while(|w| !w.ends_sentence())
        .any(|w| w.is_one_of(&NEGATORS) || w.lower.ends_with("n't"))
}

static YES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "yes yeah yep yup sure ok okay correct right confirm confirmed please perfect great fine \
         absolutely definitely sounds works sí claro go good",
    )
});

const LAST_YES: [&str; 6] = ["yes", "yeah", "yep", "sure", "absolutely", "definitely"];

const NO: [&str; 8] = ["no", "nope", "nah", "not", "don't", "wait", "actually", "later"];

/// Agreement without any of those words.
static YES_PHRASES: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "that's me | it is | i am | speaking . | you can | i do | do it | let's do | why not | that'll do | that is it | i'd love/be/appreciate | i would love/be/appreciate | \
         that would/that'd be/do/suit/work | would be/suit | i/we can do/make that/it | we'll/i'll be there | fine with/by me",
    )])
});

/// Where a yes and a no stand among the first words of a turn.
fn yes_and_no(said: &Utterance) -> (Option<usize>, Option<usize>) {
    let opening = &said.words[..said.words.len().min(5)];
    let yes = opening.iter().position(|w| w.is_in(&YES));
    // "If I can get him in the car, yes."
    let last = said.words.len().checked_sub(1).filter(|last| said.words[*last].is_one_of(&LAST_YES));
    let yes = yes.or(last);
    let yes = yes.or_else(|| YES_PHRASES.find(opening).next().map(|hit| hit.at));
    (yes, opening.iter().position(|w| w.is_one_of(&NO)))
}

/// Whether a turn says yes to what was said before: a yes among its first words and no refusal before it.
pub fn agrees(said: &Utterance) -> bool {
    match yes_and_no(said) {
        (Some(yes), Some(no)) => yes < no,
        (yes, _) => yes.is_some(),
    }
}

/// Whether a turn says no to what was said before.
pub fn refuses(said: &Utterance) -> bool {
    yes_and_no(said).1.is_some() && !agrees(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Role;

    #[test]
    fn a_no_that_answers_does_not_negate() {
        let negated = |text: &str, word: &str| {
            let said = Utterance::new(Role::User, text);
            is_negated(&said.words, said.words.iter().position(|w| w.is(word)).unwrap())
        };
        assert!(negated("I don't want to book", "book"));
        assert!(!negated("No, book the other one", "book"));
        assert!(!negated("I can't. Book it", "book"));
    }
}
