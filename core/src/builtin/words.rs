//! Turns as words, and phrases to find in them. All of it in one pass over the text.

use foldhash::{HashMap, HashSet};
use std::borrow::Cow;
use std::sync::LazyLock;

use crate::transcript::{Role, Turn};

/// Words in one string, as a set.
pub fn list(words: &'static str) -> HashSet<&'static str> {
    words.split_whitespace().collect()
}

/// What is read of one turn at each of its ends, in bytes. Nobody says 32 kB in one breath: what is longer was pasted
/// or is noise, and its middle is not worth the memory.
const READ_AT_EACH_END: usize = 16 * 1024;

/// The text of a turn as far as it is read.
pub fn read(turn: &Turn) -> Cow<'_, str> {
    let text = turn.text.as_str();
    if text.len() <= 2 * READ_AT_EACH_END {
        return Cow::Borrowed(text);
    }
    let head = text.floor_char_boundary(READ_AT_EACH_END);
    let tail = text.ceil_char_boundary(text.len() - READ_AT_EACH_END);
    Cow::Owned(format!("{} … {}", &text[..head], &text[tail..]))
}

/// A turn, read.
#[derive(Debug)]
pub struct Said<'t> {
    pub role: Role,
    pub text: &'t str,
    pub words: Vec<Word<'t>>,
}

impl<'t> Said<'t> {
    pub fn new(role: Role, text: &'t str) -> Self {
        let words = text.split(|c: char| c.is_whitespace() || c == '—').filter_map(Word::read).collect();
        Said { role, text, words }
    }

    /// Its sentences, each with the place of its first word.
    pub fn sentences(&self) -> impl Iterator<Item = (usize, &[Word<'t>])> + Clone {
        self.words.split_inclusive(|w| w.ends_sentence()).scan(0, |start, sentence| {
            let at = *start;
            *start += sentence.len();
            Some((at, sentence))
        })
    }

    pub fn asks(&self) -> bool {
        self.words.iter().any(|w| w.stop == Stop::Question)
    }
}

/// The sentence of these words as it was written.
pub fn written<'t>(text: &'t str, sentence: &[Word<'t>]) -> &'t str {
    match (sentence.first(), sentence.last()) {
        (Some(first), Some(last)) => &text[path_of(text, first.token)..path_of(text, last.token) + last.token.len()],
        _ => "",
    }
}

/// Where a part of a text begins in it, in bytes.
pub fn path_of(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

/// What the punctuation after a word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    No,
    Pause,
    End,
    Question,
}

/// A word: as written, without its punctuation, and in lower case with a straight apostrophe.
#[derive(Debug)]
pub struct Word<'t> {
    pub token: &'t str,
    pub bare: &'t str,
    pub lower: String,
    pub stop: Stop,
}

impl<'t> Word<'t> {
    fn read(token: &'t str) -> Option<Self> {
        let bare = token.trim_matches(|c: char| !c.is_alphanumeric());
        if bare.is_empty() {
            return None;
        }
        let mut lower = bare.to_lowercase();
        if lower.contains('’') {
            lower = lower.replace('’', "'");
        }
        let after = token.rsplit_once(bare).map_or("", |(_, after)| after);
        let stop = if after.contains('?') {
            Stop::Question
        } else if after.contains(['!', '…']) || (after.contains('.') && !is_title(&lower)) {
            Stop::End
        } else if after.contains([',', ';', ':', '-']) {
            Stop::Pause
        } else {
            Stop::No
        };
        Some(Word { token, bare, lower, stop })
    }

    pub fn is(&self, word: &str) -> bool {
        self.lower == word
    }

    pub fn is_one_of(&self, words: &[&str]) -> bool {
        words.contains(&self.lower.as_str())
    }

    pub fn is_in(&self, list: &HashSet<&str>) -> bool {
        list.contains(self.lower.as_str())
    }

    pub fn ends_sentence(&self) -> bool {
        matches!(self.stop, Stop::End | Stop::Question)
    }

    pub fn is_capitalised(&self) -> bool {
        self.bare.starts_with(char::is_uppercase)
    }
}

/// "Mr." does not end a sentence.
pub fn is_title(lower: &str) -> bool {
    ["mr", "mrs", "ms", "miss", "dr", "sr", "sra", "señor", "señora"].contains(&lower)
}

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

const NO: [&str; 8] = ["no", "nope", "nah", "not", "don't", "wait", "actually", "later"];

/// Agreement without any of those words.
static YES_PHRASES: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "that's me | it is | i am | speaking . | you can | i do | do it | let's do | why not | that'll do | that is it",
    )])
});

/// Where a yes and a no stand among the first words of a turn.
fn yes_and_no(said: &Said) -> (Option<usize>, Option<usize>) {
    let opening = &said.words[..said.words.len().min(5)];
    let yes = opening.iter().position(|w| w.is_in(&YES));
    let yes = yes.or_else(|| YES_PHRASES.find(opening).next().map(|hit| hit.at));
    (yes, opening.iter().position(|w| w.is_one_of(&NO)))
}

/// Whether a turn says yes to what was said before: a yes among its first words and no refusal before it.
pub fn agrees(said: &Said) -> bool {
    match yes_and_no(said) {
        (Some(yes), Some(no)) => yes < no,
        (yes, _) => yes.is_some(),
    }
}

/// Whether a turn says no to what was said before.
pub fn refuses(said: &Said) -> bool {
    yes_and_no(said).1.is_some() && !agrees(said)
}

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

    fn said(text: &str) -> Said<'_> {
        Said::new(Role::User, text)
    }

    #[test]
    fn sentences_keep_titles_and_split_at_dashes() {
        let said = said("Ask for Mr. Hale—he's in. Is he?");
        let sentences: Vec<_> = said.sentences().map(|(_, s)| written(said.text, s)).collect();
        assert_eq!(sentences, ["Ask for Mr. Hale—he's in.", "Is he?"]);
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

    #[test]
    fn a_no_that_answers_does_not_negate() {
        let negated = |text: &str, word: &str| {
            let said = said(text);
            is_negated(&said.words, said.words.iter().position(|w| w.is(word)).unwrap())
        };
        assert!(negated("I don't want to book", "book"));
        assert!(!negated("No, book the other one", "book"));
        assert!(!negated("I can't. Book it", "book"));
    }

    #[test]
    fn a_huge_turn_is_read_at_its_two_ends() {
        let turn = Turn { role: Role::User, speaker: None, text: format!("first {} last", "é".repeat(5_000_000)) };
        let text = read(&turn);
        assert!(text.len() < 40_000 && text.starts_with("first") && text.ends_with("last"));
    }
}
