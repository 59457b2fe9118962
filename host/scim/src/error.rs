//! SCIM's error message (RFC 7644 section 3.12), as a value and as a Rust error.
//!
//! One type serves both directions: a provider's reply is parsed into it, and a server built on this crate
//! answers with it. Parsing takes what real servers send: the status as string or number, an unknown
//! `scimType`, no `schemas`.

use crate::json;
use crate::unreadable::Unreadable;
use crate::urn;
use serde_json::{Map, Value};
use std::fmt;

/// An error as SCIM words it (RFC 7644 section 3.12).
///
/// ```
/// use scimwright_scim::{ScimError, ScimType};
/// use serde_json::json;
///
/// let error = ScimError::from_value(&json!({"status": "409", "scimType": "uniqueness"}))?;
/// assert_eq!(error.status, 409);
/// assert_eq!(error.scim_type, Some(ScimType::Uniqueness));
/// # Ok::<(), scimwright_scim::Unreadable>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimError {
    /// The HTTP status.
    pub status: u16,
    /// What kind of error it is, where the status alone does not say.
    pub scim_type: Option<ScimType>,
    /// What went wrong, for people.
    pub detail: Option<String>,
}

/// The kinds of error that SCIM names (RFC 7644 section 3.12, table 9; RFC 9865 section 2.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ScimType {
    /// The filter is malformed, or compares what cannot be compared.
    InvalidFilter,
    /// The filter yields more than the provider is willing to return.
    TooMany,
    /// A value that has to be unique is taken.
    Uniqueness,
    /// The change contradicts the attribute's mutability.
    Mutability,
    /// The body is malformed, or not the message it should be.
    InvalidSyntax,
    /// The path of a PATCH operation is malformed or names nothing that exists.
    InvalidPath,
    /// The path of a PATCH operation selects nothing.
    NoTarget,
    /// A required value is missing, or a value does not fit its attribute.
    InvalidValue,
    /// The protocol version is not supported.
    InvalidVers,
    /// The request would have put sensitive data into a URI.
    Sensitive,
    /// The cursor is none that the provider gave out.
    InvalidCursor,
    /// The cursor has expired; the query has to start again.
    ExpiredCursor,
    /// The count is out of the provider's range.
    InvalidCount,
    /// A kind that neither RFC names, in the provider's spelling.
    Other(String),
}

impl ScimError {
    /// An error with a status and a sentence.
    #[must_use]
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: Some(detail.into()) }
    }

    /// The same error with a kind.
    #[must_use]
    pub fn with_type(mut self, scim_type: ScimType) -> Self {
        self.scim_type = Some(scim_type);
        self
    }

    /// A 400 of this kind, which is what nearly every kind goes with.
    #[must_use]
    pub fn bad_request(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self::new(400, detail).with_type(scim_type)
    }

    /// Reads a provider's error body.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not an object, or has neither a status nor anything else of an error.
    pub fn from_value(value: &Value) -> Result<Self, Unreadable> {
        const WHAT: &str = "error message";
        let object = json::object(WHAT, value)?;
        let status =
            match json::field(object, "status") {
                None => None,
                Some(given) => Some(read_status(given).ok_or_else(|| {
                    Unreadable::field(WHAT, "status", "an HTTP status from 100 to 599", given)
                })?),
            };
        let scim_type = json::text(object, "scimType").map(ScimType::from);
        let detail = json::text(object, "detail").map(str::to_owned);
        let says_so = json::mentions_schema(object, &urn::ERROR);
        match status {
            Some(status) => Ok(Self { status, scim_type, detail }),
            // RFC 7644 requires the status; 400 is what a body that calls itself an error most likely was.
            None if says_so || scim_type.is_some() => Ok(Self { status: 400, scim_type, detail }),
            None => Err(Unreadable::missing(WHAT, "status")),
        }
    }

    /// The body of a response. The status is a string there (RFC 7644 section 3.12).
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("schemas".into(), Value::from(vec![urn::ERROR.as_str()]));
        object.insert("status".into(), self.status.to_string().into());
        if let Some(scim_type) = &self.scim_type {
            object.insert("scimType".into(), scim_type.as_str().into());
        }
        if let Some(detail) = &self.detail {
            object.insert("detail".into(), detail.as_str().into());
        }
        Value::Object(object)
    }
}

pub(crate) fn read_status(value: &Value) -> Option<u16> {
    let status = match value {
        Value::String(text) => text.trim().parse().ok()?,
        Value::Number(number) => u16::try_from(number.as_u64()?).ok()?,
        _ => return None,
    };
    (100..600).contains(&status).then_some(status)
}

impl fmt::Display for ScimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(scim_type) = &self.scim_type {
            write!(f, " ({scim_type})")?;
        }
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ScimError {}

macro_rules! scim_types {
    ($($variant:ident = $text:literal),* $(,)?) => {
        impl ScimType {
            /// The word on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        /// Reads the word on the wire, in any case.
        impl From<&str> for ScimType {
            fn from(text: &str) -> Self {
                $(if text.eq_ignore_ascii_case($text) { return Self::$variant; })*
                Self::Other(text.to_owned())
            }
        }
    };
}

scim_types! {
    InvalidFilter = "invalidFilter",
    TooMany = "tooMany",
    Uniqueness = "uniqueness",
    Mutability = "mutability",
    InvalidSyntax = "invalidSyntax",
    InvalidPath = "invalidPath",
    NoTarget = "noTarget",
    InvalidValue = "invalidValue",
    InvalidVers = "invalidVers",
    Sensitive = "sensitive",
    InvalidCursor = "invalidCursor",
    ExpiredCursor = "expiredCursor",
    InvalidCount = "invalidCount",
}

impl fmt::Display for ScimType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Point 22: the status as a string or a number, `scimType` optional.
    #[test]
    fn the_status_may_be_a_string_or_a_number() {
        for status in [json!("404"), json!(404), json!(" 404 ")] {
            let error = ScimError::from_value(&json!({"status": status, "detail": "gone"})).unwrap();
            assert_eq!(error, ScimError::new(404, "gone"));
        }
    }

    #[test]
    fn an_error_survives_the_wire() {
        let error = ScimError::bad_request(ScimType::Other("vendorSpecific".into()), "no");
        assert_eq!(ScimError::from_value(&error.to_value()).unwrap(), error);
        assert_eq!(error.to_string(), "400 (vendorSpecific): no");
    }

    /// Point 22: what is no error is not read as one.
    #[test]
    fn a_body_that_is_no_error_is_not_taken_for_one() {
        for body in [json!([]), json!("x"), json!({}), json!({"userName": "a"}), json!({"status": "active"})]
        {
            assert!(ScimError::from_value(&body).is_err(), "{body}");
        }
    }

    #[test]
    fn kinds_are_read_in_any_case() {
        assert_eq!(ScimType::from("NOTARGET"), ScimType::NoTarget);
        assert_eq!(ScimType::from("odd"), ScimType::Other("odd".into()));
    }
}
