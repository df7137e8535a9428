//! Numbers that name a person or an account: runs of digits that have the length and the form of a card's, a phone's or a
//! social security number, or stand where one was asked for.

use std::ops::Range;

use super::form::{is_count, is_date, is_issued_ssn, luhn};
use super::run::{DIGITS_MAX, Manner, Run, SHORTEST, WrittenRun, may_hold_number, runs};
use super::topic::{Context, Topic};
use super::{Found, Kind};
use crate::phone;
use crate::text::tokens;

/// A number that was found.
#[derive(Debug)]
pub struct Number {
    pub found: Found,
    /// A phone's that somebody can dial, and not said to be something else: a fax, an account.
    pub is_contact: bool,
}

/// All of them, from left to right. `turn_before`: where one may have been asked for.
pub fn find(text: &str, turn_before: &str) -> Vec<Number> {
    if !may_hold_number(text) {
        return Vec::new();
    }
    let mut found: Vec<Number> = runs(text, asked(turn_before)).iter().flat_map(Run::numbers).collect();
    found.sort_by_key(|number| number.found.place.start);
    for number in &mut found {
        number.found.place.start = with_its_signs(text, &number.found.place);
    }
    found
}

/// All digits of a text that may name something, written or spoken: the numbers that are found, and what else has as many
/// digits as they have. From left to right within a run.
pub fn digit_strings(text: &str) -> Vec<(Range<usize>, String)> {
    if !may_hold_number(text) {
        return Vec::new();
    }
    runs(text, Topic::None).iter().flat_map(Run::digit_strings).collect()
}

/// The digits of a text that are written.
pub fn written_runs(text: &str) -> Vec<WrittenRun> {
    let mut written = runs(text, Topic::None);
    written.retain(|run| run.groups.iter().all(|group| group.manner == Manner::Written));
    let as_written = |run: Run| {
        let place = run.groups.first()?.place.start..run.groups.last()?.place.end;
        let digits = run.groups.iter().filter(|group| !group.is_trunk).map(|group| &*group.digits).collect();
        Some(WrittenRun { place, digits, after_plus: run.international })
    };
    written.into_iter().filter_map(as_written).collect()
}

/// What a turn asks for.
pub(super) fn asked(turn: &str) -> Topic {
    let mut context = Context::new(Topic::None);
    for token in tokens(turn) {
        context.read(&turn[token.place].to_lowercase());
    }
    context.topic()
}

/// Where a number begins with the signs in front of it: "+44", "(212)". They are of no use without it.
fn with_its_signs(text: &str, place: &Range<usize>) -> usize {
    let before = &text[..place.start];
    let closes = text[place.clone()].find(')').is_some_and(|end| !text[place.start..place.start + end].contains('('));
    let before = if closes { before.strip_suffix('(').unwrap_or(before) } else { before };
    before.strip_suffix(['+', '＋']).unwrap_or(before).len()
}

/// Groups that may be a value.
#[derive(Debug)]
struct Candidate {
    groups: Range<usize>,
    kind: Kind,
    value: String,
    doubt: u8,
    /// Digits beside it belong to it, and what they are is not known.
    is_whole: bool,
}

/// How doubtful a candidate is: the least doubtful is taken first.
mod doubt {
    /// Its own check digit says so.
    pub const CHECKED: u8 = 0;
    /// A country code with as many digits as that country has, or the form that nothing else has.
    pub const BY_PLAN: u8 = 1;
    pub const BY_FORM: u8 = 2;
    /// A few digits and a pause before it, which are something else.
    pub const AFTER_PAUSE: u8 = 3;
    pub const BY_LENGTH: u8 = 4;
    /// By its length, over pauses.
    pub const OVER_PAUSES: u8 = 5;
    /// By its length, with more digits before or after a pause.
    pub const BETWEEN_PAUSES: u8 = 6;
    /// Said to be international, and no country has such numbers.
    pub const UNKNOWN_PLAN: u8 = 20;
    /// There are digits beside it.
    pub const BESIDE_DIGITS: u8 = 10;
}

