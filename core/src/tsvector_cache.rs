//! Search documents from words that were looked up before.
//!
//! `to_tsvector()` is the dearest thing that a settle does, and calls say the same few thousand words over and over. What
//! the server makes of a piece of text is asked for once and remembered; a document is put together from that, and is the
//! one that `to_tsvector()` would have made (tests/promises/searching.rs compares them).
//!
//! That holds because the server's default parser begins anew after a blank, except within a tag: text with a `<` is left
//! to the server whole, and so is text that begins with a sign, which after a blank would be part of the blank. And because its dictionaries look at one word at a time, but for `thesaurus`, which the worker
//! checks before it uses this.

use foldhash::{HashMap, HashSet};

use crate::tsvector::{self, PLACE_MAX};

/// Pieces remembered: a language's spoken vocabulary, several times over. One more, and all are forgotten.
const CAPACITY: usize = 50_000;
/// Longer ones are rare, and not worth a place.
const PIECE_MAX: usize = 64;

/// What the server has made of pieces of text, by one configuration.
#[derive(Default)]
pub struct TsvectorCache {
    pieces: HashMap<Box<str>, Entry>,
    ids: HashMap<Box<str>, u32>,
    lexemes: Vec<Box<str>>,
}

struct Entry {
    /// Lexemes by number, with their places from 1.
    lexemes: Box<[(u32, u16)]>,
    /// How many places the piece takes: words that are not searched for count.
    takes: u16,
}

/// A text whose document is wanted.
#[derive(Debug, PartialEq, Eq)]
pub enum Document {
    /// What follows a tsvector's length word.
    Ready(Vec<u8>),
    /// One of its pieces is not known.
    Unknown,
    /// This is for the server to read.
    Unfit,
}

impl TsvectorCache {
    /// The pieces of the texts that are not known yet.
    pub fn missing_of<'t>(&self, texts: &[&'t str]) -> HashSet<&'t str> {
        let fit = texts.iter().filter(|text| by_pieces(text));
        fit.flat_map(|text| pieces(text))
            .filter(|piece| piece.len() <= PIECE_MAX && !self.pieces.contains_key(*piece))
            .collect()
    }

    /// Remembers what the server said of a piece: its lexemes with their places from 1, and how many places it takes.
    pub fn learn(&mut self, piece: &str, lexemes: &[(String, u16)], takes: u16) {
        let lexemes = lexemes.iter().map(|(lexeme, place)| (self.number_of(lexeme), *place)).collect();
        self.pieces.insert(piece.into(), Entry { lexemes, takes });
    }

    /// Whether everything had to be forgotten to make room for so many more.
    pub fn make_room(&mut self, more: usize) -> bool {
        let full = self.pieces.len() + more > CAPACITY;
        if full {
            *self = TsvectorCache::default();
        }
        full
    }

    /// The document of a text, with these further lexemes, which have no place.
    pub fn document(&self, text: &str, more: &[String]) -> Document {
        if !by_pieces(text) {
            return Document::Unfit;
        }
        let mut found: Vec<(u32, u16)> = Vec::with_capacity(text.len() / 6);
        let mut before = 0;
        for piece in pieces(text) {
            let Some(entry) = self.pieces.get(piece) else {
                return if piece.len() > PIECE_MAX { Document::Unfit } else { Document::Unknown };
            };
            let takes = usize::from(entry.takes);
            if before + takes >= usize::from(PLACE_MAX) {
                return Document::Unfit;
            }
            found.extend(entry.lexemes.iter().map(|(lexeme, place)| (*lexeme, before as u16 + place)));
            before += takes;
        }
        found.sort_unstable();
        found.dedup();
        let places: Vec<u16> = found.iter().map(|(_, place)| *place).collect();
        let mut lexemes: Vec<(&str, &[u16])> = Vec::with_capacity(found.len() + more.len());
        let mut begin = 0;
        for same in found.chunk_by(|a, b| a.0 == b.0) {
            let end = begin + same.len();
            lexemes.push((&self.lexemes[same[0].0 as usize], &places[begin..end]));
            begin = end;
        }
        lexemes.extend(more.iter().map(|lexeme| (lexeme.as_str(), &[][..])));
        tsvector::encode(lexemes).map_or(Document::Unfit, Document::Ready)
    }

    fn number_of(&mut self, lexeme: &str) -> u32 {
        if let Some(number) = self.ids.get(lexeme) {
            return *number;
        }
        let number = self.lexemes.len() as u32;
        self.lexemes.push(lexeme.into());
        self.ids.insert(lexeme.into(), number);
        number
    }
}

fn by_pieces(text: &str) -> bool {
    !text.contains('<') && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// What lies between blanks, without what introduces or ends a plain word or number: that stands for nothing. (Two full
/// stops do not: the parser takes them for part of a file's name.)
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\n', '\t', '\r']).map(plain).filter(|piece| !piece.is_empty())
}

fn plain(piece: &str) -> &str {
    let core = piece.trim_start_matches(['"', '\'', '(']);
    let core = core.strip_suffix(['.', ',', '?', '!', ';', ':']).unwrap_or(core);
    if core.bytes().all(|b| b.is_ascii_alphanumeric()) { core } else { piece }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cached() -> TsvectorCache {
        let mut cache = TsvectorCache::default();
        cache.learn("The", &[], 1);
        cache.learn("cat's", &[("cat".into(), 1), ("s".into(), 2)], 2);
        cache.learn("cat", &[("cat".into(), 1)], 1);
        cache.learn("--", &[], 0);
        cache
    }

    fn document(text: &str, more: &[&str]) -> Document {
        let more: Vec<String> = more.iter().map(|&lexeme| lexeme.to_owned()).collect();
        cached().document(text, &more)
    }

    #[test]
    fn words_stand_where_the_server_would_put_them() {
        let expected = tsvector::encode(vec![("cat", &[2, 4, 6]), ("s", &[3])]).unwrap();
        assert_eq!(document("The cat's -- \"cat,\nThe cat.", &[]), Document::Ready(expected));
    }

    #[test]
    fn further_lexemes_have_no_place_of_their_own() {
        let expected = tsvector::encode(vec![("cat", &[2]), ("#2410", &[])]).unwrap();
        assert_eq!(document("The cat", &["#2410", "cat"]), Document::Ready(expected));
    }

    #[test]
    fn what_is_not_known_or_may_be_a_tag_is_left_to_the_server() {
        assert_eq!(document("The dog", &[]), Document::Unknown);
        assert_eq!(document(&format!("The {}", "x".repeat(PIECE_MAX + 1)), &[]), Document::Unfit);
        assert_eq!(document("The <cat cat>", &[]), Document::Unfit);
        assert_eq!(document("-- The cat", &[]), Document::Unfit);
        let texts = ["The dog, the (cat e-mail. dog..", "<b"];
        assert_eq!(cached().missing_of(&texts), HashSet::from_iter(["dog", "the", "e-mail.", "dog.."]));
    }

    #[test]
    fn places_end_where_those_of_a_tsvector_do() {
        let words = |n| vec!["cat"; n].join(" ");
        assert!(matches!(document(&words(usize::from(PLACE_MAX) - 1), &[]), Document::Ready(_)));
        assert_eq!(document(&words(usize::from(PLACE_MAX)), &[]), Document::Unfit);
    }

    #[test]
    fn it_forgets_before_it_grows_too_large() {
        let mut cache = cached();
        assert!(!cache.make_room(10));
        assert_eq!(cache.pieces.len(), 4);
        assert!(cache.make_room(CAPACITY));
        assert!(cache.pieces.is_empty() && cache.lexemes.is_empty());
    }
}
