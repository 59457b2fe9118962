//! Dates and moments, in UTC throughout: no time zone has to be known, and no clock changes.
//!
//! A date is `2024-03-01`; a moment is RFC 3339, `2024-03-01T08:00:00Z`, with a fraction or an offset where it has
//! one. What is neither answers `None`, so that the mapping decides whether that is an error of the field.

use super::FunctionError;
use super::text::trim;
use std::fmt;
use std::str::FromStr;

pub(super) const DAY: i64 = 86_400;
/// Windows counts from 1601-01-01, so many seconds before 1970.
const FILETIME_EPOCH: i64 = 11_644_473_600;

/// What dates are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateUnit {
    /// Twelve months.
    Years,
    /// Months of the calendar.
    Months,
    /// Seven days.
    Weeks,
    /// 24 hours.
    Days,
    /// 60 minutes.
    Hours,
    /// 60 seconds.
    Minutes,
    /// Seconds.
    Seconds,
}

impl FromStr for DateUnit {
    type Err = FunctionError;

    fn from_str(text: &str) -> Result<Self, FunctionError> {
        Ok(match text {
            "years" => Self::Years,
            "months" => Self::Months,
            "weeks" => Self::Weeks,
            "days" => Self::Days,
            "hours" => Self::Hours,
            "minutes" => Self::Minutes,
            "seconds" => Self::Seconds,
            _ => return Err(FunctionError::Unit(text.to_owned())),
        })
    }
}

impl DateUnit {
    /// The unit as months, or as seconds.
    fn size(self) -> Result<i64, i64> {
        match self {
            Self::Years => Ok(12),
            Self::Months => Ok(1),
            Self::Weeks => Err(7 * DAY),
            Self::Days => Err(DAY),
            Self::Hours => Err(3600),
            Self::Minutes => Err(60),
            Self::Seconds => Err(1),
        }
    }
}

/// The date or moment so much later, or earlier where the amount is negative. Months and years keep the day or
/// take the month's last; hours, minutes and seconds make a moment of a date.
///
/// ```
/// use scimwright_guest::functions::{DateUnit, date_add};
///
/// assert_eq!(date_add("2024-01-31", 1, DateUnit::Months).as_deref(), Some("2024-02-29"));
/// ```
#[must_use]
pub fn date_add(date: &str, amount: i64, unit: DateUnit) -> Option<String> {
    let instant = Instant::read(date)?;
    let moved = match unit.size() {
        Ok(months) => instant.plus_months(amount.checked_mul(months)?)?,
        Err(seconds) => {
            let is_date = instant.is_date && seconds % DAY == 0;
            let seconds = instant.seconds.checked_add(amount.checked_mul(seconds)?)?;
            Instant { seconds, is_date, ..instant }
        }
    };
    Some(moved.in_range()?.to_string())
}

/// How many whole units lie between two dates or moments, negative when `to` is earlier.
///
/// ```
/// use scimwright_guest::functions::{DateUnit, date_diff};
///
/// assert_eq!(date_diff("2000-02-29", "2024-02-28", DateUnit::Years), Some(23));
/// ```
#[must_use]
pub fn date_diff(from: &str, to: &str, unit: DateUnit) -> Option<i64> {
    let (from, to) = (Instant::read(from)?, Instant::read(to)?);
    match unit.size() {
        Ok(size) => {
            let ((from_year, from_month, _), (to_year, to_month, _)) = (from.civil(), to.civil());
            let mut months = (to_year - from_year) * 12 + to_month - from_month;
            let moved = from.plus_months(months)?;
            if months > 0 && moved.key() > to.key() {
                months -= 1;
            } else if months < 0 && moved.key() < to.key() {
                months += 1;
            }
            Some(months / size)
        }
        Err(size) => {
            let (mut seconds, nanos) =
                (to.seconds - from.seconds, i64::from(to.nanos) - i64::from(from.nanos));
            // Rounded towards 0.
            if seconds > 0 && nanos < 0 {
                seconds -= 1;
            } else if seconds < 0 && nanos > 0 {
                seconds += 1;
            }
            Some(seconds / size)
        }
    }
}

/// Whether a date or moment is earlier than another.
#[must_use]
pub fn is_before(date: &str, other: &str) -> Option<bool> {
    Some(Instant::read(date)?.key() < Instant::read(other)?.key())
}

/// Whether a date or moment is later than another.
#[must_use]
pub fn is_after(date: &str, other: &str) -> Option<bool> {
    is_before(other, date)
}

/// The day of the week in UTC, from 1 for Monday to 7 for Sunday.
#[must_use]
pub fn weekday(date: &str) -> Option<u8> {
    Some(Instant::read(date)?.weekday())
}

/// The moment of a Windows file time, as Active Directory has it: hundreds of nanoseconds since 1601, in text. 0
/// and 9223372036854775807 mean never, and answer `None`.
#[must_use]
pub fn date_from_filetime(number: &str) -> Option<String> {
    let number: i64 = trim(number).parse().ok().filter(|number| *number > 0)?;
    let nanos = u32::try_from(number % 10_000_000).ok()? * 100;
    let instant = Instant { seconds: number / 10_000_000 - FILETIME_EPOCH, nanos, is_date: false };
    Some(instant.in_range()?.to_string())
}

/// A date or moment as Windows file time; `None` before 1601.
#[must_use]
pub fn filetime_from_date(date: &str) -> Option<String> {
    let instant = Instant::read(date)?;
    let seconds = instant.seconds + FILETIME_EPOCH;
    (seconds >= 0).then(|| (seconds * 10_000_000 + i64::from(instant.nanos / 100)).to_string())
}

