//! Runs of digits in a text: groups, written or spoken, with nothing between them but what may stand inside a number.

use std::ops::Range;

use super::topic::{Context, Following, Topic, is_unit};
use crate::text::{NumberWord, TokenKind, digit, digits_of, is_digit, number_word, tokens};

/// No card's number is longer.
pub const DIGITS_MAX: usize = 19;

/// The fewest digits of a number that reaches somebody.
pub const SHORTEST: usize = 7;

/// How the digits of a group were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Written,
    /// Digit by digit; "double five" is one group.
    Spoken,
    /// As a number: "fifty-three", "eight hundred".
    SpokenNumber,
}

/// What a run of digits is made of.
#[derive(Debug)]
pub struct Group {
    /// In the text, in bytes.
    pub place: Range<usize>,
    /// ASCII digits.
    pub digits: String,
    pub manner: Manner,
    /// What joins it to the group before, if that is one character.
    pub sign: Option<char>,
    /// After a pause: a comma, the end of a sentence or line. What comes may be another number.
    pub after_pause: bool,
    /// "(0)": dialled within the country only.
    pub is_trunk: bool,
}

/// Groups that may make a number together.
#[derive(Debug)]
pub struct Run {
    pub groups: Vec<Group>,
    /// "+44": a plus before the first group.
    pub international: bool,
    /// What the words around it say that it is.
    pub topic: Topic,
    /// A word follows that is counted or measured: "45000 euros".
    pub is_amount: bool,
    /// A word follows at once.
    pub word_follows: bool,
}

/// Digits as somebody types them, groups and signs aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenRun {
    /// In the text, in bytes, without signs before it.
    pub place: Range<usize>,
    /// ASCII digits, without a "(0)" that is not dialled from abroad.
    pub digits: String,
    pub after_plus: bool,
}

/// The runs of a text, from left to right. `asked`: what the turn before asked for.
pub fn runs(text: &str, asked: Topic) -> Vec<Run> {
    let mut reader = Reader {
        text,
        runs: Vec::new(),
        context: Context::new(asked),
        following: None,
        is_open: false,
        times: None,
        end: 0,
        after: After::Word,
        digits_before: None,
        before_article: false,
    };
    let mut word = String::new();
    for token in tokens(text) {
        let said = &text[token.place.clone()];
        match token.kind {
            TokenKind::Digits => reader.written(token.place, digits_of(said)),
            TokenKind::Word => {
                word.clear();
                match said.is_ascii() {
                    true => word.extend(said.chars().map(|c| c.to_ascii_lowercase())),
                    false => word.extend(said.chars().flat_map(char::to_lowercase)),
                }
                reader.word(token.place, &word);
            }
        }
    }
    reader.runs
}

/// What the last token was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Digits,
    Plus,
    Word,
}

struct Reader<'t> {
    text: &'t str,
    runs: Vec<Run>,
    context: Context,
    /// Reads what is said after the last run.
    following: Option<Following>,
    /// Whether the next group may belong to the last run.
    is_open: bool,
    /// "Double" waits for what it doubles: where it stands, and how often.
    times: Option<(usize, usize)>,
    /// Where the last token ended.
    end: usize,
    after: After,
    /// The digits of the last token, if it was one of digits.
    digits_before: Option<String>,
    /// The last word was Portuguese: an "o" after it is the article.
    before_article: bool,
}

impl<'t> Reader<'t> {
    fn written(&mut self, place: Range<usize>, digits: String) {
        let gap = self.begin(&place);
        let before = self.digits_before.take();
        self.digits_before = Some(digits.clone());
        if digits.len() > DIGITS_MAX || is_amount(gap, &self.text[place.end..], before.as_deref(), &digits) {
            (self.is_open, self.times, self.following) = (false, None, None);
            (self.after, self.end) = (After::Word, place.end);
            return;
        }
        self.group(place, gap, digits, Manner::Written);
    }

    fn word(&mut self, place: Range<usize>, word: &str) {
        let gap = self.begin(&place);
        self.digits_before = None;
        let only_blank = gap.chars().all(|c| c == ' ' || c == '-');
        match number_word(word) {
            Some(NumberWord::Digit { digit, .. }) if self.is_open && only_blank && self.adds_to_tens(&place, digit) => {
            }
            Some(NumberWord::Digit { digit, opens })
                if self.is_open || (opens && !(word == "o" && self.before_article)) =>
            {
                self.group(place, gap, digit.to_string(), Manner::Spoken);
            }
            Some(NumberWord::Teen(value) | NumberWord::Tens(value)) => {
                self.group(place, gap, value.to_string(), Manner::SpokenNumber);
            }
            Some(NumberWord::Zeros(zeros)) if self.is_open && only_blank && self.appends_zeros(&place, zeros) => {}
            Some(NumberWord::Times(times)) => {
                self.times = Some((place.start, times));
                self.end = place.end;
            }
            Some(NumberWord::Joint) if self.is_open => self.end = place.end,
            _ => self.plain(place, gap, word),
        }
    }