impl Run {
    /// What is in it; of what overlaps, the more certain. What is left on either side is looked at by itself.
    fn numbers(&self) -> Vec<Number> {
        if self.groups.iter().map(|group| group.digits.len()).sum::<usize>() < SHORTEST {
            return Vec::new();
        }
        let mut found: Vec<Candidate> = Vec::new();
        let mut open = Vec::new();
        open.push(0..self.groups.len());
        while let Some(part) = open.pop() {
            let mut candidates = self.candidates(&part);
            candidates.sort_by(|a, b| {
                (a.doubt, b.groups.len(), a.groups.start).cmp(&(b.doubt, a.groups.len(), b.groups.start))
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
            found.append(&mut taken);
        }
        found.sort_by_key(|candidate| candidate.groups.start);
        self.take_rests(&mut found);
        found.into_iter().map(|candidate| self.as_number(candidate)).collect()
    }

    fn digit_strings(&self) -> Vec<(Range<usize>, String)> {
        let numbers = self.numbers();
        let is_free = |place: &Range<usize>| {
            numbers.iter().all(|n| place.end <= n.found.place.start || n.found.place.end <= place.start)
        };
        let mut rests: Vec<(Range<usize>, String)> = Vec::new();
        let mut open = false;
        for group in &self.groups {
            let free = is_free(&group.place);
            match rests.last_mut().filter(|_| free && open) {
                Some((place, digits)) => {
                    place.end = group.place.end;
                    digits.push_str(&group.digits);
                }
                None if free => rests.push((group.place.clone(), group.digits.clone())),
                None => {}
            }
            open = free;
        }
        rests.retain(|(_, digits)| digits.len() >= SHORTEST);
        let found = numbers.iter().map(|n| (n.found.place.clone(), n.found.value.trim_start_matches('+').to_owned()));
        found.chain(rests).collect()
    }

    fn as_number(&self, Candidate { groups, kind, value, is_whole, .. }: Candidate) -> Number {
        let place = self.groups[groups.start].place.start..self.groups[groups.end - 1].place.end;
        let is_phone = kind == Kind::Phone && is_whole && phone::is_dialable(&value);
        Number { found: Found { place, kind, value }, is_contact: is_phone && self.topic != Topic::Other }
    }

    /// No rest of digits stays beside a value: what is joined to it by no more than a blank is hidden with it, but for a
    /// count of something before or after it ("for 4 212-555-0142", "212-555-0142 2 people").
    fn take_rests(&self, found: &mut [Candidate]) {
        const COUNT_MAX: usize = 2;
        let digits = |groups: &Range<usize>| self.groups[groups.clone()].iter().map(|g| g.digits.len()).sum::<usize>();
        for at in 0..found.len() {
            let next = found.get(at + 1).map_or(self.groups.len(), |next| next.groups.start);
            let end = found[at].groups.end;
            let rest = end..(end..next).find(|group| self.groups[*group].after_pause).unwrap_or(next);
            let is_count = rest.end == self.groups.len() && self.word_follows && digits(&rest) <= COUNT_MAX;
            if !rest.is_empty() && !is_count {
                found[at].groups.end = rest.end;
                found[at].is_whole &= digits(&rest) <= COUNT_MAX;
            }
            let before = if at == 0 { 0 } else { found[at - 1].groups.end };
            let start = found[at].groups.start;
            let rest = (before..=start).rfind(|group| self.groups[*group].after_pause).unwrap_or(before)..start;
            // A plus says that what follows it is the beginning of the number, and no count of something.
            let is_of_number = rest.start == 0 && self.international && !rest.is_empty();
            if is_of_number || digits(&rest) > COUNT_MAX {
                found[at].groups.start = rest.start;
                found[at].is_whole = false;
            }
        }
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
                let groups = start..end;
                if let Some((kind, value, doubt)) = self.judge(part, &groups, &digits) {
                    candidates.push(Candidate { groups, kind, value, doubt, is_whole: true });
                }
            }
        }
        candidates
    }

    /// Whether nothing stands beside these groups of a part, or a pause and another number.
    fn is_clean(&self, part: &Range<usize>, groups: &Range<usize>) -> bool {
        let pauses = self.pauses(groups);
        let begins = groups.start == part.start || (pauses == 0 && self.groups[groups.start].after_pause);
        let ends = groups.end == part.end || (pauses == 0 && self.groups[groups.end].after_pause);
        begins && ends
    }

    /// How often somebody pauses inside these groups.
    fn pauses(&self, groups: &Range<usize>) -> usize {
        self.groups[groups.start + 1..groups.end].iter().filter(|group| group.after_pause).count()
    }

    /// What these groups of a part are, its value, and how doubtful that is.
    fn judge(&self, part: &Range<usize>, groups: &Range<usize>, digits: &str) -> Option<(Kind, String, u8)> {
        if digits.len() >= 13 && digits.starts_with(['2', '3', '4', '5', '6']) && luhn(digits) {
            return Some((Kind::Card, digits.to_owned(), doubt::CHECKED));
        }
        let clean = self.is_clean(part, groups);
        let beside = if clean { 0 } else { doubt::BESIDE_DIGITS };
        if digits.len() == 9 && self.is_ssn(groups, digits, clean) {
            return Some((Kind::Ssn, digits.to_owned(), doubt::BY_PLAN + beside));
        }
        if let Some((number, doubt)) = self.international(part, groups, clean) {
            return Some((Kind::Phone, number, doubt + beside));
        }
        let doubt = self.national(part, groups, digits, clean)?;
        Some((Kind::Phone, digits.to_owned(), doubt))
    }

