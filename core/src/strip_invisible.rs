//! What can be seen of a text.

/// The words without what cannot be seen: a caller who makes the model write it would move a terminal's cursor, turn a
/// line round on a screen, store an address that looks like another and is not equal to it, or hand a message that no
/// reader sees to whatever model reads the summary next. Taken out and not refused, for a caller must not be able to keep
/// a call from being analysed either.
pub fn strip_invisible(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        let c = match c {
            '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
            // Persian and emoji are spelled with joiners and with the choice between text and picture. They stay where
            // they can do something, which is after a sign, and one of them: rows of them are bits.
            '\u{200c}' | '\u{fe0e}' | '\u{fe0f}' if before.is_whitespace() || is_joiner(before) => continue,
            '\u{200d}' if before.is_whitespace() || (is_joiner(before) && before != '\u{fe0f}') => continue,
            c if is_joiner(c) => c,
            c if c.is_control() || is_invisible(c) => continue,
            c => c,
        };
        before = c;
        shown.push(c);
    }
    shown
}

/// Blanks and what ASCII has signs for, as most words are: nothing of them is taken out.
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}

/// What Unicode calls ignorable by default, directions, and formats of notation.
fn is_invisible(c: char) -> bool {
    match c {
        // Soft hyphen, grapheme joiner, directions, zero widths, invisible operators, interlinear marks.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' => true,
        // Letters and vowels that are blank.
        '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}' => true,
        // Variants of a sign; steps of shorthand and of music.
        '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0d}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' => {
            true
        }
        // Tags, a whole alphabet that no screen shows, and 240 more variants.
        '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}
