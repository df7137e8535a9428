//! Numbers and strangers' words as the page writes them.

use crate::scrub::shortened;
use crate::strip_invisible::strip_invisible;

/// `1234567` is `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Whole, with thousands apart.
pub fn whole(n: f64) -> String {
    match n.is_finite() && n >= 0.0 {
        true => count(n.round() as u64),
        false => "–".to_owned(),
    }
}

/// A share of 0 to 1; less than half a per cent shows a digit more, so that a little is not nothing.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        p if !p.is_finite() => "–".to_owned(),
        p if p > 0.0 && p < 0.95 => format!("{p:.1} %"),
        p => format!("{p:.0} %"),
    }
}

/// -1 to 1 with its sign; a true minus, as wide as the plus.
pub fn signed(n: f64) -> String {
    let shown = format!("{:.2}", n.abs());
    match (shown == "0.00", n < 0.0) {
        (true, _) => shown,
        (false, true) => format!("−{shown}"),
        (false, false) => format!("+{shown}"),
    }
}

/// Milliseconds, seconds or minutes, whichever is read at a glance.
pub fn duration(ms: f64) -> String {
    match ms {
        ms if !ms.is_finite() || ms < 0.0 => "–".to_owned(),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms if ms < 10_000.0 => format!("{:.2} s", ms / 1000.0),
        ms if ms < 120_000.0 => format!("{:.0} s", ms / 1000.0),
        ms => format!("{:.0} min", ms / 60_000.0),
    }
}

/// Money, with as many digits as its size asks for: `1,234.50 USD`, `0.0712 USD`, `0.000779 USD`.
pub fn money(amount: f64, currency: &str) -> String {
    let size = amount.abs();
    let digits = match size {
        size if !size.is_finite() => return "–".to_owned(),
        size if size >= 1e15 => return format!("{amount:.2e} {currency}").trim_end().to_owned(),
        size if size == 0.0 || size >= 1.0 => 2,
        size if size >= 0.01 => 4,
        _ => 6,
    };
    let shown = format!("{size:.digits$}");
    let (units, fraction) = shown.split_once('.').unwrap_or((&shown, ""));
    let units = units.parse().map_or_else(|_| units.to_owned(), count);
    let sign = if amount < 0.0 { "−" } else { "" };
    format!("{sign}{units}.{fraction} {currency}").trim_end().to_owned()
}

/// Words of strangers on one line: nothing in them that cannot be seen, and at most so many characters.
pub fn line(text: &str, max_chars: usize) -> String {
    // What is cut off is not looked at: a name may have megabytes.
    let bounded: String = text.chars().take(max_chars.saturating_mul(4)).collect();
    shortened(strip_invisible(&bounded).trim(), max_chars)
}

/// The same of several lines.
pub fn lines(text: &str, max_chars: usize) -> String {
    let bounded: String = text.chars().take(max_chars.saturating_mul(2)).collect();
    shortened(&bounded.lines().map(strip_invisible).collect::<Vec<_>>().join("\n"), max_chars)
}

/// `caller_hung_up` as people say it.
pub fn words(code: &str) -> String {
    line(&code.replace(['_', '-'], " "), 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!([count(0), count(999), count(1000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([percent(0.0), percent(0.004), percent(0.756), percent(1.0)], ["0 %", "0.4 %", "76 %", "100 %"]);
        assert_eq!([signed(0.187), signed(-0.71), signed(-0.001)], ["+0.19", "−0.71", "0.00"]);
        assert_eq!(
            [duration(752.1), duration(1950.9), duration(34_500.0), duration(529_680.0)],
            ["752 ms", "1.95 s", "34 s", "9 min"]
        );
        assert_eq!(
            [
                money(1234.5, "USD"),
                money(0.07125, "USD"),
                money(0.000_779, "EUR"),
                money(0.0, ""),
                money(-2.0, "USD"),
                money(1e300, "")
            ],
            ["1,234.50 USD", "0.0712 USD", "0.000779 EUR", "0.00", "−2.00 USD", "1.00e300"]
        );
        assert_eq!([whole(f64::NAN), percent(f64::NAN), duration(-1.0)], ["–", "–", "–"]);
    }

    #[test]
    fn strangers_words_are_cut_and_have_nothing_invisible() {
        assert_eq!(line("ab\u{202e}cd\n<b>", 80), "abcd <b>");
        assert_eq!(line(&"x".repeat(10_000), 5), "xxxx…");
        assert_eq!(line("שלום", 80), "שלום");
        assert_eq!(lines("user: a\nassistant: b\u{200b}", 100), "user: a\nassistant: b");
    }
}
