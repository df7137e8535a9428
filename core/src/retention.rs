//! How long calls are kept, as a DBA writes it: `off`, or an interval of days, weeks, months or years.

/// Why a text is no retention.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetentionError {
    /// Not a number and a unit, or several.
    Unreadable,
    /// Zero, negative, or nothing at all.
    NotPositive,
    /// Longer than a thousand years.
    TooLong,
}

/// Whether the text says `off` (false) or a time to keep calls (true).
///
/// ```
/// use voice_core::retention::{RetentionError, check};
/// assert_eq!(check("off"), Ok(false));
/// assert_eq!(check("13 months"), Ok(true));
/// assert_eq!(check("1 year 6 mons"), Ok(true));
/// assert_eq!(check("0 days"), Err(RetentionError::NotPositive));
/// assert_eq!(check("-1 month"), Err(RetentionError::NotPositive));
/// assert_eq!(check("forever"), Err(RetentionError::Unreadable));
/// assert_eq!(check("1"), Err(RetentionError::Unreadable));
/// assert_eq!(check("99999 years"), Err(RetentionError::TooLong));
/// ```
pub fn check(text: &str) -> Result<bool, RetentionError> {
    if text.trim() == "off" {
        return Ok(false);
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() || !words.len().is_multiple_of(2) {
        return Err(RetentionError::Unreadable);
    }
    let mut days: i64 = 0;
    for pair in words.as_chunks::<2>().0 {
        let count: i64 = pair[0].parse().map_err(|_| RetentionError::Unreadable)?;
        let unit = match pair[1] {
            "day" | "days" => 1,
            "week" | "weeks" => 7,
            "mon" | "mons" | "month" | "months" => 30,
            "year" | "years" => 365,
            _ => return Err(RetentionError::Unreadable),
        };
        if count < 0 {
            return Err(RetentionError::NotPositive);
        }
        days = days.saturating_add(count.saturating_mul(unit));
    }
    match days {
        ..=0 => Err(RetentionError::NotPositive),
        1..=365_000 => Ok(true),
        _ => Err(RetentionError::TooLong),
    }
}
