//! Numbers and codes in search: `212-555-0142`, `(212) 555 0142` and "two one two, five five five …" are one number, and a
//! part of a code is found as well as the whole. The parser of PostgreSQL knows none of that (it reads `-0142` as a
//! negative integer), so documents have lexemes more, and a query asks for them beside its own words.

mod lexemes;
mod query;

pub use lexemes::{lexemes, matching, mentions};
pub use query::{Piece, pieces};

/// Begins the lexeme of a number; no configuration makes such a word. The digits follow from the last to the first, so
/// that the end of a number is the beginning of its lexeme: `0142` and `555-0142` are found by prefix, and a number with
/// its country code by the one without.
const NUMBER: char = '#';

/// Fewer digits at the end of a number are no part that anybody looks for.
const DIGITS_MIN: usize = 4;

fn number_lexeme(digits: &str) -> String {
    std::iter::once(NUMBER).chain(digits.chars().rev()).collect()
}

/// Lexemes as the type tsvector reads them.
pub fn to_text(lexemes: &[String]) -> String {
    lexemes.iter().map(|lexeme| quoted(lexeme)).collect::<Vec<_>>().join(" ")
}

/// As a lexeme stands in the text of a tsvector or tsquery.
fn quoted(lexeme: &str) -> String {
    format!("'{}'", lexeme.replace('\\', "\\\\").replace('\'', "''"))
}