    /// What stands between the last token and this one. It may end the run, and the sentence.
    fn begin(&mut self, place: &Range<usize>) -> &'t str {
        let gap = &self.text[self.end..place.start];
        if !may_stand_inside(gap) {
            (self.is_open, self.times) = (false, None);
            if gap.contains(['.', '!', '?', ';', '\n', '。', '？', '！']) {
                self.context.end_sentence();
                self.following = None;
            }
        }
        gap
    }

    /// A word that is no number.
    fn plain(&mut self, place: Range<usize>, gap: &str, word: &str) {
        if self.after == After::Digits
            && let Some(run) = self.runs.last_mut()
        {
            let at_once = gap.chars().all(|c| c.is_whitespace() || c == '-');
            run.word_follows = at_once;
            run.is_amount = at_once && is_unit(word);
            self.following = at_once.then(Following::new);
        }
        let known = self.following.as_mut().map(|following| following.read(word));
        match (known, self.runs.last_mut()) {
            (Some(Ok(Some(topic))), Some(run)) => {
                run.topic = topic;
                self.following = None;
            }
            (Some(Err(())), _) => self.following = None,
            _ => {}
        }
        // "DE89 3704 …": the rest of a code that begins with letters.
        self.context.read(if is_code(word) { "code" } else { word });
        self.before_article = matches!(word, "é" | "para" | "com" | "número" | "telemóvel" | "telefone" | "celular");
        self.after = if matches!(word, "plus" | "más") { After::Plus } else { After::Word };
        (self.is_open, self.times) = (false, None);
        self.end = place.end;
    }

    /// "Fifty" and "three".
    fn adds_to_tens(&mut self, place: &Range<usize>, digit: char) -> bool {
        let Some(last) = self.runs.last_mut().and_then(|run| run.groups.last_mut()) else { return false };
        let is_tens = last.manner == Manner::SpokenNumber && matches!(last.digits.as_bytes(), [b'2'..=b'9', b'0']);
        if !is_tens || digit == '0' || self.times.is_some() || last.place.end != self.end {
            return false;
        }
        last.digits.pop();
        last.digits.push(digit);
        last.place.end = place.end;
        self.end = place.end;
        true
    }

    /// "Eight" and "hundred".
    fn appends_zeros(&mut self, place: &Range<usize>, zeros: usize) -> bool {
        let Some(last) = self.runs.last_mut().and_then(|run| run.groups.last_mut()) else { return false };
        if last.digits.len() > 2 || last.digits.starts_with('0') || last.place.end != self.end {
            return false;
        }
        last.digits.extend(std::iter::repeat_n('0', zeros));
        last.manner = Manner::SpokenNumber;
        last.place.end = place.end;
        self.end = place.end;
        true
    }

    fn group(&mut self, place: Range<usize>, gap: &str, digits: String, manner: Manner) {
        // "Double five", but not "double 4111".
        let (start, times) = self.times.take().filter(|_| digits.len() == 1).unwrap_or((place.start, 1));
        let before = &self.text[..place.start];
        let group = Group {
            is_trunk: digits == "0" && before.ends_with('(') && self.text[place.end..].starts_with(')'),
            digits: digits.repeat(times),
            manner,
            sign: gap.chars().next().filter(|sign| sign.len_utf8() == gap.len()),
            after_pause: gap.contains([',', '\n', '、', '，']) || (gap.contains('.') && gap.contains(' ')),
            place: start..place.end,
        };
        if self.is_open && self.is_interjection(&group) {
            self.runs.pop();
            self.is_open = false;
        }
        match self.runs.last_mut().filter(|_| self.is_open) {
            Some(run) => run.groups.push(group),
            None => {
                let plus = before.trim_end_matches(|c| "( ".contains(c) || is_invisible(c)).ends_with(['+', '＋']);
                self.runs.push(Run {
                    groups: vec![group],
                    international: self.after == After::Plus || plus,
                    topic: self.context.topic(),
                    is_amount: false,
                    word_follows: false,
                });
            }
        }
        (self.is_open, self.after, self.end) = (true, After::Digits, place.end);
        self.following = None;
    }

    /// "Oh, 212 …": nobody says one digit and has the rest written, if the rest is a number by itself. An "o" is an
    /// article or an interjection.
    fn is_interjection(&self, next: &Group) -> bool {
        let Some(Run { groups, .. }) = self.runs.last() else { return false };
        let [first] = &groups[..] else { return false };
        let by_itself = next.after_pause || next.digits.len() == 3 || next.digits.len() >= 9;
        let said = &self.text[first.place.clone()];
        next.manner == Manner::Written
            && (said.eq_ignore_ascii_case("o") || (said.eq_ignore_ascii_case("oh") && by_itself))
    }
}

