//! Spoken text as words, phrases and numbers: what the analyzer, the finder of personal data and the search share.

mod number_words;
mod phrases;
mod utterance;

pub use number_words::{digit_named, times_named};
pub use phrases::Phrases;
pub use utterance::{Stop, Utterance, Word, is_title, list, path_of, read, written};