/// The moment of a Unix time in whole seconds.
#[must_use]
pub fn date_from_unix(seconds: i64) -> Option<String> {
    Some(Instant { seconds, nanos: 0, is_date: false }.in_range()?.to_string())
}

/// A date or moment as Unix time in whole seconds, rounded down.
#[must_use]
pub fn unix_from_date(date: &str) -> Option<i64> {
    Some(Instant::read(date)?.seconds)
}

/// The date of a day number of a spreadsheet: 45352 is 2024-03-01. Numbers up to 60, where spreadsheets count a
/// day that never was, answer `None`.
#[must_use]
pub fn date_from_excel(number: i64) -> Option<String> {
    // 25569 is 1970-01-01.
    let seconds = number.checked_sub(25_569)?.checked_mul(DAY)?;
    let instant = Instant { seconds, nanos: 0, is_date: true };
    (number > 60).then_some(instant)?.in_range().map(|instant| instant.to_string())
}

/// Whether a text is a day that exists, or a moment as RFC 3339 §5.6 has it, with `T` or the space that the
/// section's note allows.
pub(crate) fn is_date_or_moment(text: &str) -> bool {
    Instant::read(text).is_some()
}

/// A point in time, and whether it was written as a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instant {
    /// Since 1970, negative before.
    pub(super) seconds: i64,
    pub(super) nanos: u32,
    pub(super) is_date: bool,
}

impl Instant {
    /// A date or a moment, with blank characters at its ends.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = trim(text);
        let (date, rest) = text.split_at_checked(10)?;
        let date = Self::read_date(date)?;
        if rest.is_empty() {
            return Some(date);
        }
        let time = rest.strip_prefix(['T', 't', ' '])?;
        let (clock, rest) = time.split_at_checked(8)?;
        let [hours, minutes, seconds] = two_digits(clock)?;
        // RFC 3339 §5.7: a leap second is :60. Here it is the second that follows.
        if hours > 23 || minutes > 59 || seconds > 60 {
            return None;
        }
        let (nanos, zone) = match rest.strip_prefix('.') {
            Some(rest) => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                let (fraction, zone) = rest.split_at(digits);
                let scale = 10_u32.checked_pow(9_u32.checked_sub(u32::try_from(digits).ok()?)?)?;
                (fraction.parse::<u32>().ok()? * scale, zone)
            }
            None => (0, rest),
        };
        let seconds = date.seconds + hours * 3600 + minutes * 60 + seconds - read_offset(zone)?;
        Self { seconds, nanos, is_date: false }.in_range()
    }

    /// `YYYY-MM-DD`.
    fn read_date(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut number = |length: usize| -> Option<i64> {
            parts.next().filter(|part| part.len() == length && is_digits(part))?.parse().ok()
        };
        let (year, month, day) = (number(4)?, number(2)?, number(2)?);
        Self::date(year, month, day)
    }

    /// The midnight of a day, if there is such a day.
    pub(super) fn date(year: i64, month: i64, day: i64) -> Option<Self> {
        let good = (1..=9999).contains(&year) && (1..=12).contains(&month);
        (good && (1..=days_of(year, month)).contains(&day)).then(|| Self {
            seconds: days_before(year, month, day) * DAY,
            nanos: 0,
            is_date: true,
        })
    }

    /// Itself, in the years 0001 to 9999.
    pub(super) fn in_range(self) -> Option<Self> {
        (-62_135_596_800..=253_402_300_799).contains(&self.seconds).then_some(self)
    }

    /// What instants compare by.
    fn key(self) -> (i64, u32) {
        (self.seconds, self.nanos)
    }

    /// Year, month and day.
    pub(super) fn civil(self) -> (i64, i64, i64) {
        // Howard Hinnant, "chrono-compatible low-level date algorithms": eras of 400 years from March on.
        let days = self.seconds.div_euclid(DAY) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        (year + era * 400 + i64::from(month <= 2), month, day)
    }

    /// Hour, minute and second.
    pub(super) fn clock(self) -> (i64, i64, i64) {
        let seconds = self.seconds.rem_euclid(DAY);
        (seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    /// From 1 for Monday to 7 for Sunday.
    pub(super) fn weekday(self) -> u8 {
        // 1970-01-01 was a Thursday.
        ((self.seconds.div_euclid(DAY) + 3).rem_euclid(7) + 1) as u8
    }

    fn plus_months(self, months: i64) -> Option<Self> {
        let (year, month, day) = self.civil();
        let months = months.checked_add(year * 12 + month - 1)?;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        let moved = Self::date(year, month, day.min(days_of(year, month)))?;
        Some(Self { seconds: moved.seconds + self.seconds.rem_euclid(DAY), ..self })
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")?;
        if self.is_date {
            return Ok(());
        }
        let (hour, minute, second) = self.clock();
        write!(f, "T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanos > 0 {
            let fraction = format!("{:09}", self.nanos);
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// `Z` or `+02:00`, in seconds.
pub(super) fn read_offset(zone: &str) -> Option<i64> {
    let (sign, offset) = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => return Some(0),
        ("+", offset) => (1, offset),
        ("-", offset) => (-1, offset),
        _ => return None,
    };
    let [hours, minutes] = two_digits(offset)?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Numbers of two digits, joined by colons.
fn two_digits<const N: usize>(text: &str) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(':');
    for number in &mut numbers {
        *number = parts.next().filter(|part| part.len() == 2 && is_digits(part))?.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}
