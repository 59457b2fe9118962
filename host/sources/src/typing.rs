//! What a column's text or numbers are to become.
//!
//! CSV has no types, and SQLite has no booleans and no moments, so the configuration says
//! what a column holds. Nothing is guessed unless that is asked for, and then only what
//! reads back as exactly the text it was: `007` stays text.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use scimwright_record::FieldValue;
use std::fmt;

/// The separator of a list for which none is given.
const DEFAULT_SEPARATOR: &str = ";";

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnType {
    /// Text, as it stands.
    Text,
    /// `true`, `yes`, `1`; `false`, `no`, `0`; in any case.
    Boolean,
    /// A whole number that fits 64 bits.
    Integer,
    /// A finite number with a point for the decimals.
    Decimal,
    /// A moment with its offset, or a date, which means its midnight in UTC. It becomes RFC 3339 in UTC.
    DateTime,
    /// Several texts. Blanks around each are dropped, and so are empty ones.
    List {
        /// What stands between two of them; never empty.
        separator: String,
    },
    /// JSON text of any shape.
    Json,
}

/// A word that names no column type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{word}` is not a column type; use text, boolean, integer, decimal, date-time, json, list or list(SEPARATOR)"
)]
pub struct UnknownColumnType {
    /// The word.
    pub word: String,
}

impl ColumnType {
    /// Reads a type's name, as configuration has it: `date-time`, `list`, `list(|)`.
    ///
    /// # Errors
    /// [`UnknownColumnType`] lists the names there are.
    ///
    /// ```
    /// use scimwright_sources::ColumnType;
    /// assert_eq!(ColumnType::parse("list(|)")?, ColumnType::List { separator: "|".into() });
    /// assert!(ColumnType::parse("date").is_err());
    /// # Ok::<(), scimwright_sources::UnknownColumnType>(())
    /// ```
    pub fn parse(word: &str) -> Result<Self, UnknownColumnType> {
        let separator = word.strip_prefix("list(").and_then(|rest| rest.strip_suffix(')'));
        match word {
            "text" => Ok(Self::Text),
            "boolean" => Ok(Self::Boolean),
            "integer" => Ok(Self::Integer),
            "decimal" => Ok(Self::Decimal),
            "date-time" => Ok(Self::DateTime),
            "json" => Ok(Self::Json),
            "list" => Ok(Self::List { separator: DEFAULT_SEPARATOR.to_owned() }),
            _ => match separator {
                Some(separator) if !separator.is_empty() => {
                    Ok(Self::List { separator: separator.to_owned() })
                }
                _ => Err(UnknownColumnType { word: word.to_owned() }),
            },
        }
    }

    /// Reads text as a value of this type.
    pub(crate) fn read(&self, text: &str) -> Result<FieldValue, Mismatch> {
        let mismatch = || Mismatch { text: text.to_owned(), wanted: self.clone() };
        match self {
            Self::Text => Ok(FieldValue::Text(text.to_owned())),
            Self::Boolean => read_boolean(text).map(FieldValue::Boolean).ok_or_else(mismatch),
            Self::Integer => text.parse().map(FieldValue::Integer).map_err(|_| mismatch()),
            Self::Decimal => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(FieldValue::Decimal(number)),
                _ => Err(mismatch()),
            },
            Self::DateTime => read_moment(text).map(FieldValue::DateTime).ok_or_else(mismatch),
            Self::List { separator } => {
                let parts = text.split(separator.as_str()).map(str::trim);
                Ok(FieldValue::Many(parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()))
            }
            Self::Json => serde_json::from_str(text).map(FieldValue::Json).map_err(|_| mismatch()),
        }
    }

    /// Reads a value that already has a type of its own as a value of this one.
    pub(crate) fn convert(&self, value: FieldValue) -> Result<FieldValue, Mismatch> {
        match (self, value) {
            (_, FieldValue::Null) => Ok(FieldValue::Null),
            (_, FieldValue::Text(text)) => self.read(&text),
            (Self::Boolean, FieldValue::Boolean(truth)) => Ok(FieldValue::Boolean(truth)),
            (Self::Boolean, FieldValue::Integer(number @ (0 | 1))) => Ok(FieldValue::Boolean(number == 1)),
            (Self::Integer, FieldValue::Integer(number)) => Ok(FieldValue::Integer(number)),
            (Self::Decimal, FieldValue::Decimal(number)) => Ok(FieldValue::Decimal(number)),
            // 2^53: from there on a decimal no longer holds every whole number.
            (Self::Decimal, FieldValue::Integer(number)) if number.unsigned_abs() <= 1 << 53 => {
                Ok(FieldValue::Decimal(number as f64))
            }
            (Self::Text, FieldValue::Integer(number)) => Ok(FieldValue::Text(number.to_string())),
            (Self::Text, FieldValue::Decimal(number)) => Ok(FieldValue::Text(number.to_string())),
            (Self::Text, FieldValue::Boolean(truth)) => Ok(FieldValue::Text(truth.to_string())),
            (Self::List { .. }, FieldValue::Many(texts)) => Ok(FieldValue::Many(texts)),
            (Self::Json, FieldValue::Json(json)) => Ok(FieldValue::Json(json)),
            (wanted, value) => Err(Mismatch { text: shown(&value), wanted: wanted.clone() }),
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Boolean => f.write_str("boolean"),
            Self::Integer => f.write_str("integer"),
            Self::Decimal => f.write_str("decimal"),
            Self::DateTime => f.write_str("date-time"),
            Self::List { separator } => write!(f, "list({separator})"),
            Self::Json => f.write_str("json"),
        }
    }
}

