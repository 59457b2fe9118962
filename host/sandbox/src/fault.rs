//! The errors the sandbox words itself (RFC 7644 section 3.12, table 9), one constructor for each kind.

use scimwright_scim::{ScimError, ScimType};

/// The body is no JSON, or has members that no schema declares.
pub(crate) fn invalid_syntax(detail: impl Into<String>) -> ScimError {
    ScimError::bad_request(ScimType::InvalidSyntax, detail)
}

/// A required value is missing, or a value does not suit its attribute.
pub(crate) fn invalid_value(detail: impl Into<String>) -> ScimError {
    ScimError::bad_request(ScimType::InvalidValue, detail)
}

/// An attempt to change what must not change.
pub(crate) fn mutability(detail: impl Into<String>) -> ScimError {
    ScimError::bad_request(ScimType::Mutability, detail)
}

/// A value that another resource has already.
pub(crate) fn uniqueness(detail: impl Into<String>) -> ScimError {
    ScimError::new(409, detail).with_type(ScimType::Uniqueness)
}
