//! Texts that are longer than their column is meant to be.

/// At most `max` characters: up to the last sentence that ends within them, if that is half of them or more, else up to
/// the last word, and then an ellipsis. `None`: the text is short enough.
pub(crate) fn cut(text: &str, max: usize) -> Option<String> {
    let (limit, _) = text.char_indices().nth(max)?;
    // Room for " …".
    let (room, _) = text.char_indices().nth(max.saturating_sub(2)).unwrap_or((limit, ' '));
    let head = &text[..room];
    let half = text.char_indices().nth(max / 2).map_or(0, |(at, _)| at);
    if let Some(end) = last_sentence(text, room).filter(|end| *end >= half) {
        return Some(format!("{} …", &text[..end]));
    }
    // Where the room ends between two words, the last of them is whole.
    let whole = text[room..].starts_with(char::is_whitespace);
    let word = if whole { head } else { head.rfind(char::is_whitespace).map_or("", |at| &head[..at]) };
    let word =
        word.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '-' | '–' | '—' | '('));
    // Languages without blanks, and words as long as that: cut where it must be, but not within a sign and its marks.
    let word = if word.len() * 2 >= head.len() { word } else { whole_signs(head, &text[room..]) };
    Some(format!("{}…", word.trim_end()))
}

/// Where the last sentence that ends within the first `room` bytes ends.
fn last_sentence(text: &str, room: usize) -> Option<usize> {
    let mut ends = text[..room].char_indices().filter_map(|(at, c)| {
        let end = at + c.len_utf8();
        match c {
            '。' | '！' | '？' | '।' | '۔' => Some(end),
            '.' | '!' | '?' | '…' => {
                let rest = &text[end..];
                let next = rest.trim_start().chars().next();
                let begins = next.is_none_or(|c| !c.is_lowercase() && !c.is_ascii_digit());
                // "Dr. Lee", "J. Smith", "e.g. Botox": an abbreviation ends no sentence.
                let word = text[..at].rsplit(char::is_whitespace).next().unwrap_or_default();
                let abbreviated = c == '.' && is_abbreviation(word);
                (rest.starts_with(char::is_whitespace) && begins && !abbreviated).then_some(end)
            }
            _ => None,
        }
    });
    ends.next_back()
}

/// Titles and the like, a single letter, and what has points within it.
fn is_abbreviation(word: &str) -> bool {
    const KNOWN: [&str; 18] = [
        "dr", "mr", "mrs", "ms", "st", "prof", "vs", "jr", "sr", "sra", "srta", "hr", "fr", "approx", "ext", "ave",
        "inc", "ltd",
    ];
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    word.contains('.') || word.chars().count() == 1 || KNOWN.contains(&word.to_lowercase().as_str())
}

/// `whole` without a last sign that goes on in `rest`.
fn whole_signs<'t>(whole: &'t str, rest: &str) -> &'t str {
    let joins = |c: char| {
        matches!(c, '\u{300}'..='\u{36f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'
            | '\u{93c}'..='\u{94d}' | '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
    };
    let mut head = whole;
    let mut next = rest.chars().next();
    while next.is_some_and(joins) || head.ends_with('\u{200d}') {
        let Some(last) = head.chars().next_back() else { break };
        head = &head[..head.len() - last.len_utf8()];
        next = Some(last);
    }
    if head.is_empty() { whole } else { head }
}

#[cfg(test)]
mod tests {
    use super::cut;
    use proptest::prelude::*;

    #[test]
    fn what_fits_is_left_alone() {
        assert_eq!(cut("Asked for a cut.", 16), None);
        assert_eq!(cut(&"é".repeat(240), 240), None);
    }

    #[test]
    fn a_text_ends_with_its_last_whole_sentence_or_else_its_last_word() {
        assert_eq!(cut("She called. He came by. Then they both left it.", 30).unwrap(), "She called. He came by. …");
        assert_eq!(cut("She called for Dr. Lee about the implants", 30).unwrap(), "She called for Dr. Lee about…");
        assert_eq!(cut("Yes. She wanted a cut on Tuesday at ten, or so", 30).unwrap(), "Yes. She wanted a cut on…");
        assert_eq!(cut("one, two, three", 13).unwrap(), "one, two…");
    }

    #[test]
    fn languages_without_blanks_are_cut_between_signs() {
        assert_eq!(cut(&"髪".repeat(20), 10).unwrap(), format!("{}…", "髪".repeat(8)));
        assert_eq!(cut("予約を希望しました。火曜日の十時を確認しました。", 15).unwrap(), "予約を希望しました。 …");
        assert_eq!(cut(&"e\u{301}".repeat(20), 11).unwrap(), format!("{}…", "e\u{301}".repeat(4)));
    }

    proptest! {
        #[test]
        fn what_is_cut_fits_and_is_a_beginning(text in "\\PC{0,200}", max in 4usize..120) {
            match cut(text.trim(), max) {
                None => prop_assert!(text.trim().chars().count() <= max),
                Some(short) => {
                    prop_assert!(short.chars().count() <= max, "{short:?}");
                    prop_assert!(short.ends_with('…'));
                    prop_assert!(text.trim().starts_with(short[..short.len() - '…'.len_utf8()].trim_end()));
                }
            }
        }
    }
}
