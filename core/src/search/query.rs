//! What a query asks for: words in websearch syntax, and numbers and codes among them.

use std::ops::Range;

use super::lexemes::{amount, parts_of_code};
use super::{DIGITS_MIN, number_lexeme, quoted};
use crate::phone;
use crate::pii::{self, WrittenRun};

/// A part of a query; all of one alternative are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Counts the "or" before it.
    pub alternative: i32,
    /// `-` before it.
    pub negated: bool,
    /// In websearch syntax.
    pub words: String,
    /// What may stand in a document instead of the words, as the type tsquery reads it. `None`: they are words only.
    pub lexemes: Option<String>,
    /// The ends of the numbers that are meant, to show them. `None`: words that only the configuration knows; no lexeme
    /// beside them can be meant.
    pub numbers: Option<Vec<String>>,
}

/// The pieces of a query. Nothing in it is a number: one piece, as it stands.
pub fn pieces(query: &str) -> Vec<Piece> {
    let has_digit = query.chars().any(|c| crate::text::digit(c).is_some());
    // "ab12345" and "example.com" are lexemes of codes and addresses as they stand.
    let numbers = (has_digit || query.contains(['@', '.'])).then(Vec::new);
    let words = |alternative, words: &str| Piece {
        alternative,
        negated: false,
        words: words.to_owned(),
        lexemes: None,
        numbers: numbers.clone(),
    };
    if !has_digit {
        return vec![words(0, query)];
    }
    let mut pieces = Vec::new();
    for (alternative, part) in (0..).zip(alternatives(query)) {
        let (terms, rest) = terms(&query[part]);
        if !rest.trim().is_empty() || terms.is_empty() {
            pieces.push(words(alternative, &rest));
        }
        pieces.extend(terms.into_iter().map(|term| Piece { alternative, ..term }));
    }
    match pieces.iter().all(|piece| piece.lexemes.is_none()) {
        true => vec![words(0, query)],
        false => pieces,
    }
}

/// What stands between the "or" of a query, outside quotation marks.
fn alternatives(query: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut quoted) = (0, false);
    let mut at = 0;
    for word in query.split_inclusive(|c: char| c.is_whitespace()) {
        let place = at..at + word.len();
        at = place.end;
        if !quoted && word.trim().eq_ignore_ascii_case("or") {
            parts.push(start..place.start);
            start = place.end;
        }
        quoted ^= word.matches('"').count() % 2 == 1;
    }
    parts.push(start..query.len());
    parts
}

/// The numbers and codes of an alternative, and what is left of it.
fn terms(part: &str) -> (Vec<Piece>, String) {
    let mut found: Vec<(Range<usize>, Piece)> = Vec::new();
    for run in pii::written_runs(part) {
        if run.digits.len() >= DIGITS_MIN && is_free_of_letters(part, &run.place) {
            let place = with_signs(part, &run.place);
            found.push((place.clone(), number(part, &place, &run)));
        }
    }
    let mut at = 0;
    for token in part.split_inclusive(|c: char| c.is_whitespace()) {
        let excluded = usize::from(token.starts_with('-'));
        let place = at + excluded..at + token.trim_end().len();
        at += token.len();
        if place.is_empty() {
            continue;
        }
        let free = found.iter().all(|(taken, _)| place.end <= taken.start || taken.end <= place.start);
        let parts = parts_of_code(&part[place.clone()]);
        if free && !parts.is_empty() && !part[place.clone()].contains(['"', '@']) {
            found.push((place.clone(), code(part, &place, &parts)));
        }
    }
    found.retain(|(place, _)| is_whole_quotation(part, place));
    found.sort_by_key(|(place, _)| place.start);
    let (mut rest, mut at) = (String::new(), 0);
    let mut terms = Vec::new();
    for (place, piece) in found {
        let start = place.start - usize::from(piece.negated);
        rest.push_str(&part[at..start]);
        rest.push(' ');
        at = place.end;
        terms.push(piece);
    }
    rest.push_str(&part[at..]);
    (terms, rest)
}

/// Whether these digits are no part of a word ("AB12345").
fn is_free_of_letters(part: &str, place: &Range<usize>) -> bool {
    let before = part[..place.start].chars().next_back();
    let after = part[place.end..].chars().next();
    let mut token_before = part[..place.start].chars().rev().take_while(|c| !c.is_whitespace());
    let mut token_after = part[place.end..].chars().take_while(|c| !c.is_whitespace());
    !before.is_some_and(char::is_alphanumeric)
        && !after.is_some_and(char::is_alphanumeric)
        && !token_before.any(char::is_alphabetic)
        && !token_after.any(|c| c.is_alphabetic() || c == '@')
}

/// With the signs beside it that belong to it: "+44", "(212)", quotation marks around the whole.
fn with_signs(part: &str, place: &Range<usize>) -> Range<usize> {
    let start = part[..place.start].trim_end_matches(['+', '(', '$', '€', '£', '#']).len();
    let end = part.len() - part[place.end..].trim_start_matches([')', '€', '%']).len();
    match (part[..start].strip_suffix('"'), part[end..].strip_prefix('"')) {
        (Some(before), Some(_)) => before.len()..end + 1,
        _ => start..end,
    }
}

/// Inside of quotation marks stands a phrase, which is left as it is; a number may be all of it.
fn is_whole_quotation(part: &str, place: &Range<usize>) -> bool {
    part[..place.start].matches('"').count().is_multiple_of(2)
}

