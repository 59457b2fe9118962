//! The ways of a played provider that a request can go against.

use serde::{Deserialize, Serialize};

/// A way of the played provider, named after the quirk that tells a client of it, where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Fewer requests that read.
    Reads,
    /// Fewer requests that change something.
    Writes,
    /// Another media type of bodies.
    ContentType,
    /// Another path of ServiceProviderConfig.
    ServiceProviderConfig,
    /// No PATCH.
    Patch,
    /// The other one of PATCH and PUT.
    Update,
    /// Simpler filters.
    FilterOperators,
    /// Filters in the body of a search only.
    QueryBy,
    /// Paths, or none, in PATCH operations.
    PatchForm,
    /// Another spelling of PATCH operations.
    OperationNames,
    /// Other attributes in a PATCH.
    Patchable,
    /// Another form of taking members out.
    MemberRemoval,
    /// Fewer members added at once.
    MemberAdditions,
    /// Fewer members removed at once.
    MemberRemovals,
    /// Members changed one by one.
    MembersAsAWhole,
    /// Fewer members in a create.
    MembersOnCreate,
    /// A type with every member.
    MemberType,
    /// More attributes in a create or replacement.
    Required,
    /// One value only.
    SingleValued,
    /// The id in the body of a PUT.
    IdInPut,
}
