//! A text as words and numbers, for the finders that read digits.

use std::ops::Range;

use super::digits::{digit, ideographic_digit, is_unspaced};

/// A word or a group of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Digits only, of any script; or a spelling of them in Chinese characters.
    Digits,
    /// Letters, or letters with digits among them.
    Word,
}

/// A token, and where it stands in the text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub place: Range<usize>,
    pub kind: TokenKind,
}

/// The tokens of a text: letters, digits, and what joins them. Digits that touch letters belong to their word ("AB12"),
/// but for letters of scripts without blanks ("電話は090です").
pub fn tokens(text: &str) -> impl Iterator<Item = Token> + '_ {
    let mut rest = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, first) = rest.find(|(_, c)| c.is_alphanumeric())?;
        let class = Class::of(first);
        let mut digits_only = digit(first).is_some() || class == Class::IdeographicDigit;
        let mut end = text.len();
        while let Some((at, c)) = rest.peek() {
            let goes_on = match class {
                Class::Spaced => (c.is_alphanumeric() && Class::of(*c) == Class::Spaced) || *c == '_',
                class => c.is_alphanumeric() && Class::of(*c) == class,
            };
            if !goes_on {
                end = *at;
                break;
            }
            digits_only &= class != Class::Spaced || digit(*c).is_some();
            rest.next();
        }
        Some(Token { place: start..end, kind: if digits_only { TokenKind::Digits } else { TokenKind::Word } })
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Spaced,
    Unspaced,
    IdeographicDigit,
}

impl Class {
    fn of(c: char) -> Class {
        if c.is_ascii() || !is_unspaced(c) {
            Class::Spaced
        } else if ideographic_digit(c).is_some() {
            Class::IdeographicDigit
        } else {
            Class::Unspaced
        }
    }
}

/// The ASCII digits that a token of digits stands for.
pub fn digits_of(token: &str) -> String {
    token.chars().filter_map(|c| digit(c).or_else(|| ideographic_digit(c))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<&str> {
        tokens(text).map(|token| &text[token.place]).collect()
    }

    #[test]
    fn digits_beside_letters_are_theirs_where_words_have_blanks() {
        assert_eq!(read("AB12, 3rd and 10-20 x_1"), ["AB12", "3rd", "and", "10", "20", "x_1"]);
        assert_eq!(read("電話は090-1234です"), ["電話は", "090", "1234", "です"]);
        assert_eq!(read("我的手机号是一三八零零"), ["我的手机号是", "一三八零零"]);
        assert_eq!(read("번호는 010-1234입니다"), ["번호는", "010", "1234", "입니다"]);
    }

    #[test]
    fn digits_of_other_scripts_are_digits() {
        for text in ["٠٥٠", "０５０", "๐๕๐", "零五零"] {
            assert_eq!(tokens(text).map(|t| t.kind).collect::<Vec<_>>(), [TokenKind::Digits], "{text}");
            assert_eq!(digits_of(text), "050");
        }
    }
}
