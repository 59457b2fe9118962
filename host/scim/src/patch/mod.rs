//! A modification as a value (RFC 7644 section 3.5.2): parse, print, apply.
//!
//! - [`PatchRequest`], [`PatchOperation`] here
//! - `path`: [`PatchPath`], what an operation targets
//! - `parse`: from and to JSON
//! - `apply`: carrying it out on a resource, all of it or nothing

mod apply;
mod elements;
mod parse;
mod path;
mod value;

pub use path::PatchPath;

use serde_json::Value;

/// A modification of one resource.
///
/// ```
/// use scimwright_scim::{PatchRequest, Resource, builtin};
/// use serde_json::json;
///
/// let patch = PatchRequest::parse(&json!({
///     "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
///     "Operations": [{"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "z@example.com"}],
/// }))?;
/// let mut user = Resource::from_value(json!({"emails": [{"type": "work", "value": "a@example.com"}]}))?;
/// assert!(patch.apply(&mut user, &builtin::user_schema_set())?);
/// assert_eq!(user.as_map()["emails"][0]["value"], "z@example.com");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PatchRequest {
    /// What is to be done, in this order.
    pub operations: Vec<PatchOperation>,
}

/// One step of a modification.
#[derive(Debug, Clone, PartialEq)]
pub enum PatchOperation {
    /// RFC 7644 section 3.5.2.1.
    Add {
        /// What is added to; `None` means the resource, and the value holds attributes.
        path: Option<PatchPath>,
        /// What is added.
        value: Value,
    },
    /// RFC 7644 section 3.5.2.3.
    Replace {
        /// What is replaced; `None` means the resource, and the value holds attributes.
        path: Option<PatchPath>,
        /// By what.
        value: Value,
    },
    /// RFC 7644 section 3.5.2.2: a remove always names its target.
    Remove {
        /// What is removed.
        path: PatchPath,
    },
}

impl PatchRequest {
    /// A modification with these steps.
    #[must_use]
    pub fn new(operations: Vec<PatchOperation>) -> Self {
        Self { operations }
    }

    /// Whether there is nothing to be done, and so nothing to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

impl PatchOperation {
    /// The word on the wire: `add`, `replace`, `remove`.
    #[must_use]
    pub fn op(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add",
            Self::Replace { .. } => "replace",
            Self::Remove { .. } => "remove",
        }
    }

    /// What it targets; `None` means the resource.
    #[must_use]
    pub fn path(&self) -> Option<&PatchPath> {
        match self {
            Self::Add { path, .. } | Self::Replace { path, .. } => path.as_ref(),
            Self::Remove { path } => Some(path),
        }
    }

    /// What it adds or puts in place.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Add { value, .. } | Self::Replace { value, .. } => Some(value),
            Self::Remove { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
