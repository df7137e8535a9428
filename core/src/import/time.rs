//! Times of the formats: what a number counts, and what range of it can be the time of a call.
//!
//! Everything becomes milliseconds: since 1970-01-01T00:00:00Z (a moment) or since the start of the call (an offset).
//! A number that can only be right in another unit is an error that says which unit was read.

/// A moment as an import says it.
#[derive(Debug, Clone, PartialEq)]
pub enum Time {
    /// As the sender wrote it; where it names no time zone, Postgres reads it in that of the session.
    Text(String),
    /// Milliseconds since 1970 (UTC), with a fraction of at most a microsecond.
    EpochMs(f64),
}

/// What a number of a format counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    EpochSeconds,
    EpochMilliseconds,
    /// Seconds or milliseconds since 1970: of one package two releases, or two languages, write one each. From 2000 to
    /// 2099 the two ranges do not touch.
    EpochSecondsOrMilliseconds,
    Seconds,
    Milliseconds,
    Minutes,
}

/// The most milliseconds that an `int` column takes: 24 days.
pub const MAX_MS: f64 = 2_147_483_647.0;
/// Clocks of one call differ by seconds; what differs by more than this is another unit, or another call.
pub const MOST_CLOCK_SKEW_MS: f64 = 3_600_000.0;
const SECOND: f64 = 1000.0;
const DAY: f64 = 86_400_000.0;
const YEAR_2000: f64 = 946_684_800_000.0;
const YEAR_2100: f64 = 4_102_444_800_000.0;

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Unit::EpochSeconds => "seconds since 1970",
            Unit::EpochMilliseconds => "milliseconds since 1970",
            Unit::EpochSecondsOrMilliseconds => "seconds or milliseconds since 1970",
            Unit::Seconds => "seconds",
            Unit::Milliseconds => "milliseconds",
            Unit::Minutes => "minutes",
        }
    }

    fn milliseconds(self, value: f64) -> f64 {
        match self {
            Unit::EpochSeconds | Unit::Seconds => value * SECOND,
            Unit::EpochMilliseconds | Unit::Milliseconds => value,
            Unit::EpochSecondsOrMilliseconds if value < YEAR_2000 / 10.0 => value * SECOND,
            Unit::EpochSecondsOrMilliseconds => value,
            Unit::Minutes => value * 60.0 * SECOND,
        }
    }

    /// A moment, in milliseconds since 1970. The error is what the number should have been.
    pub fn moment(self, value: f64) -> Result<f64, String> {
        let ms = self.milliseconds(value);
        if (YEAR_2000..YEAR_2100).contains(&ms) {
            Ok(whole_microseconds(ms))
        } else {
            Err(format!("a time in {}, from 2000 to 2099; read so, it is in {}", self.name(), year_named(ms)))
        }
    }

    /// Milliseconds between two moments: of either sign, at most 24 days.
    pub fn offset(self, value: f64) -> Result<f64, String> {
        let ms = self.milliseconds(value);
        if ms.abs() <= MAX_MS {
            Ok(whole_microseconds(ms))
        } else {
            Err(format!("a number of {} within 24 days", self.name()))
        }
    }

    /// Milliseconds that something took.
    pub fn duration(self, value: f64) -> Result<f64, String> {
        match self.offset(value) {
            Ok(ms) if ms >= 0.0 => Ok(ms),
            _ => Err(format!("a number of {} from 0 to 24 days", self.name())),
        }
    }
}

/// Differences of large numbers carry digits that nobody gave.
pub fn whole_microseconds(ms: f64) -> f64 {
    (ms * 1000.0).round() / 1000.0
}

fn year_named(ms: f64) -> String {
    let days = (ms / DAY).floor();
    match days.abs() < 1e9 {
        true => format!("the year {}", civil(days as i64).0),
        false => "no year that we count".to_owned(),
    }
}

/// RFC 3339 in UTC with microseconds, of a moment from 0000 to 9999; others are shown as 1970.
pub fn rfc3339(ms: f64) -> String {
    let us = (ms * 1000.0).round() as i64;
    let (day, us) = (us.div_euclid(86_400_000_000), us.rem_euclid(86_400_000_000));
    let (year, month, date) = match civil(day) {
        civil @ (0..=9999, ..) => civil,
        _ => (1970, 1, 1),
    };
    let (hour, minute, second) = (us / 3_600_000_000, us / 60_000_000 % 60, us / 1_000_000 % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", us % 1_000_000)
}

/// A time that ISO 8601 or RFC 3339 writes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Iso {
    /// Milliseconds since 1970; without a zone: as if it were UTC.
    pub ms: f64,
    pub has_zone: bool,
}

