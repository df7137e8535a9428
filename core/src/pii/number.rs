//! Numbers that name a person or an account: runs of digits, written in groups or spoken one by one, that have the length
//! and the form of a card's, a phone's or a social security number, or stand where one was asked for.

use foldhash::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use super::{Found, Kind};
use crate::text::{digit_named, times_named};

/// Words after which a number is something else.
pub static OTHER_NUMBERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "fax account order policy card confirmation reference member invoice ticket case ssn social routing \
     cuenta"
        .split(' ')
        .collect()
});

/// No card's number is longer.
const DIGITS_MAX: usize = 19;

/// What a run of digits is made of: a group of written digits, or one spoken digit ("double five" is one group).
struct Group {
    place: Range<usize>,
    digits: String,
    written: bool,
}

/// Groups with nothing between them but what may stand inside a number.
struct Run {
    groups: Vec<Group>,
    /// "+44": a plus before the first group.
    international: bool,
    /// What the words before it say that it is: the nearest counts.
    topic: Topic,
}

/// All of them, from left to right.
pub fn find(text: &str, turn_before: &str) -> Vec<Found> {
    let mut found: Vec<Found> = runs(text, Topic::of(turn_before)).iter().flat_map(Run::found).collect();
    found.sort_by_key(|f| f.place.start);
    for one in &mut found {
        one.place.start = with_its_signs(text, &one.place);
    }
    found
}

/// Where a number begins with the signs in front of it: "+44", "(212)". They are of no use without it.
fn with_its_signs(text: &str, place: &Range<usize>) -> usize {
    let before = &text[..place.start];
    let closes = text[place.clone()].contains(')') && !text[place.clone()].contains('(');
    let before = if closes { before.strip_suffix('(').unwrap_or(before) } else { before };
    before.strip_suffix('+').unwrap_or(before).len()
}

impl Run {
    /// What is in it; of what overlaps, the more certain. What is left on either side is looked at by itself.
    fn found(&self) -> Vec<Found> {
        let mut found = Vec::new();
        let mut open = Vec::new();
        open.push(0..self.groups.len());
        while let Some(part) = open.pop() {
            let mut candidates = self.candidates(&part);
            candidates.sort_by(|a, b| {
                (a.doubt, b.digits.len(), a.groups.start).cmp(&(b.doubt, a.digits.len(), b.groups.start))
            });
            let mut taken: Vec<Candidate> = Vec::new();
            let mut free = vec![true; part.len()];
            for candidate in candidates {
                let inside = candidate.groups.start - part.start..candidate.groups.end - part.start;
                if free[inside.clone()].iter().all(|free| *free) {
                    free[inside].fill(false);
                    taken.push(candidate);
                }
            }
            if taken.is_empty() {
                continue;
            }
            taken.sort_by_key(|candidate| candidate.groups.start);
            let mut start = part.start;
            for candidate in &taken {
                open.push(start..candidate.groups.start);
                start = candidate.groups.end;
            }
            open.push(start..part.end);
            found.extend(taken.into_iter().map(|candidate| self.as_found(candidate)));
        }
        found
    }

    fn candidates(&self, part: &Range<usize>) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for start in part.clone() {
            let mut digits = String::new();
            for end in start + 1..=part.end {
                digits.push_str(&self.groups[end - 1].digits);
                if digits.len() > DIGITS_MAX {
                    break;
                }
                if let Some((kind, doubt)) = self.judge(part, start..end, &digits) {
                    candidates.push(Candidate { doubt, groups: start..end, kind, digits: digits.clone() });
                }
            }
        }
        candidates
    }

    /// "A table for four, four one five …": a few digits more in front, which belong to something else.
    fn ends_with_a_number(&self, part: &Range<usize>, groups: &Range<usize>, digits: &str) -> bool {
        let others = groups.start - part.start;
        groups.end == part.end && others <= 3 && is_north_american(digits)
    }

    fn as_found(&self, Candidate { groups, kind, digits, .. }: Candidate) -> Found {
        let place = self.groups[groups.start].place.start..self.groups[groups.end - 1].place.end;
        let plus = if kind == Kind::Phone && self.international && groups.start == 0 { "+" } else { "" };
        Found { place, kind, value: format!("{plus}{digits}") }
    }

    /// What these groups of a part are, and how doubtful that is.
    fn judge(&self, part: &Range<usize>, groups: Range<usize>, digits: &str) -> Option<(Kind, u8)> {
        let topic = self.topic;
        let whole = groups == *part;
        let parts = &self.groups[groups.clone()];
        let lengths: Vec<usize> = parts.iter().map(|g| g.digits.len()).collect();
        let grouped = parts.iter().all(|g| g.written);
        if digits.len() >= 13 && digits.starts_with(['2', '3', '4', '5', '6']) && luhn(digits) {
            return Some((Kind::Card, 0));
        }
        if digits.len() == 9 {
            let by_form = grouped && lengths == [3, 2, 4] && is_issued_ssn(digits);
            return (by_form || (whole && topic == Topic::Ssn)).then_some((Kind::Ssn, 1));
        }
        let international = groups.start == 0 && self.international;
        let by_form = grouped
            && (matches!(lengths[..], [3, 3, 4] | [1, 3, 3, 4] | [3, 7] | [1, 10])
                || (lengths == [3, 4] && (whole || topic == Topic::Phone)));
        let of_something_else = topic == Topic::Other && !by_form && !international;
        let phone = match digits.len() {
            _ if of_something_else || topic == Topic::Ssn && !by_form => false,
            8..=15 if international => true,
            7 => by_form || (whole && (!grouped || topic == Topic::Phone)),
            10 => by_form || whole || self.ends_with_a_number(part, &groups, digits),
            11 if digits.starts_with('1') => by_form || whole,
            10..=12 if digits.starts_with('0') => whole && lengths.len() > 1,
            _ => false,
        };
        phone.then_some((Kind::Phone, if by_form || international { 2 } else { 3 }))
    }
}

