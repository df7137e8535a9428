//! What others say of a text must not carry it on: the words of an error go where operators read, who may not read what
//! was said in a call.

use std::collections::HashSet;

/// Words in a row that are no accident any more.
const RUN: usize = 3;
/// A word with so many digits is a number of somebody's, alone too.
const DIGITS: usize = 4;

/// `text` without what it quotes of `source`: runs of three words or more, and numbers, that stand there as well, whatever
/// the punctuation and the case. `source` and `text` may be JSON: an escaped line break separates words.
pub fn redact_echo(text: &str, source: &str) -> String {
    let source = words(source);
    let runs: HashSet<[&str; RUN]> = source.windows(RUN).map(run).collect();
    let numbers: HashSet<&str> = source.iter().filter(|word| is_number(word)).map(|word| word.lower.as_str()).collect();

    let said = words(text);
    let mut quoted: Vec<bool> = said.iter().map(|word| numbers.contains(word.lower.as_str())).collect();
    for (at, window) in said.windows(RUN).enumerate() {
        if runs.contains(&run(window)) {
            quoted[at..at + RUN].fill(true);
        }
    }
    let mut rest = String::with_capacity(text.len());
    let (mut copied, mut at) = (0, 0);
    while at < said.len() {
        let length = quoted[at..].iter().take_while(|quoted| **quoted).count();
        if length > 0 {
            rest.push_str(&text[copied..said[at].start]);
            rest.push('…');
            copied = said[at + length - 1].end;
        }
        at += length.max(1);
    }
    rest.push_str(&text[copied..]);
    rest
}

struct Word {
    start: usize,
    end: usize,
    lower: String,
}

fn run(words: &[Word]) -> [&str; RUN] {
    std::array::from_fn(|at| words[at].lower.as_str())
}

fn is_number(word: &Word) -> bool {
    word.lower.chars().filter(char::is_ascii_digit).count() >= DIGITS
}

fn words(text: &str) -> Vec<Word> {
    let mut found: Vec<Word> = Vec::new();
    let mut begun: Option<usize> = None;
    let mut escaped = false;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let belongs = !escaped && (c.is_alphanumeric() || c == '_');
        escaped = c == '\\' && !escaped;
        match begun {
            None if belongs => begun = Some(at),
            Some(start) if !belongs => {
                found.push(Word { start, end: at, lower: text[start..at].to_lowercase() });
                begun = None;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::redact_echo;

    const SAID: &str = r#"{"content": "user: My card is 4111 1111 1111 1111.\nuser: I am leaving my husband, Éric"}"#;

    #[test]
    fn what_was_said_is_not_said_again() {
        let echoed = "cannot judge \"i AM leaving my husband, éric\": too sad";
        assert_eq!(redact_echo(echoed, SAID), "cannot judge \"…\": too sad");
        assert_eq!(redact_echo("card is 4111", SAID), "…");
    }

    #[test]
    fn numbers_are_not_said_again_even_alone() {
        assert_eq!(redact_echo("invalid value: 4111-1111", SAID), "invalid value: …");
    }

    #[test]
    fn an_escaped_line_break_joins_no_words() {
        assert_eq!(redact_echo(r"said\nI am leaving\nquickly", SAID), r"said\n…\nquickly");
    }

    #[test]
    fn words_that_everybody_says_stay() {
        for ours in ["upstream is down", "maximum context length is 8192 tokens", "my card", "", "…", "\\"] {
            assert_eq!(redact_echo(ours, SAID), ours);
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_of_three_words_survives(source in "[a-c ]{0,60}", text in "[a-c ]{0,60}") {
            let left = redact_echo(&text, &source);
            let words: Vec<&str> = source.split_whitespace().collect();
            for run in words.windows(3) {
                let kept: Vec<&str> = left.split_whitespace().collect();
                proptest::prop_assert!(!kept.windows(3).any(|w| w == run), "{left:?}");
            }
        }
    }
}
