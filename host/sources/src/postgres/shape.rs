//! From the types of PostgreSQL to those of fields. Nothing is lost on the way: a type without a counterpart is
//! refused before the first row, and a value that does not fit is refused with its row.
//!
//! Values come in PostgreSQL's binary form, which no setting of the server changes:
//! <https://github.com/postgres/postgres/tree/master/src/backend/utils/adt>, the functions `*_send`.

use super::numeric;
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp};
use scimwright_record::FieldValue;
use sqlx::TypeInfo;
use sqlx::postgres::{PgTypeInfo, PgTypeKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The day from which PostgreSQL counts.
const EPOCH: Date = jiff::civil::date(2000, 1, 1);

/// How the values of a column are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Boolean,
    Integer,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    /// `char(n)`, whose blanks at the end mean nothing.
    Padded,
    /// Text after a byte for the version.
    Jsonb,
    Json,
    Uuid,
    Date,
    Timestamp,
    TimestampTz,
    Time,
    Bytes,
    Inet,
    /// An array of any of those that read well as text.
    Many(Box<Shape>),
}

impl Shape {
    /// How a type is read; `None` where it has no counterpart.
    pub(super) fn of(kind: &PgTypeInfo) -> Option<Self> {
        match kind.kind() {
            PgTypeKind::Enum(_) => return Some(Self::Text),
            PgTypeKind::Domain(base) => return Self::of(base),
            PgTypeKind::Array(element) => {
                let element = Self::of(element)?;
                let is_text = !matches!(element, Self::Many(_) | Self::Bytes | Self::Json | Self::Jsonb);
                return is_text.then(|| Self::Many(Box::new(element)));
            }
            _ => {}
        }
        Some(match kind.name().to_ascii_lowercase().as_str() {
            "bool" => Self::Boolean,
            "int2" | "int4" | "int8" => Self::Integer,
            "oid" => Self::Oid,
            "float4" => Self::Float4,
            "float8" => Self::Float8,
            "numeric" => Self::Numeric,
            "text" | "varchar" | "name" | "citext" | "xml" | "unknown" | "\"char\"" => Self::Text,
            "char" => Self::Padded,
            "json" => Self::Json,
            "jsonb" => Self::Jsonb,
            "uuid" => Self::Uuid,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "timestamptz" => Self::TimestampTz,
            "time" => Self::Time,
            "bytea" => Self::Bytes,
            "inet" | "cidr" => Self::Inet,
            _ => return None,
        })
    }

    /// Reads a value.
    ///
    /// # Errors
    /// What follows "column `x`" in a sentence.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<FieldValue, String> {
        Ok(match self {
            Self::Boolean => FieldValue::Boolean(fixed::<1>(bytes)? != [0]),
            Self::Integer => FieldValue::Integer(match bytes.len() {
                2 => i16::from_be_bytes(fixed(bytes)?).into(),
                4 => i32::from_be_bytes(fixed(bytes)?).into(),
                _ => i64::from_be_bytes(fixed(bytes)?),
            }),
            Self::Oid => FieldValue::Integer(u32::from_be_bytes(fixed(bytes)?).into()),
            // Through its shortest text: 1.1 is to be 1.1, and not 1.100000023841858.
            Self::Float4 => {
                finite(f32::from_be_bytes(fixed(bytes)?).to_string().parse().unwrap_or(f64::NAN))?
            }
            Self::Float8 => finite(f64::from_be_bytes(fixed(bytes)?))?,
            Self::Numeric => FieldValue::Decimal(numeric::decimal(&numeric::text(bytes)?)?),
            Self::Json => json(bytes)?,
            Self::Jsonb => match bytes {
                [1, text @ ..] => json(text)?,
                _ => return Err(broken()),
            },
            Self::TimestampTz => FieldValue::DateTime(self.text(bytes)?),
            Self::Bytes => FieldValue::Binary(bytes.to_vec()),
            Self::Many(element) => FieldValue::Many(texts(element, bytes)?),
            Self::Text
            | Self::Padded
            | Self::Uuid
            | Self::Date
            | Self::Timestamp
            | Self::Time
            | Self::Inet => FieldValue::Text(self.text(bytes)?),
        })
    }

    /// The value as text: of what is text, and of all that can stand in a list or be a key.
    pub(super) fn text(&self, bytes: &[u8]) -> Result<String, String> {
        Ok(match self {
            Self::Text => utf8(bytes)?.to_owned(),
            Self::Padded => utf8(bytes)?.trim_end_matches(' ').to_owned(),
            Self::Uuid => uuid::Uuid::from_bytes(fixed(bytes)?).to_string(),
            Self::Date => {
                let days = i32::from_be_bytes(fixed(bytes)?);
                endless(days == i32::MAX, days == i32::MIN)?;
                let day = EPOCH.checked_add(SignedDuration::from_hours(i64::from(days) * 24));
                day.map_err(|_| too_far())?.to_string()
            }
            Self::Timestamp => local(bytes)?.to_string(),
            Self::TimestampTz => {
                let moment = local(bytes)?.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| too_far())?;
                Timestamp::to_string(&moment.timestamp())
            }
            Self::Time => {
                let micros = i64::from_be_bytes(fixed(bytes)?);
                // PostgreSQL has a 24:00:00.
                let time = Time::midnight().checked_add(SignedDuration::from_micros(micros));
                time.map_err(|_| "holds 24:00:00, which is no time of a day; cast it to text".to_owned())?
                    .to_string()
            }
            Self::Numeric => numeric::text(bytes)?,
            Self::Inet => inet(bytes)?,
            _ => match self.read(bytes)? {
                FieldValue::Boolean(truth) => truth.to_string(),
                FieldValue::Integer(number) => number.to_string(),
                FieldValue::Decimal(number) => number.to_string(),
                other => return Err(format!("holds {}, which is no text", other.kind())),
            },
        })
    }
}

