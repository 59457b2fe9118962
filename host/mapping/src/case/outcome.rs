//! What came out of a call, as JSON, and when that is what was expected.

use crate::error::{Fault, MapError};
use crate::module::{MappedDefaults, Outcome};
use serde_json::{Map, Value, json};

impl Outcome {
    /// The resource in the form of [`AttributeMap::to_json`](crate::AttributeMap::to_json), or
    /// `{"skip": "reason"}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Provision(map) => map.to_json(),
            Self::Skip(reason) => json!({ "skip": reason }),
        }
    }
}

impl MappedDefaults {
    /// The attributes in the form of [`AttributeMap::to_json`](crate::AttributeMap::to_json).
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.attributes.to_json()
    }
}

impl MapError {
    /// The error as `{"error": {"kind": "invalid-record", "field": "email", "message": "…"}}`. The kinds that a
    /// mapping gives are invalid-record, lookup-failed, rejected and other; the others are those of
    /// [`Fault::kind`].
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut error = Map::new();
        error.insert("kind".to_owned(), self.fault.kind().into());
        let message = match &self.fault {
            Fault::InvalidRecord { field, message } => {
                if let Some(field) = field {
                    error.insert("field".to_owned(), field.as_str().into());
                }
                message.clone()
            }
            Fault::LookupFailed { message } | Fault::Rejected { message } | Fault::Other { message } => {
                message.clone()
            }
            fault => fault.to_string(),
        };
        error.insert("message".to_owned(), message.into());
        json!({ "error": error })
    }
}

impl Fault {
    /// A word for what happened: `invalid-record`, `trap`, `cpu`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InvalidRecord { .. } => "invalid-record",
            Self::LookupFailed { .. } => "lookup-failed",
            Self::Rejected { .. } => "rejected",
            Self::Other { .. } => "other",
            Self::Trap(_) => "trap",
            Self::CpuDeadline { .. } => "cpu",
            Self::WallClock { .. } => "wall",
            Self::Memory { .. } => "memory",
            Self::Output { .. } => "output",
            Self::HostCall { .. } => "host-call",
            Self::Lookups { .. } => "lookups",
            Self::Malformed { .. } => "malformed",
            Self::UndeclaredAttribute { .. } => "undeclared-attribute",
            Self::RepeatedAttribute { .. } => "repeated-attribute",
            Self::BadValue { .. } => "bad-value",
            Self::NotExported { .. } => "not-exported",
            Self::InexactInteger { .. } => "inexact-integer",
            Self::Crowded { .. } => "crowded",
            Self::Quarantined(_) => "quarantined",
            Self::Host { .. } => "host",
        }
    }
}

/// The kinds of errors that a mapping gives of its own accord, with a message that is its own.
const GIVEN: &[&str] = &["invalid-record", "lookup-failed", "rejected", "other"];

/// Whether an outcome is what was expected. Objects are compared without regard to the order of their names.
/// An expected error without a `message` allows any.
#[must_use]
pub fn matches(expected: &Value, actual: &Value) -> bool {
    match (error_of(expected), error_of(actual)) {
        (Some(expected), Some(actual)) if !expected.contains_key("message") => {
            expected.get("kind") == actual.get("kind") && expected.get("field") == actual.get("field")
        }
        _ => expected == actual,
    }
}

/// The part of an outcome that comes out the same the next time: without the message of an error that the host
/// worded, which tells what was used on that occasion.
#[must_use]
pub fn lasting(outcome: &Value) -> Value {
    match error_of(outcome) {
        Some(error) if !GIVEN.iter().any(|given| error.get("kind") == Some(&Value::from(*given))) => {
            let mut error = error.clone();
            error.shift_remove("message");
            json!({ "error": error })
        }
        _ => outcome.clone(),
    }
}

/// The error in an outcome that is one.
fn error_of(outcome: &Value) -> Option<&Map<String, Value>> {
    let outcome = outcome.as_object().filter(|outcome| outcome.len() == 1)?;
    outcome.get("error")?.as_object().filter(|error| error.contains_key("kind"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expected_error_may_leave_the_message_open_and_nothing_else() {
        let invalid = |field: &str, message: &str| json!({ "error": { "kind": "invalid-record", "field": field, "message": message } });
        let open = json!({ "error": { "kind": "invalid-record", "field": "email" } });
        assert!(matches(&open, &invalid("email", "anything")));
        assert!(!matches(&open, &invalid("name", "anything")));
        assert!(matches(&invalid("a", "b"), &invalid("a", "b")));
        assert!(!matches(&invalid("a", "b"), &invalid("a", "c")));
        assert!(!matches(&open, &json!({ "userName": "x" })));
    }

    #[test]
    fn what_the_host_measured_is_not_expected_to_come_again() {
        let cpu = json!({ "error": { "kind": "cpu", "message": "stopped after 51 ms" } });
        assert_eq!(lasting(&cpu), json!({ "error": { "kind": "cpu" } }));
        assert!(matches(&lasting(&cpu), &cpu));
        let given = json!({ "error": { "kind": "rejected", "message": "no" } });
        assert_eq!(lasting(&given), given);
        let resource = json!({ "error": "an attribute of this name" });
        assert_eq!(lasting(&resource), resource);
    }
}
