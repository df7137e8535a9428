//! Telephone numbers as they are dialled: the international form of ITU-T E.164, and the national ones that lead to it.

mod caller;
mod plans;

use std::fmt;

pub use caller::{Caller, DIGITS_MIN, NotACaller};
use plans::PLANS;

/// A number with its country code.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct International {
    pub code: u16,
    /// The national (significant) number: without the trunk prefix that is dialled within the country.
    pub national: String,
}

impl fmt::Display for International {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "+{}{}", self.code, self.national)
    }
}

/// A country's numbering plan.
#[derive(Debug, Clone, Copy)]
struct Plan {
    code: u16,
    trunk: &'static str,
    lengths: &'static [u8],
    first: &'static str,
}

impl Plan {
    /// The plan of the country code that these digits begin with. No country code begins with another.
    fn of(digits: &str) -> Option<(Plan, &str)> {
        (1..=3).find_map(|length| {
            let (code, rest) = digits.split_at_checked(length)?;
            Some((Plan::of_code(code.parse().ok()?)?, rest))
        })
    }

    fn of_code(code: u16) -> Option<Plan> {
        let at = PLANS.binary_search_by_key(&code, |plan| plan.0).ok()?;
        let (code, trunk, lengths, first) = PLANS[at];
        Some(Plan { code, trunk, lengths, first })
    }

    fn has(&self, national: &str) -> bool {
        let fits = self.lengths.iter().any(|length| usize::from(*length) == national.len());
        fits && national.starts_with(|c| self.first.contains(c)) && (self.code != 1 || is_north_american(national))
    }

    /// The national number that is dialled so within the country, and what of it is dialled from abroad: without the
    /// trunk prefix, which some write after the country code all the same ("+44 (0)20 …").
    fn national<'d>(&self, digits: &'d str) -> Option<&'d str> {
        let without = [self.trunk, "0"].into_iter().filter_map(|prefix| digits.strip_prefix(prefix));
        [digits].into_iter().chain(without.filter(|rest| rest.len() < digits.len())).find(|rest| self.has(rest))
    }
}

/// The number that these digits are after a plus: the country code, perhaps a trunk prefix that is not dialled, and a
/// number of that country's lengths. `None` if nobody can be reached so.
pub fn international(digits: &str) -> Option<International> {
    let (plan, rest) = Plan::of(digits)?;
    let national = plan.national(rest)?.to_owned();
    Some(International { code: plan.code, national })
}

/// What is dialled before a country code: 00 (ITU-T E.164 recommends it), 011 in North America, 0011 in Australia.
const EXITS: [&str; 3] = ["00", "011", "0011"];

/// The number that these digits are, if they begin with a prefix for calls abroad.
pub fn dialled_abroad(digits: &str) -> Option<International> {
    EXITS.iter().filter_map(|exit| digits.strip_prefix(exit)).find_map(international)
}

/// What these digits are in the country of `code`, dialled with or without its trunk prefix.
pub fn within(code: u16, digits: &str) -> Option<International> {
    let national = Plan::of_code(code)?.national(digits)?.to_owned();
    Some(International { code, national })
}

/// How a number is dialled within its country: as it is, and with the prefix that is dialled there before it.
pub fn dialled_within(number: &International) -> Vec<String> {
    let national = number.national.clone();
    let trunk = Plan::of_code(number.code).map_or("", |plan| plan.trunk);
    match trunk {
        "" => vec![national],
        trunk => vec![format!("{trunk}{national}"), national],
    }
}

/// Whether a number as it was said, its digits with a plus in front if there was one, can be dialled by somebody.
pub fn is_dialable(number: &str) -> bool {
    match number.strip_prefix('+') {
        Some(digits) => international(digits).is_some(),
        // Without the country, by its length: from 7 digits, which are dialled within an area, to the longest plans.
        None => (7..=if number.starts_with('0') { 13 } else { 12 }).contains(&number.len()),
    }
}

/// Neither area code nor exchange begins with 0 or 1 (North American Numbering Plan).
pub fn is_north_american(digits: &str) -> bool {
    digits.len() == 10 && !digits.starts_with(['0', '1']) && !digits[3..].starts_with(['0', '1'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialled(digits: &str) -> String {
        international(digits).map(|number| number.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_trunk_prefix_after_the_country_code_is_not_dialled() {
        assert_eq!(dialled("4402079460123"), "+442079460123");
        assert_eq!(dialled("49030901820"), "+4930901820");
        assert_eq!(dialled("36061234567"), "+3661234567");
        assert_eq!(dialled("390612345678"), "+390612345678", "in Italy it is");
        assert_eq!(dialled("12125550142"), "+12125550142");
    }

    #[test]
    fn what_no_plan_has_is_no_number() {
        for digits in ["", "1", "44", "999123456789", "442079", "11234567890", "4420794601234567", "210123456789"] {
            assert_eq!(dialled(digits), "", "{digits}");
        }
    }

    #[test]
    fn calls_abroad_begin_with_the_prefix_of_the_country_one_is_in() {
        for digits in ["00442079460123", "011442079460123", "0011442079460123", "004402079460123"] {
            assert_eq!(dialled_abroad(digits).unwrap().to_string(), "+442079460123", "{digits}");
        }
        assert_eq!(dialled_abroad("01144445555"), None, "Buenos Aires");
        assert_eq!(dialled_abroad("02079460123"), None);
    }

    #[test]
    fn a_national_number_is_one_of_its_country() {
        assert_eq!(within(44, "02079460123").unwrap().to_string(), "+442079460123");
        assert_eq!(within(1, "2125550142").unwrap().to_string(), "+12125550142");
        assert_eq!(within(1, "12125550142").unwrap().to_string(), "+12125550142");
        assert_eq!(within(39, "0612345678").unwrap().to_string(), "+390612345678");
        assert_eq!(within(44, "123"), None);
    }

    #[test]
    fn country_codes_are_sorted_and_none_begins_with_another() {
        let codes: Vec<String> = PLANS.iter().map(|plan| plan.0.to_string()).collect();
        assert!(PLANS.is_sorted_by_key(|plan| plan.0) && codes.len() > 200);
        for code in &codes {
            assert_eq!(codes.iter().filter(|other| code.starts_with(other.as_str())).count(), 1, "{code}");
        }
    }
}