fn broken() -> String {
    "holds a value in a form that scimwright does not know; cast it to text".to_owned()
}

fn too_far() -> String {
    "holds a moment beyond the year 9999 or before the year -9999".to_owned()
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], String> {
    bytes.try_into().map_err(|_| broken())
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    // The connection asks for UTF-8, so anything else is a database that does not know its own encoding.
    std::str::from_utf8(bytes)
        .map_err(|_| "is not UTF-8 text; the database's encoding is SQL_ASCII?".to_owned())
}

fn finite(number: f64) -> Result<FieldValue, String> {
    match number.is_finite() {
        true => Ok(FieldValue::Decimal(number)),
        false => Err(format!("holds {number}, which is not a finite number")),
    }
}

fn json(bytes: &[u8]) -> Result<FieldValue, String> {
    match serde_json::from_slice(bytes) {
        Ok(serde_json::Value::Null) => Ok(FieldValue::Null),
        Ok(value) => Ok(FieldValue::Json(value)),
        Err(error) => Err(format!("holds JSON that cannot be read: {error}")),
    }
}

/// `infinity` is a moment for PostgreSQL, and for nobody else.
fn endless(after: bool, before: bool) -> Result<(), String> {
    let word = match (after, before) {
        (true, _) => "infinity",
        (_, true) => "-infinity",
        _ => return Ok(()),
    };
    Err(format!(
        "holds {word}, which is no moment; in a query, write NULLIF(COLUMN, '{word}') where it means \"never\""
    ))
}

fn local(bytes: &[u8]) -> Result<DateTime, String> {
    let micros = i64::from_be_bytes(fixed(bytes)?);
    endless(micros == i64::MAX, micros == i64::MIN)?;
    EPOCH.at(0, 0, 0, 0).checked_add(SignedDuration::from_micros(micros)).map_err(|_| too_far())
}

/// `192.0.2.1`, or with the length of its network where that is not the whole: `192.0.2.0/24`.
fn inet(bytes: &[u8]) -> Result<String, String> {
    let [_, bits, is_network, _, address @ ..] = bytes else { return Err(broken()) };
    let (address, whole) = match address.len() {
        4 => (IpAddr::from(Ipv4Addr::from(fixed::<4>(address)?)), 32),
        16 => (IpAddr::from(Ipv6Addr::from(fixed::<16>(address)?)), 128),
        _ => return Err(broken()),
    };
    Ok(match *bits == whole && *is_network == 0 {
        true => address.to_string(),
        false => format!("{address}/{bits}"),
    })
}

/// The values of an array: `array_send` writes dimensions, a flag, the element's type, then each length and value.
fn texts(element: &Shape, bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut rest = bytes;
    let mut number = || -> Result<i32, String> {
        let (four, after) = rest.split_first_chunk::<4>().ok_or_else(broken)?;
        rest = after;
        Ok(i32::from_be_bytes(*four))
    };
    let dimensions = number()?;
    let _has_nulls = number()?;
    let _element_type = number()?;
    let count = match dimensions {
        0 => return Ok(Vec::new()),
        1 => number()?,
        _ => {
            return Err(format!(
                "holds an array of {dimensions} dimensions; make it JSON with to_jsonb(COLUMN)"
            ));
        }
    };
    let _lower_bound = number()?;
    let mut texts = Vec::new();
    for _ in 0..count {
        let (four, after) = rest.split_first_chunk::<4>().ok_or_else(broken)?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*four)) else {
            return Err(
                "holds an array with a NULL in it; in a query, write array_remove(COLUMN, NULL)".to_owned()
            );
        };
        let (value, after) = after.split_at_checked(length).ok_or_else(broken)?;
        texts.push(element.text(value)?);
        rest = after;
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_that_never_comes_is_refused_with_the_remedy() {
        let error = Shape::TimestampTz.read(&i64::MAX.to_be_bytes()).unwrap_err();
        assert!(error.starts_with("holds infinity, which is no moment; in a query, write NULLIF"), "{error}");
        let error = Shape::Date.read(&i32::MIN.to_be_bytes()).unwrap_err();
        assert!(error.starts_with("holds -infinity"), "{error}");
    }

    #[test]
    fn moments_keep_their_microseconds() {
        let micros: i64 = 762_429_600_123_456;
        let read = |shape: Shape| shape.read(&micros.to_be_bytes()).unwrap();
        assert_eq!(read(Shape::TimestampTz), FieldValue::DateTime("2024-02-28T10:00:00.123456Z".into()));
        assert_eq!(read(Shape::Timestamp), FieldValue::Text("2024-02-28T10:00:00.123456".into()));
        let before: i64 = -1;
        let moment = Shape::TimestampTz.read(&before.to_be_bytes()).unwrap();
        assert_eq!(moment, FieldValue::DateTime("1999-12-31T23:59:59.999999Z".into()));
    }

    #[test]
    fn bytes_of_any_length_are_read_or_refused_and_never_worse() {
        let shapes = [
            Shape::Boolean,
            Shape::Integer,
            Shape::Float4,
            Shape::Numeric,
            Shape::Jsonb,
            Shape::Uuid,
            Shape::Date,
            Shape::Time,
            Shape::Inet,
            Shape::Timestamp,
            Shape::Many(Box::new(Shape::Text)),
        ];
        for length in 0..40 {
            for byte in [0, 1, 0x7f, 0xff] {
                for shape in &shapes {
                    let _ = shape.read(&vec![byte; length]);
                }
            }
        }
    }
}
