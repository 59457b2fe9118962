//! A resource as it was last sent and seen.

use scimwright_scim::{Desired, Resource};

/// What is remembered of a resource, so that what did not change is not sent again.
///
/// A provider may keep a value in another form than it was sent: a user name in lower case, a display name
/// that it makes itself. What was sent decides whether something changed, and what was seen how to change it.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The provider's id.
    pub id: String,
    /// The last state sent; none for a resource that was found and never written.
    pub sent: Option<Desired>,
    /// The resource as the provider last showed it, or as it must be after what was sent.
    pub seen: Resource,
}

impl Known {
    /// The version of what was seen, for `If-Match`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.seen.version()
    }
}
