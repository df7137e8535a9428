//! Spoken text as words, phrases and numbers: what the analyzer, the finder of personal data and the search share.

mod digits;
mod number_words;
mod phrases;
mod spelling;
mod tokens;
mod utterance;

pub use digits::{digit, is_digit};
pub use number_words::{NumberWord, number_word};
pub use phrases::{Hit, Phrases};
pub use spelling::{spelled, spelled_at_end};
pub use tokens::{Token, TokenKind, digits_of, tokens};
pub use utterance::{Stop, Utterance, Word, is_title, list, path_of, read, written};
