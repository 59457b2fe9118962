//! Dates as other systems write them: read and written by formats such as `dd.MM.yyyy`.
//!
//! | written | is |
//! |---|---|
//! | `yyyy` `yy` | the year; of two digits 69 to 99 are 19xx and 00 to 68 are 20xx |
//! | `MM` `M` `MMM` `MMMM` | the month: `03`, `3`, `Mar`, `March` |
//! | `dd` `d` | the day |
//! | `EEE` `EEEE` | the weekday: `Fri`, `Friday`; reading goes past it |
//! | `HH` `H` | the hour, 0 to 23 |
//! | `hh` `h`, `a` | the hour, 1 to 12, and `AM` or `PM` |
//! | `mm` `ss` `SSS` | minutes, seconds, milliseconds |
//! | `XXX` | the offset, `+02:00` or `Z`; written `Z` |
//! | `'at'` `''` | this text; an apostrophe |
//!
//! What is no ASCII letter stands for itself; another letter is an error.

use super::FunctionError;
use super::dates::{Instant, read_offset};
use super::text::trim;
use std::fmt::Write as _;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// How much of a name `MMM` and `EEE` are.
const SHORT: usize = 3;
/// How long names can be.
const LONG: usize = 9;

/// The date, read by the first of the [formats](self) that fits, as `2024-03-01`; `None` when none fits. Without
/// formats, `yyyy-MM-dd`.
///
/// ```
/// use scimwright_guest::functions::parse_date;
///
/// assert_eq!(parse_date("1.3.2024", &["d.M.yyyy", "M/d/yyyy"])?.as_deref(), Some("2024-03-01"));
/// assert_eq!(parse_date("31.02.2024", &["d.M.yyyy"])?, None);
/// # Ok::<(), scimwright_guest::functions::FunctionError>(())
/// ```
///
/// # Errors
/// [`FunctionError::Format`] when any of the formats is wrong, or says no year, month or day.
pub fn parse_date(text: &str, formats: &[&str]) -> Result<Option<String>, FunctionError> {
    let formats = if formats.is_empty() { &["yyyy-MM-dd"] } else { formats };
    let parsed = parse(text, formats)?;
    Ok(parsed.map(|parsed| parsed.date.to_string()))
}

/// The moment, read by the first of the [formats](self) that fits, in UTC as `2024-03-01T08:00:00Z`; `None` when
/// none fits. Without formats, a moment as RFC 3339 has it, or a date. A text without an offset is in UTC.
///
/// # Errors
/// As for [`parse_date`].
pub fn parse_date_time(text: &str, formats: &[&str]) -> Result<Option<String>, FunctionError> {
    let instant = if formats.is_empty() {
        Instant::read(text)
    } else {
        parse(text, formats)?.and_then(Parsed::instant)
    };
    Ok(instant.map(|instant| Instant { is_date: false, ..instant }.to_string()))
}

