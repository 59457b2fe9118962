//! Several operations in one request, and the answer to them (RFC 7644 section 3.7): parse, print, order.
//!
//! - [`BulkRequest`], [`BulkOperation`], [`BulkResponse`], [`BulkResult`] here
//! - `parse`: from and to JSON
//! - `references`: what one operation needs of another, and an order that heeds it

mod parse;
mod references;

pub use references::{Circular, Unresolved, in_order};

use crate::error::ScimError;
use serde_json::Value;
use std::fmt;

/// Several operations in one request (RFC 7644 section 3.7).
///
/// ```
/// use scimwright_scim::{BulkMethod, BulkOperation, BulkRequest};
/// use serde_json::json;
///
/// let create = BulkOperation {
///     bulk_id: Some("jdoe".into()),
///     data: Some(json!({"userName": "jdoe"})),
///     ..BulkOperation::new(BulkMethod::Post, "/Users")
/// };
/// let request = BulkRequest { fail_on_errors: Some(1), operations: vec![create] };
/// assert_eq!(request.to_value()["Operations"][0]["method"], "POST");
/// assert_eq!(BulkRequest::from_value(request.to_value())?, request);
/// # Ok::<(), scimwright_scim::ScimError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BulkRequest {
    /// After how many failures the provider stops; `None` lets it carry on to the end.
    pub fail_on_errors: Option<u32>,
    /// What is to be done, in this order.
    pub operations: Vec<BulkOperation>,
}

/// One operation of a bulk request.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkOperation {
    /// What is done.
    pub method: BulkMethod,
    /// The client's name for the operation, by which its result is found and by which other operations refer
    /// to the resource that a POST creates. RFC 7644 section 3.7 requires one for POST; a request without is
    /// read all the same.
    pub bulk_id: Option<String>,
    /// The ETag that the resource has to have.
    pub version: Option<String>,
    /// What it is done to, relative to the base URL, ids percent-encoded: `/Users`, `/Users/2819c`.
    pub path: String,
    /// The body that the request would have if it were sent alone; a DELETE has none.
    pub data: Option<Value>,
}

/// What an operation of a bulk request does (RFC 7644 section 3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BulkMethod {
    /// Create.
    Post,
    /// Replace.
    Put,
    /// Modify.
    Patch,
    /// Delete.
    Delete,
}

/// The answer to a bulk request (RFC 7644 section 3.7).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BulkResponse {
    /// What became of each operation that the provider tried. With `failOnErrors` it may have stopped early,
    /// so that there are fewer results than operations.
    pub operations: Vec<BulkResult>,
}

/// What became of one operation.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkResult {
    /// What was done. RFC 7644 requires it; some providers leave it out.
    pub method: Option<BulkMethod>,
    /// The client's name for the operation.
    pub bulk_id: Option<String>,
    /// The resource's ETag afterwards.
    pub version: Option<String>,
    /// The resource's URL; missing where a create failed.
    pub location: Option<String>,
    /// The HTTP status that the operation would have had if it were sent alone.
    pub status: u16,
    /// The body of that answer. RFC 7644 section 3.7.3 requires it where the operation failed.
    pub response: Option<Value>,
}

impl BulkOperation {
    /// An operation with nothing but what every operation has.
    #[must_use]
    pub fn new(method: BulkMethod, path: impl Into<String>) -> Self {
        Self { method, bulk_id: None, version: None, path: path.into(), data: None }
    }
}

impl BulkResult {
    /// A result with nothing but a status.
    #[must_use]
    pub fn new(method: BulkMethod, status: u16) -> Self {
        Self { method: Some(method), bulk_id: None, version: None, location: None, status, response: None }
    }

    /// Whether the operation was carried out.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Why the operation failed, if it did. Where the body says nothing readable, the status alone is the
    /// error; the status beside the body counts, should the body have another.
    #[must_use]
    pub fn error(&self) -> Option<ScimError> {
        if self.status < 400 {
            return None;
        }
        let said = self.response.as_ref().and_then(|body| ScimError::from_value(body).ok());
        let bare = ScimError { status: self.status, scim_type: None, detail: None };
        Some(ScimError { status: self.status, ..said.unwrap_or(bare) })
    }
}

impl BulkMethod {
    const ALL: [Self; 4] = [Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Reads the word on the wire, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| text.eq_ignore_ascii_case(one.as_str()))
    }
}

impl fmt::Display for BulkMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ScimType;
    use serde_json::json;

    #[test]
    fn a_result_that_failed_says_why_as_far_as_it_can() {
        let said = json!({"status": "400", "scimType": "uniqueness", "detail": "taken"});
        let failed = BulkResult { response: Some(said), ..BulkResult::new(BulkMethod::Post, 409) };
        let error = failed.error().unwrap();
        assert_eq!((error.status, error.scim_type), (409, Some(ScimType::Uniqueness)));
        let bare = BulkResult { response: Some(json!("<html>")), ..BulkResult::new(BulkMethod::Delete, 502) };
        assert_eq!(bare.error().unwrap().to_string(), "502");
        assert_eq!(BulkResult::new(BulkMethod::Put, 200).error(), None);
    }
}
