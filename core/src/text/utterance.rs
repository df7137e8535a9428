//! What one side said in a turn, split into words and sentences.

use foldhash::HashSet;
use std::borrow::Cow;

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
pub struct Utterance<'t> {
    pub role: Role,
    pub text: &'t str,
    pub words: Vec<Word<'t>>,
}

impl<'t> Utterance<'t> {
    pub fn new(role: Role, text: &'t str) -> Self {
        let words = text.split(|c: char| c.is_whitespace() || c == '—').filter_map(Word::read).collect();
        Utterance { role, text, words }
    }

    /// Its sentences, each with the place of its first word.
    pub fn sentences(&self) -> impl Iterator<Item = (usize, &[Word<'t>])> + Clone {
        self.words.split_inclusive(|w| w.ends_sentence()).scan(0, |start, sentence| {
            let at = *start;
            *start += sentence.len();
            Some((at, sentence))
        })
    }

    /// Give contractions that were written without their apostrophe one, in [`Word::lower`]: "dont" is "don't".
    pub fn mend_contractions(&mut self) {
        for word in &mut self.words {
            if let Some(contraction) = contraction(&word.lower) {
                word.lower.clear();
                word.lower.push_str(contraction);
            }
        }
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

/// The contraction that recognisers write so. Not those that are other words too ("its", "ill", "were", "id").
fn contraction(lower: &str) -> Option<&'static str> {
    if !(2..=8).contains(&lower.len()) || !lower.ends_with(['t', 'm', 'e', 's']) {
        return None;
    }
    Some(match lower {
        "dont" => "don't",
        "doesnt" => "doesn't",
        "didnt" => "didn't",
        "cant" => "can't",
        "couldnt" => "couldn't",
        "wont" => "won't",
        "wouldnt" => "wouldn't",
        "shouldnt" => "shouldn't",
        "isnt" => "isn't",
        "arent" => "aren't",
        "wasnt" => "wasn't",
        "werent" => "weren't",
        "hasnt" => "hasn't",
        "havent" => "haven't",
        "hadnt" => "hadn't",
        "im" => "i'm",
        "ive" => "i've",
        "youre" => "you're",
        "youve" => "you've",
        "weve" => "we've",
        "theyre" => "they're",
        "theyve" => "they've",
        "thats" => "that's",
        "whats" => "what's",
        "wheres" => "where's",
        "theres" => "there's",
        "whos" => "who's",
        "hes" => "he's",
        "shes" => "she's",
        _ => return None,
    })
}

/// "Mr." does not end a sentence.
pub fn is_title(lower: &str) -> bool {
    ["mr", "mrs", "ms", "miss", "dr", "sr", "sra", "señor", "señora"].contains(&lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Utterance<'_> {
        Utterance::new(Role::User, text)
    }

    #[test]
    fn contractions_are_given_their_apostrophe() {
        let mut said = said("i cant say, it doesn’t load and thats its fault");
        said.mend_contractions();
        let lower: Vec<&str> = said.words.iter().map(|word| word.lower.as_str()).collect();
        assert_eq!(lower[1], "can't");
        assert_eq!(lower[4], "doesn't");
        assert_eq!(lower[7..], ["that's", "its", "fault"]);
    }

    #[test]
    fn sentences_keep_titles_and_split_at_dashes() {
        let said = said("Ask for Mr. Hale—he's in. Is he?");
        let sentences: Vec<_> = said.sentences().map(|(_, s)| written(said.text, s)).collect();
        assert_eq!(sentences, ["Ask for Mr. Hale—he's in.", "Is he?"]);
    }

    #[test]
    fn a_huge_turn_is_read_at_its_two_ends() {
        let turn = Turn { role: Role::User, speaker: None, text: format!("first {} last", "é".repeat(5_000_000)) };
        let text = read(&turn);
        assert!(text.len() < 40_000 && text.starts_with("first") && text.ends_with("last"));
    }
}