/// A date or moment in a [format](self), in UTC; `None` where the text is neither.
///
/// ```
/// use scimwright_guest::functions::format_date;
///
/// assert_eq!(format_date("2024-03-01", "d MMMM yyyy")?.as_deref(), Some("1 March 2024"));
/// # Ok::<(), scimwright_guest::functions::FunctionError>(())
/// ```
///
/// # Errors
/// [`FunctionError::Format`] when the format is wrong.
pub fn format_date(date: &str, format: &str) -> Result<Option<String>, FunctionError> {
    let pieces = pieces(format)?;
    Ok(Instant::read(date).map(|instant| written(instant, &pieces)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Year,
    ShortYear,
    /// With the fewest digits.
    Month(usize),
    /// With how much of it, at most.
    MonthName(usize),
    Day(usize),
    WeekdayName(usize),
    Hour(usize),
    HalfDayHour(usize),
    HalfDay,
    Minute,
    Second,
    Millisecond,
    Offset,
    Literal(char),
}

fn pieces(format: &str) -> Result<Vec<Piece>, FunctionError> {
    let wrong = |problem: String| FunctionError::Format { format: format.to_owned(), problem };
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        if c == '\'' {
            let mut quoted = rest[1..].chars();
            if quoted.as_str().starts_with('\'') {
                pieces.push(Piece::Literal('\''));
                rest = &rest[2..];
                continue;
            }
            loop {
                match quoted.next() {
                    Some('\'') if quoted.as_str().starts_with('\'') => {
                        quoted.next();
                        pieces.push(Piece::Literal('\''));
                    }
                    Some('\'') => break,
                    Some(c) => pieces.push(Piece::Literal(c)),
                    None => return Err(wrong("has an apostrophe that is not closed".to_owned())),
                }
            }
            rest = quoted.as_str();
            continue;
        }
        if !c.is_ascii_alphabetic() {
            pieces.push(Piece::Literal(c));
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let run = &rest[..rest.len() - rest.trim_start_matches(c).len()];
        pieces.push(match run {
            "yyyy" => Piece::Year,
            "yy" => Piece::ShortYear,
            "M" | "MM" => Piece::Month(run.len()),
            "MMM" => Piece::MonthName(SHORT),
            "MMMM" => Piece::MonthName(LONG),
            "d" | "dd" => Piece::Day(run.len()),
            "EEE" => Piece::WeekdayName(SHORT),
            "EEEE" => Piece::WeekdayName(LONG),
            "H" | "HH" => Piece::Hour(run.len()),
            "h" | "hh" => Piece::HalfDayHour(run.len()),
            "a" => Piece::HalfDay,
            "mm" => Piece::Minute,
            "ss" => Piece::Second,
            "SSS" => Piece::Millisecond,
            "XXX" => Piece::Offset,
            _ => return Err(wrong(format!("has `{run}`, which says nothing; text stands in apostrophes"))),
        });
        rest = &rest[run.len()..];
    }
    Ok(pieces)
}

fn written(instant: Instant, pieces: &[Piece]) -> String {
    let ((year, month, day), (hour, minute, second)) = (instant.civil(), instant.clock());
    let mut text = String::new();
    for piece in pieces {
        let _ = match *piece {
            Piece::Year => write!(text, "{year:04}"),
            Piece::ShortYear => write!(text, "{:02}", year % 100),
            Piece::Month(digits) => write!(text, "{month:0digits$}"),
            Piece::MonthName(most) => write!(text, "{:.most$}", MONTHS[month as usize - 1]),
            Piece::Day(digits) => write!(text, "{day:0digits$}"),
            Piece::WeekdayName(most) => {
                write!(text, "{:.most$}", WEEKDAYS[usize::from(instant.weekday()) - 1])
            }
            Piece::Hour(digits) => write!(text, "{hour:0digits$}"),
            Piece::HalfDayHour(digits) => write!(text, "{:0digits$}", (hour + 11) % 12 + 1),
            Piece::HalfDay => text.write_str(if hour < 12 { "AM" } else { "PM" }),
            Piece::Minute => write!(text, "{minute:02}"),
            Piece::Second => write!(text, "{second:02}"),
            Piece::Millisecond => write!(text, "{:03}", instant.nanos / 1_000_000),
            Piece::Offset => text.write_str("Z"),
            Piece::Literal(c) => text.write_char(c),
        };
    }
    text
}

/// What a format has read.
#[derive(Clone, Copy)]
struct Parsed {
    /// Midnight of the date as it was written.
    date: Instant,
    seconds: i64,
    milliseconds: u32,
    offset: i64,
}

impl Parsed {
    fn instant(self) -> Option<Instant> {
        let seconds = self.date.seconds + self.seconds - self.offset;
        Instant { seconds, nanos: self.milliseconds * 1_000_000, is_date: false }.in_range()
    }
}

/// Every format is checked, also behind one that fits: a mistake shows at the first record.
fn parse(text: &str, formats: &[&str]) -> Result<Option<Parsed>, FunctionError> {
    let text = trim(text);
    let mut found = None;
    for format in formats {
        let pieces = pieces(format)?;
        let says = |wanted: fn(&Piece) -> bool| pieces.iter().any(wanted);
        if !says(|piece| matches!(piece, Piece::Year | Piece::ShortYear))
            || !says(|piece| matches!(piece, Piece::Month(_) | Piece::MonthName(_)))
            || !says(|piece| matches!(piece, Piece::Day(_)))
        {
            let problem = "needs a year, a month and a day".to_owned();
            return Err(FunctionError::Format { format: (*format).to_owned(), problem });
        }
        found = found.or_else(|| read(text, &pieces));
    }
    Ok(found)
}

fn read(text: &str, pieces: &[Piece]) -> Option<Parsed> {
    let (mut year, mut month, mut day) = (0, 0, 0);
    let (mut hour, mut half_day_hour, mut afternoon) = (None, None, false);
    let (mut minute, mut second, mut milliseconds, mut offset) = (0, 0, 0, 0);
    let mut rest = text;
    for piece in pieces {
        match *piece {
            Piece::Year => year = digits(&mut rest, 4, 4)?,
            Piece::ShortYear => {
                let short = digits(&mut rest, 2, 2)?;
                year = if short < 69 { 2000 + short } else { 1900 + short };
            }
            Piece::Month(fewest) => month = digits(&mut rest, fewest, 2)?,
            Piece::MonthName(most) => month = name(&mut rest, &MONTHS, most)?,
            Piece::Day(fewest) => day = digits(&mut rest, fewest, 2)?,
            Piece::WeekdayName(most) => {
                name(&mut rest, &WEEKDAYS, most)?;
            }
            Piece::Hour(fewest) => hour = Some(digits(&mut rest, fewest, 2).filter(|hour| *hour < 24)?),
            Piece::HalfDayHour(fewest) => {
                let hour = digits(&mut rest, fewest, 2).filter(|hour| (1..=12).contains(hour))?;
                half_day_hour = Some(hour % 12);
            }
            Piece::HalfDay => afternoon = name(&mut rest, &["AM", "PM"], 2)? == 2,
            Piece::Minute => minute = digits(&mut rest, 2, 2).filter(|minute| *minute < 60)?,
            Piece::Second => second = digits(&mut rest, 2, 2).filter(|second| *second < 60)?,
            Piece::Millisecond => milliseconds = u32::try_from(digits(&mut rest, 3, 3)?).ok()?,
            Piece::Offset => {
                let length = if rest.starts_with(['Z', 'z']) { 1 } else { 6 };
                let (zone, after) = rest.split_at_checked(length)?;
                offset = read_offset(zone)?;
                rest = after;
            }
            Piece::Literal(c) => rest = rest.strip_prefix(c)?,
        }
    }
    let half_day_hour = half_day_hour.map(|hour| hour + if afternoon { 12 } else { 0 });
    let hour = hour.or(half_day_hour).unwrap_or(0);
    let seconds = hour * 3600 + minute * 60 + second;
    let date = Instant::date(year, month, day)?;
    rest.is_empty().then_some(Parsed { date, seconds, milliseconds, offset })
}

/// Takes so many digits, as many as there are.
fn digits(rest: &mut &str, fewest: usize, most: usize) -> Option<i64> {
    let length = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (digits, after) = rest.split_at(length);
    *rest = after;
    (length >= fewest).then(|| digits.parse().ok())?
}

/// Takes one of the names, cut to `most`, in any case; answers its number, from 1.
fn name(rest: &mut &str, names: &[&str], most: usize) -> Option<i64> {
    let at = names.iter().position(|name| {
        let name = &name[..most.min(name.len())];
        let Some((start, after)) = rest.split_at_checked(name.len()) else { return false };
        let found = start.eq_ignore_ascii_case(name);
        if found {
            *rest = after;
        }
        found
    })?;
    i64::try_from(at + 1).ok()
}
