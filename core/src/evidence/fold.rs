//! Words as they are compared: what a model changes when it copies, and what no reader sees, makes no difference.

use std::borrow::Cow;

use crate::strip_invisible::{is_plain, strip_invisible};

/// Letters and digits that a quote has at least: less would stand anywhere.
const SIGNS_MIN: usize = 2;

/// In small letters, with one blank for all white space, typewriter's quotation marks and dashes, and three dots for an
/// ellipsis. Characters that cannot be seen are taken out.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let visible = if is_plain(text) { Cow::Borrowed(text) } else { Cow::Owned(strip_invisible(text)) };
    for c in visible.chars() {
        match c {
            c if c.is_ascii_graphic() => folded.push(if c == '`' { '\'' } else { c.to_ascii_lowercase() }),
            c if c.is_whitespace() => {
                if !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            '‘' | '’' | '‚' | '‛' | '′' | '´' | '＇' => folded.push('\''),
            '“' | '”' | '„' | '‟' | '«' | '»' | '″' | '＂' => folded.push('"'),
            '\u{2010}'..='\u{2015}' | '−' | '﹣' | '－' => folded.push('-'),
            '…' => folded.push_str("..."),
            c => folded.extend(c.to_lowercase()),
        }
    }
    folded
}

/// A folded quote as it is looked for: without the number that a whole line begins with, what `begins` it after that, and
/// the punctuation around it. `None`: too little is left.
pub(super) fn core<'q>(quote: &'q str, begins: &str) -> Option<&'q str> {
    let quote = quote.trim();
    let quote = numbered(quote).unwrap_or(quote);
    let core = quote.strip_prefix(begins).unwrap_or(quote).trim_matches(|c: char| !c.is_alphanumeric());
    (core.chars().filter(|c| c.is_alphanumeric()).count() >= SIGNS_MIN).then_some(core)
}

/// What stands behind `[12] `.
fn numbered(quote: &str) -> Option<&str> {
    let (number, rest) = quote.strip_prefix('[')?.split_once(']')?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then(|| rest.trim_start())
}

/// Whether `quote` stands in `text`, both folded, and no word of it is a part of another: "no" is not in "know".
pub(super) fn stands_in(quote: &str, text: &str) -> bool {
    text.match_indices(quote).any(|(at, quote)| {
        let begins = !within_a_word(text[..at].chars().next_back(), quote.chars().next());
        begins && !within_a_word(quote.chars().next_back(), text[at + quote.len()..].chars().next())
    })
}

/// Whether two characters side by side belong to one word.
fn within_a_word(left: Option<char>, right: Option<char>) -> bool {
    let is_of_a_word = |c: Option<char>| c.is_some_and(|c| (c.is_alphanumeric() || is_mark(c)) && !is_unspaced(c));
    is_of_a_word(left) && is_of_a_word(right)
}

/// An accent that is a character of its own.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// Of scripts that put no blanks between words, or hang particles on them: Thai, Lao, Burmese, Khmer, Japanese, Chinese,
/// Korean.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}