    fn lengths(&self, groups: &Range<usize>) -> Vec<usize> {
        self.groups[groups.clone()].iter().map(|group| group.digits.len()).collect()
    }

    fn is_ssn(&self, groups: &Range<usize>, digits: &str, clean: bool) -> bool {
        let parts = &self.groups[groups.clone()];
        let written = parts.iter().all(|group| group.manner == Manner::Written);
        let by_form = written && self.lengths(groups) == [3, 2, 4] && is_issued_ssn(digits);
        let hyphens = parts[1..].iter().all(|group| group.sign == Some('-'));
        (by_form && (hyphens || self.topic != Topic::Phone)) || (clean && self.topic == Topic::Ssn)
    }

    /// The number that these groups are with a country code, as it is dialled.
    fn international(&self, part: &Range<usize>, groups: &Range<usize>, clean: bool) -> Option<(String, u8)> {
        let parts = &self.groups[groups.clone()];
        let digits: String = parts.iter().filter(|group| !group.is_trunk).map(|group| &*group.digits).collect();
        let after_plus = groups.start == 0 && self.international;
        let with_trunk = parts.len() > 2 && parts[1].is_trunk;
        let begins = groups.start == part.start || self.groups[groups.start].after_pause;
        let number = match after_plus || with_trunk {
            // "(0)" is dialled in Italy: then it is one of the digits.
            true => phone::international(&digits)
                .or_else(|| phone::international(&parts.iter().map(|group| &*group.digits).collect::<String>())),
            false if begins => phone::dialled_abroad(&digits),
            false => None,
        };
        match number {
            Some(number) => Some((number.to_string(), doubt::BY_PLAN)),
            None if after_plus && clean && (8..=15).contains(&digits.len()) => {
                Some((format!("+{digits}"), doubt::UNKNOWN_PLAN))
            }
            None => None,
        }
    }

    /// Whether these groups are a phone number without a country code, and how doubtful that is.
    fn national(&self, part: &Range<usize>, groups: &Range<usize>, digits: &str, clean: bool) -> Option<u8> {
        let parts = &self.groups[groups.clone()];
        let lengths = self.lengths(groups);
        let written = parts.iter().all(|group| group.manner == Manner::Written);
        let by_form = matches!(lengths[..], [3, 3, 4] | [3, 7])
            || (matches!(lengths[..], [1, 3, 3, 4] | [1, 10]) && digits.starts_with('1'));
        if written && by_form {
            return Some(doubt::BY_FORM + if clean { 0 } else { doubt::BESIDE_DIGITS });
        }
        let of_amount = self.is_amount && groups.end == self.groups.len();
        if matches!(self.topic, Topic::Other | Topic::Ssn) || of_amount {
            return None;
        }
        let pauses = self.pauses(groups);
        // "4, two one two, five five five, zero one four two": a few digits before it are something else.
        let others = groups.start - part.start;
        if (1..=3).contains(&others) && groups.end == part.end && phone::is_north_american(digits) {
            let after_pause = self.groups[groups.start].after_pause;
            return Some(if after_pause { doubt::AFTER_PAUSE } else { doubt::BY_LENGTH + doubt::BESIDE_DIGITS });
        }
        let said_as_phone = self.topic == Topic::Phone;
        // Who counts or lists pauses after every number, or says each digit after the one before it.
        let of_two_each = 2 * (pauses + 1);
        let lists =
            pauses > 0 && (digits.len() < of_two_each || (written && !said_as_phone && digits.len() == of_two_each));
        let spelt = parts.iter().filter(|group| group.manner == Manner::Spoken).count();
        let counts = parts.iter().any(|group| group.manner == Manner::SpokenNumber) && spelt < 4 && !said_as_phone;
        let counts = counts || (!written && !said_as_phone && is_count(digits));
        if !clean || lists || counts || is_date(parts.iter().map(|group| &*group.digits)) {
            return None;
        }
        let fits = match digits.len() {
            // "122.4194" is a decimal number.
            7 => said_as_phone || !written || (lengths == [3, 4] && pauses == 0 && parts[1].sign != Some('.')),
            10 | 11 => said_as_phone || !digits.starts_with('0') || parts.len() > 1 || digits.len() == 11,
            12 if digits.starts_with('0') => said_as_phone || parts.len() > 1,
            13 => said_as_phone && digits.starts_with('0'),
            8 | 9 | 12 => said_as_phone,
            _ => false,
        };
        let beside: usize =
            self.groups[part.clone()].iter().map(|group| group.digits.len()).sum::<usize>() - digits.len();
        fits.then_some(match pauses {
            0 if beside <= 1 => doubt::BY_LENGTH,
            // Who pauses after the area code has not said two numbers.
            0 => doubt::BETWEEN_PAUSES,
            _ => doubt::OVER_PAUSES,
        })
    }
}
