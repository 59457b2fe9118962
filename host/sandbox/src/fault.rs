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

/// A cursor that the query was not answered with (RFC 9865 section 2.1).
pub(crate) fn invalid_cursor(detail: impl Into<String>) -> ScimError {
    ScimError::bad_request(ScimType::InvalidCursor, detail)
}

/// A cursor that came too late (RFC 9865 section 2.1).
pub(crate) fn expired_cursor(detail: impl Into<String>) -> ScimError {
    ScimError::bad_request(ScimType::ExpiredCursor, detail)
}

/// A page size that paging by cursor does not have (RFC 9865 section 2.1).
pub(crate) fn invalid_count(detail: impl Into<String>) -> ScimError {
    ScimError::bad_request(ScimType::InvalidCount, detail)
}

/// What this provider leaves out (RFC 7644 section 3.12, table 8).
pub(crate) fn not_implemented(detail: impl Into<String>) -> ScimError {
    ScimError::new(501, detail)
}

/// More than one request may hold (RFC 7644 sections 3.7.4 and 3.12).
pub(crate) fn too_large(detail: impl Into<String>) -> ScimError {
    ScimError::new(413, detail)
}

/// A filter that is not understood (RFC 7644 section 3.4.2.2).
pub(crate) fn invalid_filter(detail: impl Into<String>) -> ScimError {
    ScimError::bad_request(ScimType::InvalidFilter, detail)
}

/// The target of a PATCH operation that is not taken.
pub(crate) fn invalid_path(detail: impl Into<String>) -> ScimError {
    ScimError::bad_request(ScimType::InvalidPath, detail)
}
