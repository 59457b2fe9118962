//! What is wanted and cannot be had: another value for an attribute that is written once.

use crate::path::AttributePath;
use serde_json::Value;
use std::fmt;

/// An immutable attribute or sub-attribute that has a value and is to have another (RFC 7643 section 7). It
/// stays as it is, and whoever wants the other value is to be told: only a new resource can have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// Which one, as the schemas spell it.
    pub path: AttributePath,
    /// What the provider shows.
    pub seen: Value,
    /// What is wanted of it; `None` where it is to be cleared.
    pub wanted: Option<Value>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match shown(&self.seen) {
            Some(seen) => write!(f, "`{path}` stays {seen}: it is immutable, so it cannot ")?,
            None => write!(f, "`{path}` stays as it is: it is immutable, so it cannot ")?,
        }
        match self.wanted.as_ref().map(shown) {
            None => f.write_str("be cleared"),
            Some(Some(wanted)) => write!(f, "become {wanted}"),
            Some(None) => f.write_str("be changed"),
        }
    }
}

/// A value that is short enough to be read in a sentence.
fn shown(value: &Value) -> Option<String> {
    let text = match value {
        Value::Array(_) | Value::Object(_) => return None,
        scalar => scalar.to_string(),
    };
    (text.chars().count() <= 60).then_some(text)
}