/// A value that is not what its column is said to hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mismatch {
    text: String,
    wanted: ColumnType,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 60;
        let (text, dots) = match self.text.char_indices().nth(SHOWN) {
            Some((end, _)) => (&self.text[..end], "…"),
            None => (self.text.as_str(), ""),
        };
        write!(f, "`{}{dots}` is not ", text.escape_debug())?;
        f.write_str(match self.wanted {
            ColumnType::Text => "text",
            ColumnType::Boolean => "a boolean; write true or false",
            ColumnType::Integer => "a whole number of 64 bits; write 42",
            ColumnType::Decimal => "a number; write 1250.50",
            ColumnType::DateTime => "a date-time; write 2024-02-28T00:00:00Z or 2024-02-28",
            ColumnType::List { .. } => "a list",
            ColumnType::Json => "JSON; write {\"a\": 1}",
        })
    }
}

/// Takes text for a number, a truth value or a moment, where it reads back as exactly that text.
pub(crate) fn infer(text: &str) -> FieldValue {
    if let Ok(number) = text.parse::<i64>()
        && number.to_string() == text
    {
        return FieldValue::Integer(number);
    }
    // With a point, so that a whole number too long for 64 bits stays text and loses nothing.
    if text.contains('.')
        && let Ok(number) = text.parse::<f64>()
        && number.to_string() == text
    {
        return FieldValue::Decimal(number);
    }
    match text {
        "true" => return FieldValue::Boolean(true),
        "false" => return FieldValue::Boolean(false),
        _ => {}
    }
    match text.parse::<Timestamp>() {
        Ok(moment) if moment.to_string() == text => FieldValue::DateTime(text.to_owned()),
        _ => FieldValue::Text(text.to_owned()),
    }
}

fn read_boolean(text: &str) -> Option<bool> {
    let is_one_of = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(["true", "yes", "1"]) {
        Some(true)
    } else if is_one_of(["false", "no", "0"]) {
        Some(false)
    } else {
        None
    }
}

fn read_moment(text: &str) -> Option<String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.to_string());
    }
    // jiff would also read a date out of a date-time that lacks its offset, which leaves the moment open.
    const DATE_LENGTH: usize = "2024-02-28".len();
    let date = text.parse::<Date>().ok().filter(|_| text.len() == DATE_LENGTH)?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().to_string())
}

