//! Phrases to find among words, in one pass.

use foldhash::HashMap;

use super::utterance::{Stop, Word};

/// Phrases to look for, each standing for a `T`.
///
/// Written as `"speak/talk to a/the manager | refund"`: phrases between bars, `/` between alternatives of one word,
/// `*` for any one word (not the first), `.` at the end for a phrase with which the sentence or its part ends.
#[derive(Debug)]
pub struct Phrases<T> {
    by_first_word: HashMap<&'static str, Vec<(Vec<&'static str>, T)>>,
}

/// A phrase found: which one, and where its first word stands.
#[derive(Debug, Clone, Copy)]
pub struct Hit<T> {
    pub what: T,
    pub at: usize,
    pub len: usize,
}

impl<T: Copy> Phrases<T> {
    pub fn new(table: impl IntoIterator<Item = (T, &'static str)>) -> Self {
        let mut by_first_word: HashMap<&'static str, Vec<_>> = HashMap::default();
        for (what, phrases) in table {
            for phrase in phrases.split('|') {
                let mut slots = phrase.split_whitespace();
                for first in slots.next().into_iter().flat_map(|slot| slot.split('/')) {
                    by_first_word.entry(first).or_default().push((slots.clone().collect(), what));
                }
            }
        }
        Phrases { by_first_word }
    }

    /// All phrases in these words, none across the end of a sentence.
    pub fn find<'a>(&'a self, words: &'a [Word<'_>]) -> impl Iterator<Item = Hit<T>> + 'a {
        words.iter().enumerate().flat_map(move |(at, word)| {
            let candidates = self.by_first_word.get(word.lower.as_str()).map_or(&[][..], Vec::as_slice);
            candidates.iter().filter(move |(rest, _)| follows(rest, &words[at..])).map(move |(rest, what)| Hit {
                what: *what,
                at,
                len: 1 + rest.iter().filter(|slot| **slot != ".").count(),
            })
        })
    }

    pub fn are_in(&self, words: &[Word]) -> bool {
        self.find(words).next().is_some()
    }
}

/// Whether the words after the first of `words` fill the slots of `rest`.
fn follows(rest: &[&str], words: &[Word]) -> bool {
    let (rest, closed) = match rest.split_last() {
        Some((&".", rest)) => (rest, true),
        _ => (rest, false),
    };
    let closes = |last: Option<&Word>| last.is_some_and(|w| w.stop != Stop::No) || words.len() == rest.len() + 1;
    words.len() > rest.len()
        && (!closed || closes(words.get(rest.len())))
        && rest.iter().zip(words.windows(2)).all(|(slot, pair)| {
            !pair[0].ends_sentence() && (*slot == "*" || slot.split('/').any(|word| pair[1].is(word)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Utterance;
    use crate::transcript::Role;

    fn said(text: &str) -> Utterance<'_> {
        Utterance::new(Role::User, text)
    }

    #[test]
    fn phrases_have_alternatives_and_gaps_but_do_not_cross_a_full_stop() {
        let phrases = Phrases::new([(1, "speak/talk to a/the manager | buy * tickets")]);
        assert!(phrases.are_in(&said("I want to talk to the manager!").words));
        assert!(phrases.are_in(&said("buy two tickets").words));
        assert!(!phrases.are_in(&said("I'd buy. Two tickets").words));
        let closed = Phrases::new([(1, "not interested .")]);
        assert!(closed.are_in(&said("I'm not interested, bye").words) && closed.are_in(&said("not interested").words));
        assert!(!closed.are_in(&said("I'm not interested in that one").words));
    }
}