/// A minus before a term, at the beginning of a word, excludes it.
fn is_negated(part: &str, start: usize) -> bool {
    let before = &part[..start];
    before.ends_with('-') && before[..before.len() - 1].chars().next_back().is_none_or(char::is_whitespace)
}

fn number(part: &str, place: &Range<usize>, run: &WrittenRun) -> Piece {
    let mut ends: Vec<String> = Vec::new();
    let mut wholes: Vec<String> = Vec::new();
    let known = match run.after_plus {
        true => phone::international(&run.digits),
        false => phone::dialled_abroad(&run.digits).or_else(|| {
            phone::within(1, &run.digits).filter(|_| run.digits.len() == 11 && run.digits.starts_with('1'))
        }),
    };
    match known {
        Some(number) => {
            ends.push(format!("{}{}", number.code, number.national));
            // Said without its country: with what is dialled before it there.
            wholes.extend(phone::dialled_within(&number));
        }
        None => {
            let without_trunk = run.digits.trim_start_matches('0');
            let end =
                if without_trunk.len() >= DIGITS_MIN && run.digits.len() >= 7 { without_trunk } else { &run.digits };
            ends.push(end.to_owned());
        }
    }
    let mut lexemes: Vec<String> = ends.iter().map(|end| format!("{}:*", quoted(&number_lexeme(end)))).collect();
    lexemes.extend(wholes.iter().map(|whole| quoted(&number_lexeme(whole))));
    lexemes.push(quoted(&run.digits));
    let cents = amount(part[place.clone()].trim_matches(|c: char| !c.is_ascii_digit())).unwrap_or_default();
    lexemes.extend(cents.iter().filter(|amount| amount.len() >= DIGITS_MIN).map(|amount| quoted(amount)));
    lexemes.dedup();
    Piece {
        alternative: 0,
        negated: is_negated(part, place.start),
        words: part[place.clone()].trim_start_matches('+').to_owned(),
        lexemes: Some(lexemes.join(" | ")),
        numbers: Some(ends.into_iter().chain(wholes).collect()),
    }
}

fn code(part: &str, place: &Range<usize>, parts: &[String]) -> Piece {
    let token = &part[place.clone()];
    // The whole as one word, or all of its parts.
    let all: Vec<String> = token
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(quoted)
        .collect();
    let whole: String = token.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let is_amount = !token.chars().any(char::is_alphabetic) && token.contains([',', '.']);
    let lexemes = match is_amount {
        true => parts.iter().map(|amount| quoted(amount)).collect::<Vec<_>>().join(" | "),
        false => format!("{} | ({})", quoted(&whole), all.join(" & ")),
    };
    Piece {
        alternative: 0,
        negated: is_negated(part, place.start),
        words: token.to_owned(),
        lexemes: Some(lexemes),
        numbers: Some(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces: alternative, a minus, the words, the lexemes.
    fn shown(query: &str) -> Vec<String> {
        let sign = |piece: &Piece| if piece.negated { "-" } else { "" };
        let lexemes = |piece: &Piece| piece.lexemes.as_deref().map_or(String::new(), |lexemes| format!(" | {lexemes}"));
        pieces(query)
            .iter()
            .map(|piece| format!("{} {}{}{}", piece.alternative, sign(piece), piece.words.trim(), lexemes(piece)))
            .collect()
    }

    #[test]
    fn words_without_digits_are_one_piece_as_they_stand() {
        for query in ["refund -shipping \"next week\" or cut", "", "two people", "\"", "room 7 or 12"] {
            assert_eq!(pieces(query).len(), 1, "{query}");
            assert_eq!(pieces(query)[0].words, query);
        }
        assert_eq!(pieces("refund")[0].numbers, None);
        assert_eq!(pieces("ab12345")[0].numbers, Some(Vec::new()));
    }

    #[test]
    fn a_number_is_asked_for_by_its_end_and_as_it_is_dialled_at_home() {
        let number = "'#2410555212':* | '2125550142'";
        assert_eq!(shown("212-555-0142"), [format!("0 212-555-0142 | {number}")]);
        assert_eq!(shown("refund (212) 555-0142"), ["0 refund".to_owned(), format!("0 (212) 555-0142 | {number}")]);
        assert_eq!(
            shown("+44 (0)20 7946 0123"),
            ["0 44 (0)20 7946 0123 | '#321064970244':* | '#32106497020' | '#3210649702' | '442079460123'"]
        );
        assert_eq!(shown("020 7946 0123"), ["0 020 7946 0123 | '#3210649702':* | '02079460123'"]);
        assert_eq!(shown("0142"), ["0 0142 | '#2410':* | '0142'"]);
    }

    #[test]
    fn a_minus_excludes_and_an_or_begins_an_alternative() {
        assert_eq!(
            shown("cut -555-0142 or \"212 555 0142\" OR refund"),
            [
                "0 cut",
                "0 -555-0142 | '#2410555':* | '5550142'",
                "1 \"212 555 0142\" | '#2410555212':* | '2125550142'",
                "2 refund"
            ]
        );
        // A phrase stays a phrase, and an or inside it is a word.
        assert_eq!(shown("\"call 5550142 or 5550143\""), ["0 \"call 5550142 or 5550143\""]);
    }

    #[test]
    fn a_code_is_asked_for_as_a_whole_and_by_its_parts() {
        assert_eq!(shown("AB-12345"), ["0 AB-12345 | 'ab12345' | ('ab' & '12345')"]);
        assert_eq!(shown("$1,250.00 back"), ["0 back", "0 $1,250.00 | '1250.00' | '1250'"]);
    }
}