/// A value as an error message shows it.
fn shown(value: &FieldValue) -> String {
    match value {
        FieldValue::Null => "null".to_owned(),
        FieldValue::Text(text) | FieldValue::DateTime(text) => text.clone(),
        FieldValue::Boolean(truth) => truth.to_string(),
        FieldValue::Integer(number) => number.to_string(),
        FieldValue::Decimal(number) => number.to_string(),
        FieldValue::Binary(bytes) => format!("{} bytes", bytes.len()),
        FieldValue::Many(texts) => format!("{texts:?}"),
        FieldValue::Json(json) => json.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn each_type_reads_its_own_text() {
        let moment = |text: &str| FieldValue::DateTime(text.to_owned());
        let many = |texts: &[&str]| FieldValue::Many(texts.iter().map(|&text| text.to_owned()).collect());
        for (name, text, value) in [
            ("text", " 007 ", FieldValue::Text(" 007 ".into())),
            ("boolean", "Yes", FieldValue::Boolean(true)),
            ("boolean", "0", FieldValue::Boolean(false)),
            ("integer", "-007", FieldValue::Integer(-7)),
            ("decimal", "1250.50", FieldValue::Decimal(1250.5)),
            ("date-time", "2024-02-28", moment("2024-02-28T00:00:00Z")),
            ("date-time", "2024-02-28T10:00:00+02:00", moment("2024-02-28T08:00:00Z")),
            ("date-time", "2024-02-28t10:00:00.5z", moment("2024-02-28T10:00:00.5Z")),
            ("list", "a; b;;c ;", many(&["a", "b", "c"])),
            ("list(||)", "a|b||c", many(&["a|b", "c"])),
            ("json", "{\"a\": [1]}", FieldValue::Json(json!({"a": [1]}))),
        ] {
            assert_eq!(ColumnType::parse(name).unwrap().read(text).unwrap(), value, "{name} {text:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_shown_with_what_would() {
        for (name, text, message) in [
            (
                "date-time",
                "31.02.2024",
                "`31.02.2024` is not a date-time; write 2024-02-28T00:00:00Z or 2024-02-28",
            ),
            (
                "date-time",
                "2024-02-30",
                "`2024-02-30` is not a date-time; write 2024-02-28T00:00:00Z or 2024-02-28",
            ),
            (
                "date-time",
                "2024-02-28T10:00:00",
                "`2024-02-28T10:00:00` is not a date-time; write 2024-02-28T00:00:00Z or 2024-02-28",
            ),
            ("boolean", "si", "`si` is not a boolean; write true or false"),
            (
                "integer",
                "9223372036854775808",
                "`9223372036854775808` is not a whole number of 64 bits; write 42",
            ),
            ("decimal", "1,5", "`1,5` is not a number; write 1250.50"),
            ("decimal", "inf", "`inf` is not a number; write 1250.50"),
            ("json", "{", "`{` is not JSON; write {\"a\": 1}"),
        ] {
            let mismatch = ColumnType::parse(name).unwrap().read(text).unwrap_err();
            assert_eq!(mismatch.to_string(), message);
        }
    }

    #[test]
    fn a_long_text_is_cut_in_messages_and_line_breaks_are_escaped() {
        let message = ColumnType::Integer.read(&format!("a\n{}", "é".repeat(500))).unwrap_err().to_string();
        assert!(message.starts_with("`a\\né"), "{message}");
        assert!(message.chars().count() < 120, "{message}");
    }

    #[test]
    fn typed_values_convert_only_where_nothing_is_lost() {
        let boolean = ColumnType::Boolean;
        assert_eq!(boolean.convert(FieldValue::Integer(1)).unwrap(), FieldValue::Boolean(true));
        assert!(boolean.convert(FieldValue::Integer(2)).is_err());
        assert_eq!(boolean.convert(FieldValue::Null).unwrap(), FieldValue::Null);
        let text = ColumnType::Text.convert(FieldValue::Integer(7)).unwrap();
        assert_eq!(text, FieldValue::Text("7".into()));
        assert!(ColumnType::Decimal.convert(FieldValue::Integer((1 << 53) + 1)).is_err());
        assert!(ColumnType::Integer.convert(FieldValue::Decimal(1.5)).is_err());
    }

    #[test]
    fn inference_leaves_text_alone_that_only_looks_like_a_number() {
        for text in
            ["007", "+1", "1.50", "1e3", " 1", "-0", "99999999999999999999", "NaN", "TRUE", "2024-02-28"]
        {
            assert_eq!(infer(text), FieldValue::Text(text.to_owned()), "{text:?}");
        }
        assert_eq!(infer("-42"), FieldValue::Integer(-42));
        assert_eq!(infer("1250.5"), FieldValue::Decimal(1250.5));
        assert_eq!(infer("false"), FieldValue::Boolean(false));
        let moment = "2024-02-28T10:00:00Z";
        assert_eq!(infer(moment), FieldValue::DateTime(moment.to_owned()));
    }

    proptest! {
        #[test]
        fn whatever_is_inferred_prints_as_the_text_it_came_from(text in "\\PC{0,12}|-?[0-9]{1,20}(\\.[0-9]{1,6})?") {
            prop_assert_eq!(shown(&infer(&text)), text);
        }

        #[test]
        fn a_types_name_reads_back(separator in "[^()]{1,3}") {
            let list = ColumnType::List { separator };
            prop_assert_eq!(ColumnType::parse(&list.to_string()).unwrap(), list);
        }
    }
}
