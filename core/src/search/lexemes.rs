//! What a text's search document has beside its words.

use std::collections::BTreeSet;
use std::ops::Range;

use super::number_lexeme;
use crate::phone::Caller;
use crate::pii;
use crate::text::Utterance;
use crate::transcript::Role;
use crate::tsvector::LEXEME_MAX;

/// The further lexemes of a text: numbers of seven digits or more, written or spoken; parts of codes and amounts; e-mail
/// addresses and their parts. Most texts have none. What is longer than a lexeme may be is left out.
pub fn lexemes(text: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    for line in text.lines() {
        for (_, digits) in pii::digit_strings(line) {
            found.insert(number_lexeme(&digits));
        }
        if may_hold_address(line) {
            for email in pii::emails(&Utterance::new(Role::User, line)) {
                found.extend(parts_of_address(&email.value));
            }
        }
        if has_digit(line) {
            found.extend(line.split_whitespace().filter(|token| has_digit(token)).flat_map(parts_of_code));
        }
    }
    found.into_iter().filter(|lexeme| lexeme.len() <= LEXEME_MAX).collect()
}

/// Where numbers stand in a text that end in one of these strings of digits, or in which one of these ends.
pub fn matching(text: &str, wanted: &[String]) -> Vec<Range<usize>> {
    let matches = |digits: &str| wanted.iter().any(|wanted| digits.ends_with(wanted.as_str()));
    pii::digit_strings(text).into_iter().filter(|(_, digits)| matches(digits)).map(|(place, _)| place).collect()
}

/// Whether a caller's number is said in a text, whatever it is said to be.
pub fn mentions(text: &str, caller: &Caller) -> bool {
    pii::digit_strings(text).iter().any(|(_, digits)| Caller::parse(digits).is_ok_and(|said| said.is(caller)))
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
}

fn may_hold_address(line: &str) -> bool {
    line.contains('@')
        || (line.contains(" at ") || line.contains(" arroba ")) && (line.contains(" dot ") || line.contains(" punto "))
}

/// The address, its local part, its domain, and what these are made of.
fn parts_of_address(address: &str) -> Vec<String> {
    let Some((local, domain)) = address.split_once('@') else { return Vec::new() };
    let host = domain.rsplit_once('.').map_or(domain, |(host, _)| host);
    let words = local.split(|c: char| !c.is_alphanumeric()).chain(host.split('.'));
    let all = [address, local, domain].into_iter().chain(words);
    all.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// No code, amount or house number is longer.
const CODE_MAX: usize = 64;

/// Of `AB-1234-XY` each part with a digit, and the whole without its signs; of `$1,250.00` the amount without and with its
/// cents; of `221B` the number.
pub(super) fn parts_of_code(token: &str) -> Vec<String> {
    let code = token.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let signed =
        token.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '-' && c != '+').starts_with(['-', '+']);
    if code.len() > CODE_MAX {
        return Vec::new();
    }
    if let Some(amount) = amount(&code) {
        return amount;
    }
    let parts: Vec<&str> = code.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let mut found: Vec<String> = Vec::new();
    if parts.len() > 1 || signed {
        found.extend(parts.iter().filter(|part| has_digit(part)).map(|part| (*part).to_owned()));
    }
    let has_letter = code.chars().any(char::is_alphabetic);
    let joined_by_hyphens = code.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '.'));
    if parts.len() > 1 && has_letter && joined_by_hyphens {
        found.push(parts.concat());
    }
    // "221B"
    if let [house] = parts[..]
        && let Some(number) = house.strip_suffix(|c: char| c.is_ascii_lowercase())
        && number.len() > 1
        && number.bytes().all(|b| b.is_ascii_digit())
    {
        found.push(number.to_owned());
    }
    found
}

/// `1,250.00` is 1250 and 1250.00; `45.50` is 45.50 and 45.
pub(super) fn amount(code: &str) -> Option<Vec<String>> {
    let (whole, cents) = code.split_once('.').map_or((code, None), |(whole, cents)| (whole, Some(cents)));
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let thousands = groups.clone().all(|group| group.len() == 3 && digits(group));
    let is_amount = digits(first) && thousands && (first.len() <= 3 || groups.clone().next().is_none());
    if !is_amount || (cents.is_none() && groups.clone().next().is_none()) || !cents.is_none_or(digits) {
        return None;
    }
    let whole: String = std::iter::once(first).chain(groups).collect();
    Some(match cents {
        Some(cents) => vec![format!("{whole}.{cents}"), whole],
        None => vec![whole],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_lexeme_however_it_is_said() {
        for said in [
            "my number is 212-555-0142, call me.",
            "(212) 555-0142",
            "212 555 0142",
            "2125550142",
            "212.555.0142",
            "two one two, five five five, oh one four two",
        ] {
            assert!(lexemes(said).iter().any(|lexeme| lexeme == "#2410555212"), "{said}: {:?}", lexemes(said));
        }
        assert!(lexemes("+44 (0)20 7946 0123").contains(&"#321064970244".to_owned()));
        assert_eq!(lexemes("order 49149534"), ["#43594194"]);
        assert_eq!(lexemes("two people on Tuesday, the 4th, at half past 7"), [""; 0]);
    }

    #[test]
    fn a_callers_number_is_mentioned_in_whatever_form() {
        let caller = Caller::parse("+12125550142").unwrap();
        for said in
            ["call 212-555-0142", "two one two five five five oh one four two", "order 2125550142", "+1 (212) 555 0142"]
        {
            assert!(mentions(said, &caller), "{said}");
        }
        for said in ["212-555-0143", "555-0142", "twelve"] {
            assert!(!mentions(said, &caller), "{said}");
        }
    }

    #[test]
    fn codes_amounts_and_addresses_have_parts() {
        assert_eq!(parts_of_code("AB-12345,"), ["12345", "ab12345"]);
        assert_eq!(parts_of_code("($1,250.00)"), ["1250.00", "1250"]);
        assert_eq!(parts_of_code("45.50"), ["45.50", "45"]);
        assert_eq!(parts_of_code("1,250,000"), ["1250000"]);
        assert_eq!(parts_of_code("12/14"), ["12", "14"]);
        assert_eq!(parts_of_code("221B"), ["221"]);
        assert_eq!(parts_of_code("-12"), ["12"]);
        for word in ["1250", "3rd", "10am", "2026.", "hello"] {
            assert_eq!(parts_of_code(word), [""; 0], "{word}");
        }
        assert_eq!(
            lexemes("it's kim dot ortega at example dot com"),
            ["example", "example.com", "kim", "kim.ortega", "kim.ortega@example.com", "ortega"]
        );
    }
}
