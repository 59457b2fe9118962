//! JSON from the wire that is not the message it should be.
//!
//! Parsing here is tolerant on purpose, so this error is rare: it means that not even the part which cannot
//! be done without was there.

use serde_json::Value;

/// Why JSON could not be read as a SCIM message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the {what}: {place} {problem}")]
pub struct Unreadable {
    /// What the JSON was meant to be: `list response`.
    pub what: &'static str,
    /// Where in it the trouble is: `status`, `attributes[3].name`, or `it` for the whole.
    pub place: String,
    /// What is wrong there: `is missing`, `has to be an object, not a string`.
    pub problem: String,
}

impl Unreadable {
    pub(crate) fn missing(what: &'static str, place: impl Into<String>) -> Self {
        Self { what, place: place.into(), problem: "is missing".into() }
    }

    pub(crate) fn field(what: &'static str, place: impl Into<String>, wanted: &str, got: &Value) -> Self {
        Self { what, place: place.into(), problem: format!("has to be {wanted}, not {}", describe(got)) }
    }

    pub(crate) fn invalid(what: &'static str, place: impl Into<String>, cause: impl ToString) -> Self {
        Self { what, place: place.into(), problem: format!("is invalid: {}", cause.to_string()) }
    }
}

/// What people call this kind of JSON: `a string`, `an empty array`. Scalars that are short are shown.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.chars().count() <= 40 => format!("the string {value}"),
        Value::String(_) => "a long string".into(),
        Value::Array(items) if items.is_empty() => "an empty array".into(),
        Value::Array(_) => "an array".into(),
        Value::Object(_) => "an object".into(),
    }
}