/// Whether there may be as many digits as the shortest number has, written or spoken: most turns are not read at all.
pub fn may_hold_number(text: &str) -> bool {
    let mut digits = text.bytes().filter(u8::is_ascii_digit).count();
    if !text.is_ascii() {
        digits += text.chars().filter(|c| !c.is_ascii() && is_digit(*c)).count();
    }
    let mut words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    while digits < SHORTEST {
        let Some(word) = words.next() else { return false };
        digits += spoken_digits(word);
    }
    true
}

/// How many digits a word may stand for.
fn spoken_digits(word: &str) -> usize {
    const LONGEST_WORD: usize = 12;
    let mut lower = [0; LONGEST_WORD];
    let word = match (word.is_ascii(), lower.get_mut(..word.len())) {
        (_, None) => None,
        (true, Some(lower)) => {
            lower.copy_from_slice(word.as_bytes());
            lower.make_ascii_lowercase();
            std::str::from_utf8(lower).ok().and_then(number_word)
        }
        (false, Some(_)) => number_word(&word.to_lowercase()),
    };
    match word {
        Some(NumberWord::Digit { .. }) => 1,
        Some(NumberWord::Teen(_) | NumberWord::Tens(_)) => 2,
        Some(NumberWord::Zeros(zeros)) => zeros,
        // As many of the next digit, which counts itself.
        Some(NumberWord::Times(times)) => times - 1,
        Some(NumberWord::Joint) | None => 0,
    }
}

/// Letters and digits mixed, but for "3rd" and "12th".
fn is_code(word: &str) -> bool {
    let letters = word.trim_matches(|c: char| c.is_ascii_digit());
    letters.len() < word.len() && !matches!(letters, "st" | "nd" | "rd" | "th" | "am" | "pm" | "s" | "h")
}

/// Whether this may stand between two groups of one number. A comma with a space after it is a pause; "1,500" is an
/// amount, and so is what a minus begins.
fn may_stand_inside(gap: &str) -> bool {
    let joins = |c: char| c.is_whitespace() || "-.()/,–‑‐‒·、，".contains(c) || is_invisible(c);
    let length = gap.chars().filter(|c| !is_invisible(*c)).count();
    let slash = gap.contains('/') && gap != "/";
    let minus = gap.contains(',') && gap.ends_with('-');
    length <= 4 && gap.chars().all(joins) && !gap.ends_with(',') && !slash && !minus
}

/// Zero-width characters, marks of direction, and what makes a key of a digit (U+FE0F U+20E3).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{ad}' | '\u{fe0f}' | '\u{20e3}')
}

const CURRENCIES: [char; 8] = ['$', '€', '£', '¥', '₹', '₩', '₽', '₺'];

/// Money, thousands, a time of day, a date, a share: not a group of a number that names somebody. `before`: the group
/// before, if this one follows it.
fn is_amount(gap: &str, after: &str, before: Option<&str>, digits: &str) -> bool {
    let mut next = after.chars();
    let sign = next.next();
    let following = next.take_while(|c| digit(*c).is_some()).count();
    let joins = |area: &str, length: usize| area.len() >= 3 && (length >= 3 || (area.starts_with('0') && length >= 2));
    let joined = match sign {
        Some(',' | ':') => following > 0,
        Some('/') => following > 0 && !joins(digits, following),
        _ => false,
    };
    let joins_before = before.is_some_and(|before| match gap {
        "," | ":" => true,
        "/" => !joins(before, digits.len()),
        _ => false,
    });
    let currency = gap.trim_end().ends_with(CURRENCIES) || after.trim_start().starts_with(CURRENCIES);
    joined || joins_before || currency || after.starts_with(['%', '°'])
}