/// Groups that may be a value.
struct Candidate {
    doubt: u8,
    groups: Range<usize>,
    kind: Kind,
    digits: String,
}

/// What a number was said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topic {
    None,
    Phone,
    Ssn,
    Other,
}

impl Topic {
    fn of(turn: &str) -> Topic {
        let words = words(turn).map(|place| turn[place].to_lowercase());
        words.map(|word| Topic::of_word(&word)).filter(|t| *t != Topic::None).last().unwrap_or(Topic::None)
    }

    fn of_word(word: &str) -> Topic {
        static PHONES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
            "phone telephone cell cellphone mobile call text reach whatsapp teléfono celular".split(' ').collect()
        });
        match word {
            "ssn" | "social" | "itin" => Topic::Ssn,
            word if PHONES.contains(word) => Topic::Phone,
            word if OTHER_NUMBERS.contains(word) => Topic::Other,
            _ => Topic::None,
        }
    }
}

/// Words, and numbers: letters, digits, and what joins them.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut rest = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, _) = rest.find(|(_, c)| c.is_alphanumeric())?;
        let mut end = text.len();
        while let Some((at, c)) = rest.peek() {
            if !(c.is_alphanumeric() || *c == '_') {
                end = *at;
                break;
            }
            rest.next();
        }
        Some(start..end)
    })
}

fn runs(text: &str, asked: Topic) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let (mut topic, mut after_plus) = (asked, false);
    // Whether the next group belongs to the last run; "double" waits for what it doubles.
    let (mut open, mut doubled) = (false, None);
    let (mut end, mut after_number) = (0, false);
    for place in words(text) {
        let (gap, word) = (&text[end..place.start], &text[place.clone()]);
        end = place.end;
        if !may_stand_inside(gap) {
            (open, doubled) = (false, None);
        }
        let lower = word.to_lowercase();
        if let Some(times) = times_named(&lower) {
            doubled = Some((place.start, times));
            continue;
        }
        let written: Option<String> = word.chars().map(digit).collect();
        let is_written = written.is_some();
        let amount = is_written && is_amount(gap, &text[end..], after_number);
        after_number = is_written;
        let digits = written.or_else(|| digit_named(&lower).map(String::from));
        let Some(digits) = digits.filter(|digits| digits.len() <= DIGITS_MAX && !amount) else {
            (open, doubled) = (false, None);
            after_plus = lower == "plus";
            topic = Some(Topic::of_word(&lower)).filter(|t| *t != Topic::None).unwrap_or(topic);
            continue;
        };
        // "Double five", but not "double 4111".
        let (start, times) = doubled.take().filter(|_| digits.len() == 1).unwrap_or((place.start, 1));
        let group = Group { place: start..end, digits: digits.repeat(times), written: is_written };
        match runs.last_mut().filter(|_| open) {
            Some(run) => run.groups.push(group),
            None => {
                let international = after_plus || gap.trim_end_matches(['(', ' ']).ends_with('+');
                runs.push(Run { groups: vec![group], international, topic });
            }
        }
        (open, after_plus) = (true, false);
    }
    runs
}

/// Whether this may stand between two groups of one number. A comma with a space after it is a pause; "1,500" is an amount.
fn may_stand_inside(gap: &str) -> bool {
    let joins = |c: char| c.is_whitespace() || "-.(),–‑".contains(c) || is_invisible(c);
    gap.chars().count() <= 4 && gap.chars().all(joins) && !gap.ends_with(',')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

/// Money, thousands, a time of day, a date, a share: not a group of a number that names somebody.
fn is_amount(gap: &str, after: &str, after_number: bool) -> bool {
    let mut next = after.chars();
    let joined = matches!(next.next(), Some(',' | ':' | '/')) && next.next().and_then(digit).is_some();
    joined
        || (after_number && matches!(gap, "," | ":" | "/"))
        || gap.ends_with(['$', '€', '£'])
        || after.starts_with(['%', '$', '€', '£'])
}

/// The value of a digit in any of the scripts that speech-to-text writes numbers in.
fn digit(c: char) -> Option<char> {
    const ZEROS: [u32; 5] = [0x30, 0x660, 0x6f0, 0x966, 0xff10];
    ZEROS
        .iter()
        .find_map(|zero| (c as u32).checked_sub(*zero).filter(|d| *d < 10))
        .and_then(|d| char::from_digit(d, 10))
}

/// The check digit of ISO/IEC 7812-1, annex B.
fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, b)| match u32::from(b - b'0') * (1 + at as u32 % 2) {
            two if two > 9 => two - 9,
            one => one,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Numbers that the Social Security Administration has never issued are not ones: area 000, 666, 9xx, group 00, serial 0000.
fn is_issued_ssn(digits: &str) -> bool {
    let (area, group, serial) = (&digits[..3], &digits[3..5], &digits[5..]);
    area != "000" && area != "666" && !area.starts_with('9') && group != "00" && serial != "0000"
}

/// Neither area code nor exchange begins with 0 or 1 (North American Numbering Plan).
fn is_north_american(digits: &str) -> bool {
    !digits.starts_with(['0', '1']) && !digits[3..].starts_with(['0', '1'])
}
