//! Phrases to find among words, in one pass.

use foldhash::HashMap;

use super::utterance::{Stop, Word};

/// Phrases to look for, each standing for a `T`.
///
/// Written as `"speak/talk to a/the manager | refund"`: phrases between bars, `/` between alternatives of one word,
/// `*` for any one word (not the first), `.` at the end for a phrase with which the sentence or its part ends.
#[derive(Debug)]
pub struct Phrases<T> {
    by_first_word: HashMap<&'static str, Phrasing<T>>,
}

/// The phrases that begin with one word. Dozens begin with "my": by the word after it few are left to look at.
#[derive(Debug)]
struct Phrasing<T> {
    by_second_word: HashMap<&'static str, Vec<Phrase<T>>>,
    /// Phrases of one word, or with any word after the first.
    others: Vec<Phrase<T>>,
}

/// A phrase after its first word.
#[derive(Debug, Clone)]
struct Phrase<T> {
    rest: Vec<Slot>,
    /// With its last word the sentence ends, or its part.
    closed: bool,
    what: T,
}

/// What one word of a phrase may be: any of these; none are listed for any word.
type Slot = Box<[&'static str]>;

impl<T: Clone> Phrasing<T> {
    fn add(&mut self, phrase: Phrase<T>) {
        match phrase.rest.first() {
            Some(seconds) if !seconds.is_empty() => {
                for second in seconds.clone() {
                    self.by_second_word.entry(second).or_default().push(phrase.clone());
                }
            }
            _ => self.others.push(phrase),
        }
    }

    fn candidates(&self, second: Option<&Word>) -> impl Iterator<Item = &Phrase<T>> {
        let known = second.and_then(|second| self.by_second_word.get(second.lower.as_str()));
        self.others.iter().chain(known.into_iter().flatten())
    }
}

impl<T> Phrase<T> {
    fn read(mut slots: Vec<&'static str>, what: T) -> Self {
        let closed = slots.last() == Some(&".");
        slots.truncate(slots.len() - usize::from(closed));
        let words = |slot: &'static str| if slot == "*" { Box::default() } else { slot.split('/').collect() };
        Phrase { rest: slots.into_iter().map(words).collect(), closed, what }
    }

    /// Whether the words after the first of `words` fill the slots.
    fn follows(&self, words: &[Word]) -> bool {
        let len = self.rest.len();
        let fits = |slot: &Slot, word: &Word| slot.is_empty() || slot.iter().any(|known| word.lower == *known);
        words.len() > len
            && self
                .rest
                .iter()
                .zip(words.windows(2))
                .all(|(slot, pair)| !pair[0].ends_sentence() && fits(slot, &pair[1]))
            && (!self.closed || words[len].stop != Stop::No || words.len() == len + 1)
    }
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
        let mut by_first_word: HashMap<&'static str, Phrasing<T>> = HashMap::default();
        for (what, phrases) in table {
            for phrase in phrases.split('|') {
                let mut slots = phrase.split_whitespace();
                let Some(first) = slots.next() else { continue };
                let phrase = Phrase::read(slots.collect(), what);
                for first in first.split('/') {
                    let none = || Phrasing { by_second_word: HashMap::default(), others: Vec::new() };
                    by_first_word.entry(first).or_insert_with(none).add(phrase.clone());
                }
            }
        }
        Phrases { by_first_word }
    }

    /// All phrases in these words, none across the end of a sentence.
    pub fn find<'a>(&'a self, words: &'a [Word<'_>]) -> impl Iterator<Item = Hit<T>> + 'a {
        words.iter().enumerate().flat_map(move |(at, word)| {
            let phrasing = self.by_first_word.get(word.lower.as_str());
            let candidates = phrasing.into_iter().flat_map(move |phrasing| phrasing.candidates(words.get(at + 1)));
            let found = candidates.filter(move |phrase| phrase.follows(&words[at..]));
            found.map(move |phrase| Hit { what: phrase.what, at, len: 1 + phrase.rest.len() })
        })
    }

    pub fn are_in(&self, words: &[Word]) -> bool {
        self.find(words).next().is_some()
    }
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
