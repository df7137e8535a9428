//! Values in a text that name or reach a person: payment cards, e-mail addresses, phone numbers and US social security
//! numbers, written or spoken. The analyzer reads contacts by these rules, redaction hides what they find.

mod email;
mod form;
mod number;
mod run;
mod topic;

use std::ops::Range;

pub use email::find as emails;
pub use number::{digit_strings, written_runs};
pub use run::WrittenRun;

use crate::text::Utterance;
use crate::transcript::Role;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A payment card's number: 13 to 19 digits that satisfy the Luhn check (ISO/IEC 7812-1).
    Card,
    Email,
    Phone,
    /// A US social security number.
    Ssn,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Card, Kind::Email, Kind::Phone, Kind::Ssn];

    /// The word in its placeholders: `[EMAIL_1]`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Card => "CARD",
            Kind::Email => "EMAIL",
            Kind::Phone => "PHONE",
            Kind::Ssn => "SSN",
        }
    }
}

/// A value in a text: where, what, and as it is written down (digits, small letters).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub place: Range<usize>,
    pub kind: Kind,
    pub value: String,
}

/// Everything in a turn that is to be replaced, from left to right. `before` is the turn before it, as it leaves: "what's
/// your social?"
pub fn find(text: &str, before: &str) -> Vec<Found> {
    // Who speaks does not matter to where the words are.
    let mut found = emails(&Utterance::new(Role::User, text));
    // Digits of an address are no number of their own, and its words do not say what a number is.
    let mut rest = text.to_owned();
    for Found { place, .. } in &found {
        rest.replace_range(place.clone(), &ADDRESS.to_string().repeat(place.len()));
    }
    found.extend(number::find(&rest, before).into_iter().map(|number| number.found));
    found.sort_by_key(|f| f.place.start);
    found
}

/// Whether these words name a phone's number, or ask for one.
pub(crate) fn asks_for_phone(words: &str) -> bool {
    number::asked(words) == topic::Topic::Phone
}

/// Stands for each byte of an address: nothing that may stand inside a number.
const ADDRESS: char = '\u{1}';

/// Whether nothing of what was found, from left to right, stands there.
fn is_free(found: &[Found], place: &Range<usize>) -> bool {
    let next = found.partition_point(|f| f.place.end <= place.start);
    found.get(next).is_none_or(|f| place.end <= f.place.start)
}

/// The phone numbers in a text that somebody can dial, from left to right: digits, with a plus and the country code where
/// they were said. `before`: the turn before it.
pub fn phones(text: &str, before: &str) -> Vec<String> {
    number::find(text, before).into_iter().filter(|number| number.is_contact).map(|number| number.found.value).collect()
}
