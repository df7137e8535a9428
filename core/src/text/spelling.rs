//! Words that are spelt letter by letter.

use super::utterance::Word;

/// Fewer letters with hyphens between them may be a name or an address as it is: "a-b".
const LETTERS_MIN: usize = 3;

/// What a word spells, in its own letters: "D-A-N-A" and "d.a.n.a" are "DANA" and "dana".
pub fn spelled(word: &str) -> Option<String> {
    let letter = |part: &str| {
        let mut chars = part.chars();
        chars.next().filter(|c| c.is_alphanumeric() && chars.next().is_none())
    };
    let letters: Option<String> = word.split(['-', '.', '‑', '‐']).map(letter).collect();
    letters.filter(|letters| letters.chars().count() >= LETTERS_MIN)
}

/// What the last of these words spell, in small letters, and how many they are: a letter, letters with hyphens between
/// them, or a letter and the word that it begins ("D as in David", "A for apple").
pub fn spelled_at_end(words: &[Word]) -> Option<(String, usize)> {
    let (last, before) = words.split_last()?;
    let begins = |letter: &Word| letter.lower.chars().count() == 1 && last.lower.starts_with(letter.lower.as_str());
    match before {
        [.., letter, by, with] if by.is("as") && with.is("in") && begins(letter) => Some((letter.lower.clone(), 4)),
        [.., letter, by] if by.is_one_of(&["for", "like", "wie", "de", "como", "comme"]) && begins(letter) => {
            Some((letter.lower.clone(), 3))
        }
        _ if last.lower.chars().count() == 1 => Some((last.lower.clone(), 1)),
        _ => spelled(&last.lower).map(|letters| (letters, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Utterance;
    use crate::transcript::Role;

    #[test]
    fn a_hyphen_between_single_letters_is_spelling() {
        assert_eq!(spelled("D-A-N-A").as_deref(), Some("DANA"));
        assert_eq!(spelled("d.a.n.9").as_deref(), Some("dan9"));
        for word in ["a-b", "dana", "anna-lena", "D-A-Na", "-D-A-N-A", ""] {
            assert_eq!(spelled(word), None, "{word}");
        }
    }

    #[test]
    fn a_letter_is_the_first_of_the_word_that_explains_it() {
        let end = |text: &str| spelled_at_end(&Utterance::new(Role::User, text).words);
        assert_eq!(end("D as in David"), Some(("d".to_owned(), 4)));
        assert_eq!(end("that's A for apple,"), Some(("a".to_owned(), 3)));
        assert_eq!(end("N, A,"), Some(("a".to_owned(), 1)));
        assert_eq!(end("it's D-A-N-A"), Some(("dana".to_owned(), 1)));
        assert_eq!(end("I for one"), None);
    }
}