/// `YYYY-MM-DD`, and with `T` or a space `HH:MM[:SS[.fraction]]` and `Z`, `z`, `+HH`, `+HHMM` or `+HH:MM`. `None`: no such
/// time, or no such day.
pub fn iso(text: &str) -> Option<Iso> {
    let number = |text: &str, digits: usize| -> Option<i64> {
        (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
    };
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let days = days_from_civil(year, month, day);
    if civil(days) != (year, month, day) {
        return None;
    }
    let midnight = days as f64 * DAY;
    if rest.is_empty() {
        return Some(Iso { ms: midnight, has_zone: false });
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, zone) = rest.split_at(rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len()));
    let (clock, fraction) = clock.trim_end().split_once('.').unwrap_or((clock.trim_end(), ""));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |second| number(second, 2))?;
    // A leap second is the second after it, as Postgres has it.
    if hour > 23 || minute > 59 || second > 60 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction = if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse::<f64>().ok()? };
    let east = match zone {
        "" | "Z" | "z" => 0,
        zone => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let digits = zone.get(1..)?.replace(':', "");
            let (hours, minutes) = match digits.len() {
                2 => (number(&digits, 2)?, 0),
                4 => (number(&digits[..2], 2)?, number(&digits[2..], 2)?),
                _ => return None,
            };
            sign * (hours * 60 + minutes)
        }
    };
    let seconds = hour * 3600 + minute * 60 + second - east * 60;
    let ms = midnight + (seconds as f64 + fraction) * SECOND;
    Some(Iso { ms: whole_microseconds(ms), has_zone: !zone.is_empty() })
}

/// The date of a day counted from 1970-01-01, in the proleptic Gregorian calendar: year, month, day.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day of a date, counted from 1970-01-01: the inverse of `civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_is_read_in_one_unit_and_refused_in_another() {
        let call = 1_790_000_000.0;
        assert_eq!(Unit::EpochSeconds.moment(call), Ok(call * 1000.0));
        assert_eq!(Unit::EpochMilliseconds.moment(call * 1000.0), Ok(call * 1000.0));
        assert_eq!(
            Unit::EpochMilliseconds.moment(call).unwrap_err(),
            "a time in milliseconds since 1970, from 2000 to 2099; read so, it is in the year 1970"
        );
        assert_eq!(
            Unit::EpochSeconds.moment(call * 1000.0).unwrap_err(),
            "a time in seconds since 1970, from 2000 to 2099; read so, it is in the year 58692"
        );
        assert!(Unit::EpochSeconds.moment(f64::NAN).is_err() && Unit::EpochSeconds.moment(f64::MAX).is_err());
        for either in [call, call * 1000.0] {
            assert_eq!(Unit::EpochSecondsOrMilliseconds.moment(either), Ok(call * 1000.0));
        }
        assert_eq!(Unit::Minutes.duration(0.5), Ok(30_000.0));
        assert_eq!(Unit::Seconds.offset(-1.2345678), Ok(-1234.568));
        assert!(Unit::Seconds.duration(-0.001).is_err() && Unit::Seconds.offset(3e6).is_err());
    }

    #[test]
    fn iso_times_are_moments_and_say_whether_they_name_a_zone() {
        let at = |ms: f64, has_zone| Some(Iso { ms, has_zone });
        assert_eq!(iso("2026-09-21T14:13:20Z"), at(1_790_000_000_000.0, true));
        assert_eq!(iso("2026-09-21 16:13:20.5+02"), at(1_790_000_000_500.0, true));
        assert_eq!(iso("2026-09-21T08:43:20.123456789-0530"), at(1_790_000_000_123.457, true));
        assert_eq!(iso("2026-09-21"), at(1_789_948_800_000.0, false));
        assert_eq!(iso("2024-02-29T00:00"), at(1_709_164_800_000.0, false));
        for bad in [
            "",
            "now",
            "2026-02-29",
            "2026-09-21T",
            "2026-09-21T25:00",
            "2026-09-21T10:00+5",
            "２026-09-21",
            "2026-09-21T10:00:00.x",
        ] {
            assert_eq!(iso(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(us in -62_167_219_200_000_000_i64..253_402_300_800_000_000) {
            let ms = us as f64 / 1000.0;
            let read = iso(&rfc3339(ms)).unwrap();
            prop_assert!(read.has_zone && (read.ms - ms).abs() < 0.04, "{ms}: {read:?}");
        }

        #[test]
        fn every_day_has_one_date(days in -1_000_000_i64..4_000_000) {
            let (year, month, day) = civil(days);
            prop_assert_eq!(days_from_civil(year, month, day), days);
            prop_assert!((1..=12).contains(&month) && (1..=31).contains(&day));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-0-9T:.Z+ ２é]{0,40}") {
            let _ = iso(&text);
        }
    }
}
