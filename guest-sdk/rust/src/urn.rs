//! The schema URNs of RFC 7643 that mappings name.

/// The core schema of users (RFC 7643 §4.1).
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// The core schema of groups (RFC 7643 §4.2).
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// The enterprise extension of users (RFC 7643 §4.3): `employeeNumber`, `costCenter`, `organization`,
/// `division`, `department` and `manager`.
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// An attribute's full name, as manifests and attribute maps carry it.
///
/// ```
/// use scimwright_guest::urn;
///
/// assert_eq!(
///     urn::attribute(urn::ENTERPRISE_USER, "manager"),
///     "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
/// );
/// ```
#[must_use]
pub fn attribute(urn: &str, name: &str) -> String {
    format!("{urn}:{name}")
}
