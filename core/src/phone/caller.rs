//! A caller's number, however it is written: what `voice_erase_caller` is given, and what calls have in their columns.

use super::{International, Plan, dialled_abroad, dialled_within, international};
use crate::text::digit;

/// A number that somebody can be called back on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// ASCII digits, without a prefix for calls abroad.
    digits: String,
    /// With a plus or such a prefix in front of its country code.
    international: Option<International>,
}

/// Why something is no caller's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotACaller {
    /// Fewer than [`DIGITS_MIN`] digits.
    TooShort,
    /// What networks send for callers who withhold their number: all of them have this one.
    Withheld,
    /// Digits that stand for a number: all alike, or counting.
    Placeholder,
}

/// A short code has five.
pub const DIGITS_MIN: usize = 5;

/// "Anonymous", "blocked", "payphone", "private", "restricted", "unavailable", "unknown" and "withheld" on a telephone's
/// keys, which carriers and Twilio send as the number (Twilio, "Why am I getting calls from these strange numbers?").
const WITHHELD: [&str; 8] =
    ["266696687", "2562533", "72974663", "7748283", "7378742833", "86282452253", "8656696", "94844353"];

impl Caller {
    /// Reads a number in any usual form: `+1 (212) 555-0142`, `011 44 20 …`, `+44 (0)20 …`, `sip:+12125550142@host;x=y`,
    /// `212-555-0142 ext. 7`, digits of other scripts.
    pub fn parse(text: &str) -> Result<Caller, NotACaller> {
        let text = text.trim();
        let scheme = ["sip:", "sips:", "tel:", "callto:", "whatsapp:"]
            .into_iter()
            .find(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
        let text = &text[scheme.map_or(0, str::len)..];
        let text = text.split(['@', ';']).next().unwrap_or_default();
        let lower = text.to_ascii_lowercase();
        let extension = lower.find(['x', '#']).or_else(|| lower.find("ext")).unwrap_or(lower.len());
        let text = &text[..extension];
        let all: String = text.chars().filter_map(digit).collect();
        let plus = text.trim_start_matches(|c: char| c.is_whitespace() || c == '(').starts_with(['+', '＋']);
        let known = if plus { international(&all) } else { dialled_abroad(&all) };
        let digits = match &known {
            Some(number) => format!("{}{}", number.code, number.national),
            None => all.strip_prefix("00").unwrap_or(&all).to_owned(),
        };
        match digits.as_str() {
            digits if digits.len() < DIGITS_MIN => Err(NotACaller::TooShort),
            digits if WITHHELD.contains(&digits) => Err(NotACaller::Withheld),
            digits
                if is_placeholder(digits) || is_placeholder(Plan::of(digits).map_or("", |(_, national)| national)) =>
            {
                Err(NotACaller::Placeholder)
            }
            _ => Ok(Caller { digits, international: known }),
        }
    }

    /// Whether this is the number of the other: with or without its country code, dialled from here or from abroad.
    pub fn is(&self, other: &Caller) -> bool {
        if self.digits == other.digits {
            return true;
        }
        match (&self.international, &other.international) {
            (Some(_), Some(_)) => false,
            (Some(known), None) => may_be(known, other),
            (None, Some(known)) => may_be(known, self),
            (None, None) => {
                let written_with_code = |caller: &Caller| caller.with_code();
                written_with_code(self).is_some_and(|known| may_be(&known, other))
                    || written_with_code(other).is_some_and(|known| may_be(&known, self))
                    || self.digits.trim_start_matches('0') == other.digits.trim_start_matches('0')
            }
        }
    }

    /// The number with its country code, `+12125550142`, if that is known.
    pub fn international(&self) -> Option<String> {
        self.with_code().map(|known| known.to_string())
    }

    /// Digits that are long enough for a country code may begin with one: calls come as 12125550142 too.
    fn with_code(&self) -> Option<International> {
        const DIGITS_WITH_CODE: usize = 11;
        let bare = || international(&self.digits).filter(|_| self.digits.len() >= DIGITS_WITH_CODE);
        self.international.clone().or_else(bare)
    }
}

/// Whether the digits without a country code are this number's, dialled within its country.
fn may_be(known: &International, other: &Caller) -> bool {
    other.digits.strip_prefix('0') == Some(known.national.as_str()) || dialled_within(known).contains(&other.digits)
}

fn is_placeholder(digits: &str) -> bool {
    if digits.len() < DIGITS_MIN {
        return false;
    }
    let steps = |step: i16| {
        digits.as_bytes().windows(2).all(|pair| (i16::from(pair[1]) - i16::from(pair[0]) - step).rem_euclid(10) == 0)
    };
    steps(0) || steps(1) || steps(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(text: &str) -> Caller {
        Caller::parse(text).unwrap_or_else(|why| panic!("{text}: {why:?}"))
    }

    #[test]
    fn a_caller_is_one_in_every_form() {
        for (stored, forms) in [
            (
                "+442079460123",
                "+44 (0)20 7946 0123|+44 20 7946 0123|011 44 20 7946 0123|0011442079460123|00442079460123|020 7946 0123|(020) 7946-0123|\
                 442079460123|tel:+44-20-7946-0123|sip:+442079460123@trunk.example.com;user=phone|+44 20 7946 0123 ext. 12|\
                 +٤٤٢٠٧٩٤٦٠١٢٣",
            ),
            (
                "+12125550142",
                "(212) 555-0142|212.555.0142|1-212-555-0142|12125550142|+1 212 555 0142|001 212 555 0142|2125550142 x7|whatsapp:+12125550142",
            ),
            ("2125550142", "+12125550142|(212) 555-0142|12125550142"),
            ("02079460123", "+442079460123|020 7946 0123"),
            ("+390612345679", "06 1234 5679|0039 06 1234 5679"),
            ("+4915112345678", "0151 12345678|+49 (0)151 12345678"),
        ] {
            let known = caller(stored);
            for form in forms.split('|') {
                assert!(caller(form).is(&known) && known.is(&caller(form)), "{form} is {stored}");
            }
        }
    }

    #[test]
    fn another_number_is_another_caller() {
        for (one, other) in [
            ("+12125550142", "+12125550143"),
            ("+12125550142", "+442125550142"),
            ("5550142", "+12125550142"),
            ("+442079460123", "+4420794601234"),
            ("79460123", "+442079460123"),
        ] {
            assert!(!caller(one).is(&caller(other)) && !caller(other).is(&caller(one)), "{one} is not {other}");
        }
    }

    #[test]
    fn what_stands_for_many_callers_is_refused() {
        for withheld in
            ["+266696687", "266696687", "+2562533", "8656696", "+7378742833", "+86282452253", "sip:266696687@x"]
        {
            assert_eq!(Caller::parse(withheld), Err(NotACaller::Withheld), "{withheld}");
        }
        for placeholder in
            ["00000", "+10000000000", "1111111111", "+15555555555", "1234567890", "0123456789", "987654321"]
        {
            let refused = Caller::parse(placeholder);
            assert!(
                matches!(refused, Err(NotACaller::Placeholder | NotACaller::TooShort)),
                "{placeholder}: {refused:?}"
            );
        }
        for none in ["", "anonymous", "Restricted", "+1", "unknown@unknown.invalid", "sip:anonymous@anonymous.invalid"]
        {
            assert_eq!(Caller::parse(none), Err(NotACaller::TooShort), "{none}");
        }
    }
}
